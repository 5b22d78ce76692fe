"""What this machine's CPU can do, and how much of it this process may use."""

import math
import os
import platform
import subprocess
import sys
from collections.abc import Set as AbstractSet
from functools import lru_cache
from pathlib import Path

from edgeft.runtime.system_files import MEMBERSHIP, ROOT, group_folders, read_text

__all__ = [
    "MOST_THREADS",
    "cgroup_quota",
    "cpu_features",
    "cpu_name",
    "has_int8_dot",
    "own_cores",
    "usable_cores",
]

# CPU threads of a model. More than machines have cores; onnxruntime took 1 s to start them on
# two cores, and more than half a minute for twice as many.
MOST_THREADS = 2048
BOARD = Path("/proc/device-tree/model")  # Arm's cpuinfo names no CPU
# The operating systems' words for a feature, and ours.
_ALIASES = {
    "avx_vnni": "vnni",
    "avx512_vnni": "vnni",
    "amx_int8": "amx_int8",
    "amx_bf16": "amx_bf16",
    "avx2": "avx2",
    "avx512f": "avx512f",
    "fma": "fma",
    "asimd": "neon",
    "asimddp": "dotprod",
    "i8mm": "i8mm",
    "hw.optional.arm.FEAT_DotProd": "dotprod",
    "hw.optional.arm.FEAT_I8MM": "i8mm",
    "hw.optional.neon": "neon",
    "hw.optional.avx2_0": "avx2",
    "hw.optional.avx512f": "avx512f",
    "hw.optional.fma": "fma",
}


def has_int8_dot(features: AbstractSet[str]) -> bool:
    """Whether the CPU multiplies int8 natively; how quick int8 is, only a measurement tells."""
    return not features.isdisjoint({"vnni", "amx_int8", "dotprod", "i8mm"})


@lru_cache(maxsize=1)
def cpu_features() -> frozenset[str]:
    """The features that matter to inference, under one name on every system.

    Known names: avx2, avx512f, fma, vnni (AVX-VNNI or AVX512-VNNI), amx_int8,
    amx_bf16, neon, dotprod, i8mm. Empty where the system does not tell.
    """
    if sys.platform == "linux":
        words = _cpuinfo("flags") or _cpuinfo("Features")
        found = words.split()
    elif sys.platform == "darwin":
        lines = _sysctl("hw.optional").splitlines()
        found = [
            name for name, _, value in (line.partition(": ") for line in lines) if value == "1"
        ]
    else:
        found = []
    return frozenset(_ALIASES[word] for word in found if word in _ALIASES)


@lru_cache(maxsize=1)
def cpu_name() -> str:
    """The CPU's own name, else the board's, else its architecture."""
    if sys.platform == "linux":
        # Of a board such as "Raspberry Pi 5 Model B Rev 1.0".
        name = _cpuinfo("model name") or read_text(BOARD).strip("\0\n")
    elif sys.platform == "darwin":
        name = _sysctl("machdep.cpu.brand_string").partition(": ")[2].strip()
    else:
        name = platform.processor()
    return name or platform.machine()


def usable_cores() -> int:
    """Cores that this process may use: its affinity mask and its cgroup's CPU quota.

    At least 1; a quota of 1.5 cores counts as 2.
    """
    affinity, quota = len(own_cores()), cgroup_quota()
    return max(1, affinity if quota is None else min(affinity, math.ceil(quota)))


def own_cores() -> list[int]:
    """The numbers of the cores that this process may run on: its affinity mask, or all."""
    if hasattr(os, "sched_getaffinity"):
        return sorted(os.sched_getaffinity(0))
    return list(range(os.cpu_count() or 1))


def cgroup_quota(root: Path = ROOT, membership: Path = MEMBERSHIP) -> float | None:
    """The smallest CPU quota, in cores, of this process's cgroup and its parents.

    Reads cgroup v2 (cpu.max) and v1 (cpu.cfs_quota_us); None where there is no limit.
    """
    quotas = [
        _quota_v2(folder / "cpu.max") or _quota_v1(folder)
        for folder in group_folders("cpu", root, membership)
    ]
    return min((quota for quota in quotas if quota is not None), default=None)


def _quota_v2(path: Path) -> float | None:
    quota, _, period = read_text(path).strip().partition(" ")
    return int(quota) / int(period) if quota.isdigit() and period.isdigit() else None


def _quota_v1(folder: Path) -> float | None:
    quota = read_text(folder / "cpu.cfs_quota_us").strip()
    period = read_text(folder / "cpu.cfs_period_us").strip()
    return int(quota) / int(period) if quota.isdigit() and period.isdigit() else None


def _cpuinfo(key: str) -> str:
    for line in read_text(Path("/proc/cpuinfo")).splitlines():
        name, _, value = line.partition(":")
        if name.strip() == key:
            return value.strip()
    return ""


def _sysctl(name: str) -> str:
    try:
        answer = subprocess.run(["sysctl", name], capture_output=True, text=True, check=False)
    except OSError:
        return ""
    return answer.stdout
