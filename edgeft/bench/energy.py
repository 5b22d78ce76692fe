"""Energy, where the machine has a gauge that can be read: RAPL, NVML or a battery."""

import ctypes
import sys
from dataclasses import dataclass
from pathlib import Path

__all__ = ["EnergyMeter"]

POWERCAP = Path("/sys/class/powercap")
SUPPLIES = Path("/sys/class/power_supply")
MICROWATT_HOUR_J = 3.6e-3


@dataclass
class EnergyMeter:
    """Reads the energy that the device has used since ``start``, in joules.

    On NVIDIA GPUs that of the GPU alone (NVML,
    nvmlDeviceGetTotalEnergyConsumption); on CPUs that of all packages (Linux
    powercap, intel_rapl, which AMD has too), else that of a battery that is being
    discharged: the whole machine. What other processes use is counted with it.
    """

    powercap: Path = POWERCAP
    supplies: Path = SUPPLIES
    gpu: int | None = None

    def __post_init__(self) -> None:
        self.source, self._begin = self._read()

    def start(self) -> None:
        """Count from here."""
        self.source, self._begin = self._read()

    def joules(self) -> float | None:
        """The energy since ``start``; None where no gauge can be read, or it ran backwards."""
        source, now = self._read()
        if source != self.source or source == "":
            return None
        used = 0.0
        for name, (value, limit) in now.items():
            begin = self._begin.get(name, (value, limit))[0]
            step = value - begin if source != "battery" else begin - value
            used += step + limit if step < 0 else step  # RAPL's counters wrap around
        return used if used >= 0 else None

    def _read(self) -> tuple[str, dict[str, tuple[float, float]]]:
        """The gauge's kind, and (joules, joules at which it wraps) of each of its parts."""
        if self.gpu is not None:
            found = _nvml_joules(self.gpu)
            return ("nvml", {"gpu": (found, 0.0)}) if found is not None else ("", {})
        packages = {
            zone.name: (_number(zone / "energy_uj"), _number(zone / "max_energy_range_uj"))
            for zone in sorted(self.powercap.glob("intel-rapl:*"))
            if zone.name.count(":") == 1  # two colons are parts of a package
        }
        if packages and all(value is not None for value, _ in packages.values()):
            return "rapl", {
                name: (value * 1e-6, (limit or 0.0) * 1e-6)
                for name, (value, limit) in packages.items()
                if value is not None
            }
        for battery in sorted(self.supplies.glob("BAT*")):
            left = _number(battery / "energy_now")  # microwatt hours
            if left is not None and _text(battery / "status") == "Discharging":
                return "battery", {battery.name: (left * MICROWATT_HOUR_J, 0.0)}
        return "", {}


def _nvml_joules(index: int) -> float | None:
    try:
        library = ctypes.CDLL("nvml.dll" if sys.platform == "win32" else "libnvidia-ml.so.1")
        device, energy_mj = ctypes.c_void_p(), ctypes.c_ulonglong()
        failed = (
            library.nvmlInit_v2()
            or library.nvmlDeviceGetHandleByIndex_v2(index, ctypes.byref(device))
            or library.nvmlDeviceGetTotalEnergyConsumption(device, ctypes.byref(energy_mj))
        )
    except (OSError, AttributeError):
        return None
    return None if failed else energy_mj.value * 1e-3


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="ascii", errors="replace").strip()
    except OSError:  # RAPL is readable by root alone on most systems
        return ""


def _number(path: Path) -> float | None:
    text = _text(path)
    return float(text) if text.isdigit() else None
