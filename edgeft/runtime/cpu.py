"""What this machine's CPU can do, and how much of it this process may use."""

import math
import os
import platform
import subprocess
import sys
from collections.abc import Set as AbstractSet
from functools import lru_cache
from pathlib import Path

__all__ = ["cpu_features", "cpu_name", "has_int8_dot", "usable_cores"]

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
    """Whether the CPU multiplies int8 natively, without which int8 is rarely faster."""
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
    """The CPU's own name, or its architecture where the system does not tell."""
    if sys.platform == "linux":
        name = _cpuinfo("model name")
    elif sys.platform == "darwin":
        name = _sysctl("machdep.cpu.brand_string").partition(": ")[2].strip()
    else:
        name = platform.processor()
    return name or platform.machine()


def usable_cores() -> int:
    """Cores that this process may use: its affinity mask and its cgroup's CPU quota.

    At least 1; a quota of 1.5 cores counts as 2.
    """
    affinity = (
        len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    )
    quota = _cgroup_quota(Path("/sys/fs/cgroup"), Path("/proc/self/cgroup"))
    return max(1, affinity if quota is None else min(affinity, math.ceil(quota)))


def _cgroup_quota(root: Path, membership: Path) -> float | None:
    """The smallest CPU quota, in cores, of this process's cgroup and its parents.

    Reads cgroup v2 (cpu.max) and v1 (cpu.cfs_quota_us); None where there is no limit.
    """
    quotas = []
    for hierarchy, path in _cgroups(root, membership):
        for folder in (path, *path.parents):
            if folder != hierarchy and hierarchy not in folder.parents:
                break
            quota = _quota_v2(folder / "cpu.max") or _quota_v1(folder)
            if quota is not None:
                quotas.append(quota)
    return min(quotas, default=None)


def _cgroups(root: Path, membership: Path) -> list[tuple[Path, Path]]:
    """(hierarchy, this process's folder in it); in a container the root is our own group."""
    groups = []
    for line in _read(membership).splitlines():
        _, controllers, path = line.split(":", 2)
        if controllers == "":
            groups.append((root, root / path.lstrip("/")))
        elif "cpu" in controllers.split(","):
            for name in (controllers, "cpu"):
                groups.append((root / name, root / name / path.lstrip("/")))
    return groups


def _quota_v2(path: Path) -> float | None:
    quota, _, period = _read(path).strip().partition(" ")
    return int(quota) / int(period) if quota.isdigit() and period.isdigit() else None


def _quota_v1(folder: Path) -> float | None:
    quota = _read(folder / "cpu.cfs_quota_us").strip()
    period = _read(folder / "cpu.cfs_period_us").strip()
    return int(quota) / int(period) if quota.isdigit() and period.isdigit() else None


def _read(path: Path) -> str:
    try:
        return path.read_text()
    except OSError:
        return ""


def _cpuinfo(key: str) -> str:
    for line in _read(Path("/proc/cpuinfo")).splitlines():
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
