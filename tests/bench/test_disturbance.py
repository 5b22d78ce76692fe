import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from edgeft.bench.disturbance import Watch, worst_of
from tests.bench.makers import QUIET

BEGIN = Watch(100.0, 2, 5000.0, 10.0, 7.0, 3, 1.0, 0.0)


def test_others_are_what_is_busy_but_not_our_own() -> None:
    end = replace(BEGIN, wall_s=110.0, all_s=5025.0, own_s=20.0)
    assert BEGIN.until(end).busy_cores == pytest.approx(1.5)
    # The kernel's counters tick in hundredths, so a quiet machine can come out below zero.
    assert BEGIN.until(replace(end, all_s=5009.0)).busy_cores == 0.0
    assert BEGIN.until(replace(end, all_s=None)).busy_cores is None


def test_heat_quota_and_stolen_time_are_differences() -> None:
    end = replace(BEGIN, wall_s=110.0, stolen_s=9.0, hot_events=5, quota_s=1.5)
    found = BEGIN.until(end)
    assert (found.hot_events, found.quota_s) == (2, 0.5)
    assert found.stolen_share == pytest.approx(0.1)
    assert BEGIN.until(replace(end, hot_events=None)).hot_events is None


def test_the_counters_are_read_from_the_systems_files(tmp_path: Path) -> None:
    cpus = tmp_path / "cpu"
    for core, count in (("cpu0", 2), ("cpu1", 3)):
        folder = cpus / core / "thermal_throttle"
        folder.mkdir(parents=True)
        (folder / "core_throttle_count").write_text(f"{count}\n")
        (folder / "package_throttle_count").write_text("7\n")
    (tmp_path / "stat").write_text(
        "cpu  600 0 50 900 0 5 5 140 0 0\ncpu0 100 0 50 450 9 5 5 40 0 0\n"
        "cpu1 500 0 0 450 0 0 0 100 0 0\nintr 5\n"
    )
    version_2, version_1 = tmp_path / "2", tmp_path / "1"
    version_2.mkdir()
    (version_2 / "cpu.stat").write_text("usage_usec 5\nthrottled_usec 2500000\n")
    version_1.mkdir()
    (version_1 / "cpu.stat").write_text("nr_throttled 2\nthrottled_time 500000000\n")
    found = Watch.start(cpus, tmp_path / "stat", [version_2, version_1, tmp_path], cores=[0])
    tick = os.sysconf("SC_CLK_TCK")
    assert (found.cores, found.hot_events, found.quota_s) == (1, 9, 3.0)
    assert found.all_s == pytest.approx(160 / tick)  # what was stolen is nobody's work here
    assert found.stolen_s == pytest.approx(40 / tick)
    both = Watch.start(cpus, tmp_path / "stat", [tmp_path], cores=[0, 1])
    assert both.all_s == pytest.approx(660 / tick)
    assert both.quota_s is None


def test_a_system_that_tells_nothing_is_no_error(tmp_path: Path) -> None:
    none = tmp_path / "none"
    found = Watch.start(none, none, []).until(Watch.start(none, none, []))
    assert (found.busy_cores, found.stolen_share, found.hot_events, found.quota_s) == (None,) * 4
    assert list(replace(found, load_average=0.0).warnings(2)) == []


def test_the_worst_span_counts_and_not_the_average() -> None:
    burst = replace(QUIET, busy_cores=1.5, hot_events=1, quota_s=0.1)
    found = worst_of([QUIET] * 50 + [burst])
    assert (found.busy_cores, found.hot_events) == (1.5, 1)
    assert found.seconds == pytest.approx(510)
    assert any("up to 1.5 of 2 cores" in one for one in found.warnings(2))
    assert worst_of([]).busy_cores is None


def test_a_quiet_machine_has_no_warnings() -> None:
    assert list(QUIET.warnings(2)) == []


@pytest.mark.parametrize(
    ("cores", "others", "warns"),
    [(2, 0.2, False), (2, 0.4, True), (8, 5.0, False), (8, 7.0, True)],
)
def test_work_of_others_matters_where_it_takes_our_cores(
    cores: int, others: float, warns: bool
) -> None:
    found = list(replace(QUIET, cores=cores, busy_cores=others).warnings(2))
    assert any("Other processes kept" in one for one in found) == warns


def test_the_load_average_counts_where_nothing_better_is_known() -> None:
    (found,) = replace(QUIET, busy_cores=None, load_average=1.5).warnings(2)
    assert found.startswith("The load average was 1.5 on 2 cores")


def test_throttling_is_told() -> None:
    hot, quota, stolen = (
        next(iter(one.warnings(2)))
        for one in (
            replace(QUIET, hot_events=4),
            replace(QUIET, quota_s=2.0),
            replace(QUIET, stolen_share=0.2),
        )
    )
    assert "slowed because it was too hot" in hot
    assert "quota of this container stopped the work for 2.0 s" in quota
    assert "took 20.0% of the CPU time" in stolen


@pytest.mark.skipif(sys.platform != "linux", reason="/proc/stat is Linux's")
def test_our_own_children_are_no_others() -> None:
    watch = Watch.start()
    subprocess.run([sys.executable, "-c", "sum(range(5_000_000))"], check=True)
    end = Watch.start()
    assert end.own_s - watch.own_s > 0.05  # which others' share does not contain
    assert end.all_s is not None
    assert watch.all_s is not None
    assert end.all_s - watch.all_s > 0.05
