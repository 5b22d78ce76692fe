"""No stage leaves a setting of the process changed, whether it ends well or raises."""

import importlib
import json
import shutil
import subprocess
import sys
import weakref
from pathlib import Path

import pytest
import transformers
from click.testing import CliRunner, Result

from edgeft.cli import main
from edgeft.settings import contained
from tests import tiny
from tests.process_state import whole
from tests.stages import STAGES, Progress, Stage, goes_on, left_changed, small_demo, stops
from tests.train.conftest import rows, write_csv

ROOT = Path(__file__).parent.parent
LIBRARIES = (
    "altair", "datasets", "onnxruntime.quantization.matmul_nbits_quantizer",
    "onnxruntime.transformers.optimizer", "onnxruntime_extensions", "optimum.exporters.onnx",
    "optimum.onnxruntime.utils", "edgeft.bench.run", "edgeft.demo", "edgeft.bench.doctor",
    "edgeft.distill.run", "edgeft.export.run", "edgeft.runtime.sharing", "edgeft.train.finetune",
    "edgeft.trim.run",
)  # fmt: skip


@pytest.fixture(scope="module", autouse=True)
def _imported() -> None:
    """A library may change what it likes once, when it is imported; no stage may."""
    with contained():
        for name in LIBRARIES:
            importlib.import_module(name)
    weakref.finalize(_imported, int)  # the first of a process registers itself for its end
    assert transformers.Trainer
    assert transformers.AutoModelForSequenceClassification


@pytest.fixture(scope="module")
def files(
    tmp_path_factory: pytest.TempPathFactory, tiny_checkpoint: Path, tiny_bundle: Path
) -> Path:
    """A folder with data.csv and more.csv, an encoder, two checkpoints and a bundle."""
    folder = tmp_path_factory.mktemp("stages")
    write_csv(folder / "data.csv", rows(60))
    (folder / "texts.txt").write_text("the cat\nrain fell\n")
    write_csv(folder / "more.csv", rows(120, seed=4))
    tiny.encoder(folder / "encoder")
    tiny.static(folder / "static")
    shutil.copytree(tiny_checkpoint, folder / "checkpoint")
    shutil.copytree(tiny_bundle, folder / "bundle")
    return folder


COMMANDS = (
    "tasks",
    "train FILES/data.csv --model FILES/encoder --epochs 1 --threads 1 -o OUT/run",
    "distill FILES/checkpoint --data FILES/data.csv --student layers:1 --epochs 1 --threads 1 "
    "-o OUT/student",
    "trim FILES/checkpoint --data FILES/data.csv --max-drop 100 -o OUT/small",
    "export FILES/checkpoint --variant fp32 -o OUT/bundle",
    "cascade FILES/bundle=int8 FILES/bundle --data FILES/data.csv --max-drop 30 -o OUT/cascade",
    "compress FILES/static --data FILES/more.csv --train FILES/data.csv --epochs 1 --max-drop 100 "
    "-o OUT/compressed",
    "predict FILES/bundle FILES/texts.txt",
    "deploy triton FILES/bundle -o OUT/repository",
    "eval FILES/bundle FILES/data.csv",
    "verify FILES/bundle --data FILES/data.csv --max-drop 100",
    "bench FILES/bundle --variant fp32 --samples 4 --rounds 1 -o OUT/bench.json",
    "report OUT/bench.json -o OUT/report.html",
    "inspect FILES/bundle",
    "push FILES/bundle me/mine --dry-run",
    "doctor",
)  # fmt: skip


@pytest.mark.parametrize("stage", STAGES)
@pytest.mark.parametrize("progress", [goes_on, stops])
def test_a_stage_leaves_the_process_as_it_was(
    stage: Stage, progress: Progress, files: Path, tmp_path: Path
) -> None:
    left = left_changed(lambda: stage(files, tmp_path, progress), whole)
    assert left == [], "\n".join(left)


@pytest.mark.slow
@pytest.mark.usefixtures("minilm")
def test_the_demo_leaves_the_process_as_it_was(files: Path, tmp_path: Path) -> None:
    left = left_changed(lambda: small_demo(files, tmp_path, goes_on), whole)
    assert left == [], "\n".join(left)


def test_every_command_leaves_the_process_as_it_was(files: Path, tmp_path: Path) -> None:
    from edgeft.cli import COMMANDS as NAMES

    # A server goes on until a signal: see tests/serve/test_server.py.
    assert {command.split()[0] for command in COMMANDS} == {*NAMES} - {"demo", "serve"}
    done: list[Result] = []
    for command in COMMANDS:
        words = [
            word.replace("FILES", str(files)).replace("OUT", str(tmp_path))
            for word in command.split()
        ]
        left = left_changed(lambda w=words: done.append(CliRunner().invoke(main, w)), whole)
        assert done[-1].exit_code == 0, f"{command}\n{done[-1].output}"
        assert left == [], "\n".join([command, *left])


def test_nor_does_the_first_use_which_imports_the_libraries(files: Path, tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tests.stages", files, tmp_path],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    left = json.loads(done.stdout)
    assert left == {name: [] for name in left}, done.stdout
