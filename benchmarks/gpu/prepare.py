"""Everything that a lent GPU machine needs, in parts to carry: `make gpu-parts`.

Runs where there is a network and the whole of edgeft, but no GPU. The machine is expected to
have the Python and the packages of HOST, and no more.
"""

import argparse
import shutil
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Sequence
from pathlib import Path

from benchmarks.gpu import fatbin, kit, models, parts
from benchmarks.gpu.machine import ROOT
from benchmarks.train import HELD, write_rows
from edgeft.data import stratified_split
from edgeft.tasks.classification import TASK
from edgeft.tasks.reading import read_examples

__all__ = ["main"]

# That edgeft trains with transformers 5 and runs without optimum is what makes this list do.
HOST = "Python 3.12, CUDA 13 with cuDNN, torch, transformers, accelerate, onnx, click, rich"
PYTHON = "3.12"
ONNXRUNTIME = "onnxruntime-gpu"
# Of onnxruntime's package, what runs a model; the rest converts and quantizes.
UNUSED = ("transformers", "tools", "quantization", "datasets", "backend")
NEEDED = (
    "onnxruntime/__init__.py",
    "onnxruntime/capi/onnxruntime_pybind11_state.cpython-312-x86_64-linux-gnu.so",
    "onnxruntime/capi/libonnxruntime_providers_shared.so",
    "onnxruntime/capi/libonnxruntime_providers_cuda.so",
)
PLATFORMS = ("manylinux_2_28_x86_64", "manylinux_2_27_x86_64", "manylinux2014_x86_64")
SECONDS = {"keep": 40, "run": 540}  # estimates for the calls there, transfers included


def main(arguments: Sequence[str] | None = None) -> None:
    """Make the parts and print the calls."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.gpu prepare", description=__doc__)
    parser.add_argument("-o", "--out", type=Path, default=Path("build/gpu"))
    parser.add_argument("--architecture", type=int, default=90, help="sm_90 of Hopper by default")
    parser.add_argument(
        "--data", type=Path, action="append", default=[], help="NAME.csv to train on; "
        "NAME.test.csv beside it reports, else a fifth of the rows; repeatable",
    )  # fmt: skip
    parser.add_argument(
        "--also", type=Path, nargs=2, action="append", default=[], metavar=("CHECKPOINT", "DATA"),
        help="a checkpoint of any task, and labelled rows to hold it to; repeatable",
    )  # fmt: skip
    parser.add_argument("--only-models", action="store_true", help="without onnxruntime's CUDA")
    chosen = parser.parse_args(arguments)
    if not (chosen.data or chosen.also):
        parser.error("nothing to measure: give --data or --also")
    if len({checkpoint.name for checkpoint, _ in chosen.also}) < len(chosen.also):
        parser.error("two checkpoints of --also have one name: rename the folder of one")
    begin = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="edgeft-gpu-") as work:
        folder = Path(work) / "kit"
        if chosen.data:
            fill(folder, chosen.data, Path(work))
        for checkpoint, data in chosen.also:
            also(folder / kit.OTHERS, checkpoint, data)
        if not chosen.only_models:
            _say("fetching onnxruntime with CUDA")
            runtime(folder / "site", chosen.architecture, Path(work))
        _say("packing")
        made = parts.cut(folder, chosen.out)
    _say(f"done in {time.monotonic() - begin:.0f} s")
    print(calls(chosen.out, made))


def fill(folder: Path, data: Sequence[Path], work: Path) -> None:
    """Texts, models and bundles."""
    rows, tests = zip(*[_texts(folder / "data", path) for path in data], strict=True)
    checkpoints, bundles = folder / "models", folder / "bundles"
    _say(f"training {kit.TRAINED} on {rows[0].name}")
    models.minilm(checkpoints / kit.TRAINED, rows[0], work)
    models.distilbert(checkpoints / "distilbert")
    for name in kit.MODELS:
        _say(f"exporting {name}")
        models.bundle(checkpoints / name, bundles / name, tests[0] if name == kit.TRAINED else None)
    shutil.copy(tests[0], folder / kit.UNSEEN)


def also(others: Path, checkpoint: Path, data: Path) -> None:
    """A checkpoint of any task, its bundle, and labelled rows; named after the checkpoint."""
    _say(f"exporting {checkpoint.name}")
    folder = others / checkpoint.name
    models.other(checkpoint, folder / "checkpoint")
    models.bundle(folder / "checkpoint", folder / "bundle", None, ("fp32", "fp16"))
    shutil.copy(data, folder / f"data{data.suffix}")


def _texts(folder: Path, data: Path) -> tuple[Path, Path]:
    """Copy rows that train and rows that report; return the paths of both."""
    rows, test = folder / f"{data.stem}.csv", folder / f"{data.stem}{kit.TEST}"
    folder.mkdir(parents=True, exist_ok=True)
    examples, given = read_examples(data, TASK), data.with_name(f"{data.stem}{kit.TEST}")
    if given.exists():
        write_rows(rows, examples)
        write_rows(test, read_examples(given, TASK))
    else:
        kept, held = stratified_split(examples.named(), HELD, seed=0)
        write_rows(rows, examples.subset(kept))
        write_rows(test, examples.subset(held))
    return rows, test


def runtime(site: Path, architecture: int, work: Path) -> None:
    """onnxruntime with CUDA for the machine's Python, with the code of one architecture."""
    site.mkdir(parents=True)
    wheels = work / "wheels"
    fetch(ONNXRUNTIME, wheels)
    for wheel in sorted(wheels.glob("*.whl")):
        with zipfile.ZipFile(wheel) as archive:
            archive.extractall(site)
    for name in UNUSED:
        shutil.rmtree(site / "onnxruntime" / name, ignore_errors=True)
    missing = [name for name in NEEDED if not (site / name).is_file()]
    if missing:
        raise SystemExit(f"The wheel of {ONNXRUNTIME} does not hold {', '.join(missing)}.")
    cuda = site / "onnxruntime" / "capi" / "libonnxruntime_providers_cuda.so"
    library = bytearray(cuda.read_bytes())
    sizes = fatbin.keep_architecture(library, architecture)
    cuda.write_bytes(library)
    told = ", ".join(f"sm_{one} {size / 1e6:.0f} MB" for one, size in sizes.items())
    _say(f"{cuda.name}: {told}; kept sm_{architecture}")


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
    lines = [
        f"On a machine with {HOST}; one call after the other, without a pause,",
        "each in a copy of this checkout:",
    ]
    listed = folder / parts.LIST
    for at, part in enumerate(made, 1):
        last = part is made[-1]
        seconds = SECONDS["keep"] + (SECONDS["run"] if last else 0)
        lines += [
            "",
            f"{at}. carry {folder / part.name} ({part.bytes / 2**20:.1f} MiB) and {listed}, "
            f"about {seconds} s",
            f"   python3 -m benchmarks.gpu keep {folder}"
            + (" && python3 -m benchmarks.gpu run -o $OUT" if last else ""),
        ]
    lines += ["", "OUT is the folder that comes back. Here again: make gpu-results FROM=FOLDER"]
    return "\n".join(lines)


def _say(what: str) -> None:
    print(what, file=sys.stderr, flush=True)
