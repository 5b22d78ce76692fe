"""Cores and features."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from edgeft.runtime import cpu


def _cgroup(folder: Path, files: dict[str, str], membership: str) -> float | None:
    for name, content in files.items():
        path = folder / "fs" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
    (folder / "membership").write_text(membership)
    return cpu.cgroup_quota(folder / "fs", folder / "membership")


def test_quota_of_cgroup_2_and_its_parents(tmp_path: Path) -> None:
    files = {"cpu.max": "max 100000", "a/cpu.max": "150000 100000", "a/b/cpu.max": "400000 100000"}
    assert _cgroup(tmp_path, files, "0::/a/b\n") == 1.5


def test_no_quota(tmp_path: Path) -> None:
    assert _cgroup(tmp_path, {"cpu.max": "max 100000"}, "0::/\n") is None


def test_quota_of_cgroup_1(tmp_path: Path) -> None:
    files = {
        "cpu,cpuacct/job/cpu.cfs_quota_us": "200000",
        "cpu,cpuacct/job/cpu.cfs_period_us": "100000",
        "cpu,cpuacct/cpu.cfs_quota_us": "-1",
        "cpu,cpuacct/cpu.cfs_period_us": "100000",
    }
    assert _cgroup(tmp_path, files, "4:cpu,cpuacct:/job\n2:memory:/x\n") == 2.0


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="no affinity masks here")
def test_affinity_is_respected() -> None:
    one = next(iter(os.sched_getaffinity(0)))
    program = (
        f"import os; os.sched_setaffinity(0, {{{one}}})\n"
        "from edgeft.runtime.cpu import usable_cores; print(usable_cores())"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "1"


def test_int8_dot_products() -> None:
    assert cpu.has_int8_dot(frozenset({"avx2", "vnni"}))
    assert cpu.has_int8_dot(frozenset({"neon", "dotprod"}))
    assert not cpu.has_int8_dot(frozenset({"avx2", "avx512f"}))


def test_this_machine_is_described() -> None:
    assert cpu.cpu_name()
    assert 1 <= cpu.usable_cores() <= (os.cpu_count() or 1)
