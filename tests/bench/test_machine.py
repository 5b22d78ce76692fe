import os
import subprocess
import sys
from pathlib import Path

import pytest

from edgeft.bench.machine import (
    Gpu,
    describe_machine,
    parse_gpus,
    peak_rss_bytes,
    usable_memory_bytes,
)


def test_machine_is_described_without_naming_it() -> None:
    machine = describe_machine()
    assert machine.cpu
    assert 1 <= machine.usable_cores <= machine.host_cores
    assert machine.packages["edgeft"]
    assert machine.packages["numpy"]
    text = str(machine.to_dict()) + machine.summary()
    assert os.uname().nodename not in text
    assert str(Path.home()) not in text


def test_gpus_are_read_from_nvidia_smi() -> None:
    listing = "NVIDIA H100 80GB HBM3, 550.90.07, 81559 MiB\nNVIDIA T4, 550.90.07, 15360 MiB\n"
    assert parse_gpus(listing) == [
        Gpu("NVIDIA H100 80GB HBM3", "550.90.07", "81559 MiB"),
        Gpu("NVIDIA T4", "550.90.07", "15360 MiB"),
    ]
    assert parse_gpus("No devices were found\n") == []


@pytest.mark.parametrize(
    ("membership", "file"),
    [
        ("0::/a/b\n", "a/memory.max"),  # cgroup v2, the limit on the parent
        ("4:memory:/a\n1:cpu:/a\n", "memory/a/memory.limit_in_bytes"),  # v1
        ("4:memory:/gone\n", "memory/memory.limit_in_bytes"),  # v1 as a container sees it
    ],
)
def test_memory_is_what_the_cgroup_leaves(tmp_path: Path, membership: str, file: str) -> None:
    limit = tmp_path / "sys" / file
    limit.parent.mkdir(parents=True)
    limit.write_text(f"{64 << 20}\n")
    own = tmp_path / "cgroup"
    own.write_text(membership)
    assert usable_memory_bytes(tmp_path / "sys", own) == 64 << 20


def test_no_limit_leaves_the_machines_memory(tmp_path: Path) -> None:
    (tmp_path / "memory.max").write_text("max\n")
    own = tmp_path / "cgroup"
    own.write_text("0::/\n")
    unlimited = usable_memory_bytes(tmp_path, own)
    assert unlimited == usable_memory_bytes(tmp_path / "none", tmp_path / "none")
    assert unlimited is not None
    assert unlimited > 128 << 20


@pytest.mark.skipif(sys.platform == "win32", reason="Windows does not tell")
def test_peak_memory_is_of_this_process_and_not_of_its_parent() -> None:
    ballast = bytearray(300 << 20)
    ballast[::4096] = b"x" * len(ballast[::4096])  # touch every page
    code = "from edgeft.bench.machine import peak_rss_bytes as peak; print(peak())"
    child = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True)
    own = peak_rss_bytes()
    assert own is not None
    assert own >= len(ballast)
    assert int(child.stdout) < 200 << 20
