"""Everything that a lent GPU machine needs, in parts to carry: `make gpu-parts`.

Runs where there is a network and the whole of edgeft, but no GPU. The machine is expected to
have the Python and the packages of HOST, and no more.
"""

import argparse
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Sequence
from pathlib import Path

from benchmarks.gpu import fatbin, models, parts
from edgeft.pretrained import quiet

__all__ = ["main"]

ROOT = Path(__file__).parents[2]
HOST = "Python 3.12, CUDA 13 with cuDNN, torch, transformers, accelerate, onnx, click, rich"
PYTHON = "3.12"
ONNXRUNTIME = "onnxruntime-gpu"
# What edgeft asks for and such a machine lacks; none of them has compiled code.
WHEELS = ("datasets", "dill", "multiprocess")
# Of onnxruntime's package, what runs a model; the rest converts and quantizes.
UNUSED = ("transformers", "tools", "quantization", "datasets", "backend")
PLATFORMS = ("manylinux_2_28_x86_64", "manylinux_2_27_x86_64", "manylinux2014_x86_64")
SECONDS = {"keep": 60, "run": 540}  # estimates for the calls there, transfers included


def main(arguments: Sequence[str] | None = None) -> None:
    """Make the parts and print the calls."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.gpu prepare", description=__doc__)
    parser.add_argument("-o", "--out", type=Path, default=Path("build/gpu"))
    parser.add_argument("--architecture", type=int, default=90, help="sm_90 of Hopper by default")
    parser.add_argument("--data", type=Path, action="append", default=[],
                        help="a labelled file to train on; NAME.csv and NAME.test.csv")  # fmt: skip
    parser.add_argument("--only-models", action="store_true", help="without onnxruntime's CUDA")
    chosen = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory(prefix="edgeft-gpu-") as work:
        kit = Path(work) / "kit"
        fill(kit, chosen.data)
        if not chosen.only_models:
            runtime(kit / "site", chosen.architecture, Path(work))
        print("packing, which takes some minutes", file=sys.stderr)
        made = parts.cut(kit, chosen.out)
    print(calls(chosen.out, made))


def fill(kit: Path, data: Sequence[Path]) -> None:
    """Models, bundles, texts and the project itself."""
    for name in models.NAMES:
        print(f"exporting {name}", file=sys.stderr)
        models.checkpoint(name, kit / "models" / name)
        with quiet():
            models.bundle(kit / "models" / name, kit / "bundles" / name)
    (kit / "data").mkdir()
    for path in data:
        shutil.copy(path, kit / "data")
    tracked = subprocess.run(
        ["git", "ls-files", "edgeft", "benchmarks"], cwd=ROOT, capture_output=True, text=True,
        check=True,
    ).stdout.split()  # fmt: skip
    for name in tracked:
        if "/results/" not in name:
            to = kit / "project" / name
            to.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, to)


def runtime(site: Path, architecture: int, work: Path) -> None:
    """onnxruntime with CUDA for the machine's Python, and the packages that it lacks."""
    site.mkdir(parents=True)
    wheels = work / "wheels"
    fetch(ONNXRUNTIME, wheels)
    for name in WHEELS:
        fetch(name, wheels)
    for wheel in sorted(wheels.glob("*.whl")):
        with zipfile.ZipFile(wheel) as archive:
            archive.extractall(site)
    for name in UNUSED:
        shutil.rmtree(site / "onnxruntime" / name, ignore_errors=True)
    cuda = site / "onnxruntime" / "capi" / "libonnxruntime_providers_cuda.so"
    library = bytearray(cuda.read_bytes())
    sizes = fatbin.keep_architecture(library, architecture)
    cuda.write_bytes(library)
    told = ", ".join(f"sm_{one} {size / 1e6:.0f} MB" for one, size in sizes.items())
    print(f"{cuda.name}: {told}; kept sm_{architecture}", file=sys.stderr)


def fetch(name: str, folder: Path) -> None:
    """Download a package's wheel for the machine's Python, as constraints.txt pins it."""
    platforms = [word for one in PLATFORMS for word in ("--platform", one)]
    subprocess.run(
        [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary=:all:",
         "--python-version", PYTHON, "--implementation", "cp", *platforms,
         "-c", str(ROOT / "constraints.txt"), "-d", str(folder), name],
        check=True,
    )  # fmt: skip


def calls(folder: Path, made: Sequence[parts.Part]) -> str:
    """What to run there, in order: the files to carry, the command, the seconds."""
    lines = [f"On a machine with {HOST}; one call after the other, without a pause:"]
    listed = folder / parts.LIST
    for at, part in enumerate(made, 1):
        lines += [
            "",
            f"{at}. carry {folder / part.name} ({part.bytes / 2**20:.1f} MiB) and {listed}, "
            f"about {SECONDS['keep']} s",
            f"   python3 -m benchmarks.gpu keep {folder}",
        ]
    lines += [
        "",
        f"{len(made) + 1}. carry {listed}, about {SECONDS['run']} s; its results come to OUT",
        "   python3 -m benchmarks.gpu run -o OUT",
    ]
    return "\n".join(lines)
