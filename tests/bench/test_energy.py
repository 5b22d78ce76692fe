from pathlib import Path

import pytest

from edgeft.bench.energy import EnergyMeter


def package(
    root: Path, zone_name: str, microjoules: int, limit: int = 10_000_000, *, of: str = "package-0"
) -> Path:
    zone = root / zone_name
    zone.mkdir(parents=True, exist_ok=True)
    (zone / "name").write_text(f"{of}\n")
    (zone / "energy_uj").write_text(f"{microjoules}\n")
    (zone / "max_energy_range_uj").write_text(f"{limit}\n")
    return zone


def test_packages_are_summed_and_their_parts_are_not(tmp_path: Path) -> None:
    package(tmp_path, "intel-rapl:0", 1_000_000)
    package(tmp_path, "intel-rapl:1", 2_000_000)
    package(tmp_path, "intel-rapl:0:0", 500_000, of="core")
    package(tmp_path, "intel-rapl:2", 500_000, of="psys")  # a laptop's platform, packages and all
    meter = EnergyMeter(powercap=tmp_path, supplies=tmp_path / "none")
    meter.start()
    package(tmp_path, "intel-rapl:0", 3_500_000)
    package(tmp_path, "intel-rapl:1", 2_500_000)
    package(tmp_path, "intel-rapl:0:0", 900_000, of="core")
    package(tmp_path, "intel-rapl:2", 9_000_000, of="psys")
    assert meter.source == "rapl"
    assert meter.joules(100.0) == pytest.approx(3.0)


def test_a_counter_that_wrapped_around_is_carried_on(tmp_path: Path) -> None:
    package(tmp_path, "intel-rapl:0", 9_000_000)
    meter = EnergyMeter(powercap=tmp_path, supplies=tmp_path / "none")
    package(tmp_path, "intel-rapl:0", 500_000)
    assert meter.joules(100.0) == pytest.approx(1.5)


def battery(root: Path, microwatt_hours: int, status: str = "Discharging") -> None:
    folder = root / "BAT0"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "energy_now").write_text(f"{microwatt_hours}\n")
    (folder / "status").write_text(f"{status}\n")


def test_a_battery_tells_what_it_lost(tmp_path: Path) -> None:
    battery(tmp_path, 50_000_000)
    meter = EnergyMeter(powercap=tmp_path / "none", supplies=tmp_path)
    battery(tmp_path, 49_990_000)
    assert meter.source == "battery"
    assert meter.joules(100.0) == pytest.approx(36.0)  # 10 mWh
    assert meter.joules(10.0) is None  # in which it may not have ticked


def test_a_battery_that_counts_charge_is_read_with_its_voltage(tmp_path: Path) -> None:
    battery(tmp_path, 0)
    (tmp_path / "BAT0" / "energy_now").unlink()
    (tmp_path / "BAT0" / "voltage_now").write_text("12000000\n")
    (tmp_path / "BAT0" / "charge_now").write_text("3000000\n")
    meter = EnergyMeter(powercap=tmp_path / "none", supplies=tmp_path)
    (tmp_path / "BAT0" / "charge_now").write_text("2999000\n")
    assert meter.joules(100.0) == pytest.approx(43.2)  # 1 mAh at 12 V


def test_a_battery_that_is_charged_tells_nothing(tmp_path: Path) -> None:
    battery(tmp_path, 50_000_000, "Charging")
    meter = EnergyMeter(powercap=tmp_path / "none", supplies=tmp_path)
    assert (meter.source, meter.joules(100.0)) == ("", None)


def test_no_gauge_is_no_energy_and_never_zero(tmp_path: Path) -> None:
    meter = EnergyMeter(powercap=tmp_path, supplies=tmp_path)
    meter.start()
    assert (meter.source, meter.joules(100.0)) == ("", None)


def test_a_gauge_that_only_root_may_read_is_none(tmp_path: Path) -> None:
    zone = package(tmp_path, "intel-rapl:0", 1_000_000)
    (zone / "energy_uj").unlink()
    (zone / "energy_uj").mkdir()  # which cannot be read as a file, whoever asks
    assert EnergyMeter(powercap=tmp_path, supplies=tmp_path).joules(100.0) is None


def test_a_gpu_that_is_not_there_tells_nothing() -> None:
    from edgeft.bench.machine import nvidia_gpus

    if nvidia_gpus():
        pytest.skip("there is a GPU")
    assert EnergyMeter(gpu=0).joules(100.0) is None
