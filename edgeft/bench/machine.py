"""What the numbers were measured on. Nothing here names the host or its user."""

import os
import platform
import re
import subprocess
import sys
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from edgeft import __version__
from edgeft.packages import package_versions
from edgeft.runtime.cpu import cpu_features, cpu_name, usable_cores
from edgeft.runtime.system_files import MEMBERSHIP, ROOT, group_folders, read_text

__all__ = [
    "ORT_DISTRIBUTIONS",
    "Gpu",
    "Machine",
    "describe_machine",
    "nvidia_gpus",
    "peak_rss_bytes",
    "usable_memory_bytes",
]

# All of these install the same folder, onnxruntime/, so a machine can have one of them.
ORT_DISTRIBUTIONS = (
    "onnxruntime",
    "onnxruntime-gpu",
    "onnxruntime-directml",
    "onnxruntime-openvino",
    "onnxruntime-qnn",
    "onnxruntime-migraphx",
)
BASE_PACKAGES = ("numpy", "tokenizers", "click", "rich")

UNLIMITED_BYTES = 1 << 60  # cgroup v1 writes "no limit" as a number near 2**63


@dataclass(frozen=True)
class Gpu:
    """An NVIDIA GPU as its driver describes it."""

    name: str
    driver: str
    memory: str


@dataclass(frozen=True)
class Machine:
    """A machine, as far as it bears on speed.

    ``usable_cores`` respects affinity and cgroup quota, ``host_cores`` does
    not. ``memory_bytes`` is the smaller of what is built in and the cgroup's
    limit, None where the system does not tell. ``load_average`` is that of the
    last minute when this was asked, None on systems without one.
    """

    cpu: str
    features: tuple[str, ...]
    usable_cores: int
    host_cores: int
    memory_bytes: int | None
    system: str
    python: str
    packages: dict[str, str]
    gpus: tuple[Gpu, ...]
    load_average: float | None

    def to_dict(self) -> dict[str, Any]:
        """A JSON-ready dictionary of everything."""
        return asdict(self)

    def summary(self) -> str:
        """One line: the CPU, its cores, the memory, the system, Python, onnxruntime."""
        memory = f", {self.memory_bytes / 2**30:.0f} GiB" if self.memory_bytes else ""
        runtime = "".join(
            f", {name} {self.packages[name]}" for name in ORT_DISTRIBUTIONS if name in self.packages
        )
        gpus = "".join(f", {gpu.name}" for gpu in self.gpus)
        cores = f"{self.usable_cores} of {self.host_cores} cores"
        return f"{self.cpu}, {cores}{memory}{gpus}, {self.system}, Python {self.python}{runtime}"


def describe_machine() -> Machine:
    """Describe this machine, in some 50 ms."""
    return Machine(
        cpu=cpu_name(),
        features=tuple(sorted(cpu_features())),
        usable_cores=usable_cores(),
        host_cores=os.cpu_count() or 1,
        memory_bytes=usable_memory_bytes(),
        system=f"{platform.system()} {platform.machine()}",
        python=platform.python_version(),
        packages={
            "edgeft": __version__,
            **package_versions((*BASE_PACKAGES, *ORT_DISTRIBUTIONS)),
        },
        gpus=tuple(nvidia_gpus()),
        load_average=os.getloadavg()[0] if hasattr(os, "getloadavg") else None,
    )


def nvidia_gpus() -> list[Gpu]:
    """The GPUs that nvidia-smi lists; empty where there is no NVIDIA driver."""
    query = ["nvidia-smi", "--query-gpu=name,driver_version,memory.total", "--format=csv,noheader"]
    try:
        answer = subprocess.run(query, capture_output=True, text=True, check=False, timeout=20)
    except (OSError, subprocess.TimeoutExpired):
        return []
    if answer.returncode != 0:
        return []
    return parse_gpus(answer.stdout)


def parse_gpus(listing: str) -> list[Gpu]:
    """Read nvidia-smi's lines of "name, driver, memory"; other lines are skipped."""
    rows = [[cell.strip() for cell in line.split(",")] for line in listing.splitlines()]
    return [Gpu(*row) for row in rows if len(row) == 3]


def usable_memory_bytes(root: Path = ROOT, membership: Path = MEMBERSHIP) -> int | None:
    """The machine's memory, or the limit of this process's cgroup where that is smaller.

    Reads cgroup v2 (memory.max) and v1 (memory.limit_in_bytes). None where the
    system tells neither.
    """
    limits = _memory_limits(root, membership)
    if hasattr(os, "sysconf") and "SC_PHYS_PAGES" in os.sysconf_names:
        limits.append(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE"))
    return min(limits, default=None)


def peak_rss_bytes() -> int | None:
    """The largest resident memory of this process so far; None where it is not told."""
    # Linux keeps ru_maxrss over exec, so a child would report what its parent had; VmHWM is new.
    status = read_text(Path("/proc/self/status"))
    found = re.search(r"^VmHWM:\s*(\d+) kB", status, re.MULTILINE)
    if found:
        return int(found[1]) * 1024
    if sys.platform == "win32":
        return None
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024  # bytes there, KiB elsewhere


def _memory_limits(root: Path, membership: Path) -> list[int]:
    texts = [
        read_text(folder / name).strip()
        for folder in group_folders("memory", root, membership)
        for name in ("memory.max", "memory.limit_in_bytes")
    ]
    return [int(text) for text in texts if text.isdigit() and int(text) < UNLIMITED_BYTES]
