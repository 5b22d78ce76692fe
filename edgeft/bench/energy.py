"""Energy, where the machine has a gauge that can be read: RAPL, NVML or a battery."""

import ctypes
import sys
from pathlib import Path

from edgeft.runtime.system_files import read_text

__all__ = ["BATTERY_S", "EnergyMeter"]

POWERCAP = Path("/sys/class/powercap")
SUPPLIES = Path("/sys/class/power_supply")
MICROWATT_HOUR_J = 3.6e-3
BATTERY_S = 60.0  # it tells in steps of some ten joules


class EnergyMeter:
    """Reads the energy that the device has used since ``start``, in joules.

    On NVIDIA GPUs that of the GPU alone (NVML,
    nvmlDeviceGetTotalEnergyConsumption); on CPUs that of all packages (Linux
    powercap, intel_rapl, which AMD has too), else that of a battery that is being
    discharged: the whole machine. What other processes use is counted with it.
    ``source`` names the gauge: "nvml", "rapl", "battery", "" for none.
    """

    def __init__(
        self, *, gpu: int | None = None, powercap: Path = POWERCAP, supplies: Path = SUPPLIES
    ) -> None:
        """``gpu`` is its number as CUDA counts; None for the CPU."""
        self._gpu, self._powercap, self._supplies = gpu, powercap, supplies
        self.start()

    def start(self) -> None:
        """Count from here."""
        self.source, self._begin = self._read()

    def joules(self, seconds: float) -> float | None:
        """The energy since ``start``, which was ``seconds`` ago.

        None where no gauge can be read, it ran backwards, or it moves in steps that
        are too coarse for the time: a battery needs a minute.
        """
        source, now = self._read()
        if source != self.source or source == "":
            return None
        if source == "battery" and seconds < BATTERY_S:
            return None
        used = 0.0
        for name, (value, limit) in now.items():
            begin = self._begin.get(name, (value, limit))[0]
            step = value - begin if source != "battery" else begin - value
            used += step + limit if step < 0 else step  # RAPL's counters wrap around
        return used if used > 0 else None

    def _read(self) -> tuple[str, dict[str, tuple[float, float]]]:
        """The gauge's kind, and (joules, joules at which it wraps) of each of its parts."""
        if self._gpu is not None:
            found = _nvml_joules(self._gpu)
            return ("nvml", {"gpu": (found, 0.0)}) if found is not None else ("", {})
        packages = {
            zone.name: (_number(zone / "energy_uj"), _number(zone / "max_energy_range_uj"))
            for zone in sorted(self._powercap.glob("intel-rapl:*"))
            if _text(zone / "name").startswith("package")  # not its parts, nor the whole platform
        }
        if packages and all(value is not None for value, _ in packages.values()):
            return "rapl", {
                name: (value * 1e-6, (limit or 0.0) * 1e-6)
                for name, (value, limit) in packages.items()
                if value is not None
            }
        for battery in sorted(self._supplies.glob("BAT*")):
            left = _battery_joules(battery)
            if left is not None and _text(battery / "status") == "Discharging":
                return "battery", {battery.name: (left, 0.0)}
        return "", {}


def _battery_joules(folder: Path) -> float | None:
    """What a battery holds: energy_now in microwatt hours, else charge_now times voltage_now."""
    energy, charge = _number(folder / "energy_now"), _number(folder / "charge_now")
    voltage = _number(folder / "voltage_now")
    if energy is not None:
        return energy * MICROWATT_HOUR_J
    if charge is not None and voltage is not None:  # microampere hours and microvolts
        return charge * voltage * 1e-12 * 3600
    return None


def _nvml_joules(index: int) -> float | None:
    """What a GPU has used since its driver was loaded; None where that cannot be read.

    CUDA may number GPUs otherwise than NVML does, so it is found by its place on the bus.
    """
    windows = sys.platform == "win32"
    place = ctypes.create_string_buffer(32)
    number, device, energy_mj = ctypes.c_int(), ctypes.c_void_p(), ctypes.c_ulonglong()
    try:
        cuda = ctypes.CDLL("nvcuda.dll" if windows else "libcuda.so.1")
        nvml = ctypes.CDLL("nvml.dll" if windows else "libnvidia-ml.so.1")
        failed = (
            cuda.cuInit(0)
            or cuda.cuDeviceGet(ctypes.byref(number), index)
            or cuda.cuDeviceGetPCIBusId(place, len(place), number)
            or nvml.nvmlInit_v2()
            or nvml.nvmlDeviceGetHandleByPciBusId_v2(place, ctypes.byref(device))
            or nvml.nvmlDeviceGetTotalEnergyConsumption(device, ctypes.byref(energy_mj))
        )
    except (OSError, AttributeError):
        return None
    return None if failed else energy_mj.value * 1e-3


def _text(path: Path) -> str:
    return read_text(path).strip()  # "" also for RAPL where root alone may read it


def _number(path: Path) -> float | None:
    text = _text(path)
    return float(text) if text.isdigit() else None
