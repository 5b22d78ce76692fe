"""The folder in transformers.js, as it is; the packages come from npm."""

import json
import shutil
import subprocess
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import transformers

import edgeft
from benchmarks import interop_numbers
from edgeft.export.run import ExportConfig, export
from edgeft.inputs import Input
from edgeft.tasks.outputs import ragged
from tests import tiny
from tests.train.conftest import rows

PACKAGE = "@huggingface/transformers@4.3.1"
SCRIPT = Path(__file__).with_name("ask.mjs")

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(shutil.which("npm") is None, reason="Node and npm are not installed"),
]


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with transformers.js and the script."""
    folder = tmp_path_factory.mktemp("node")
    (folder / "package.json").write_text('{"private": true, "type": "module"}')
    # Its binaries are in the package; install scripts only fetch those for GPUs.
    subprocess.run(
        ["npm", "install", "--ignore-scripts", "--no-audit", "--no-fund", PACKAGE],
        cwd=folder, check=True, capture_output=True, timeout=600,
    )  # fmt: skip
    shutil.copy(SCRIPT, folder)
    return folder


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory, minilm: Path) -> Path:
    """The real MiniLM with a head that tells texts apart, for the web."""
    folder = tmp_path_factory.mktemp("web")
    torch.manual_seed(0)
    model = transformers.AutoModelForSequenceClassification.from_pretrained(minilm, num_labels=4)
    with torch.no_grad():
        model.classifier.weight.mul_(50.0)
    model.save_pretrained(folder / "c")
    transformers.AutoTokenizer.from_pretrained(minilm).save_pretrained(folder / "c")
    config = ExportConfig(str(folder / "c"), folder / "b", variants=("fp32", "int8"), target="web")
    return export(config).out


@pytest.mark.parametrize("dtype", ["fp32", "int8", None])
def test_the_same_labels(node: Path, bundle: Path, dtype: str | None) -> None:
    texts = [text for text, _ in rows(195)] + ["Ünïcödé 🙂", "数据", "[x]", "a " * 600, "!"]
    found = ask(node, bundle, "text-classification", texts, dtype)
    hint = json.loads((bundle / "config.json").read_text())["transformers.js_config"]["dtype"]
    assert hint == "int8"
    with edgeft.load(bundle, device="cpu", variant=dtype or hint, batch_invariant=True) as model:
        assert [one["label"] for (one,) in found] == [one.label for one in model.predict(texts)]


def test_the_same_tags(node: Path, tmp_path: Path) -> None:
    """Its pipeline tells of tokens, by their places, and of no words or entities."""
    bundle = exported(tiny.tagger(tmp_path / "c"), tmp_path / "b")
    texts = [f"{text} xyz (ok)" for text, _ in rows(60)]
    with edgeft.load(bundle, device="cpu", variant="fp32") as model:
        _, outputs = model.outputs(texts, alone=True)
        expected = [
            [(at, model.labels[best]) for at, best in enumerate(one.argmax(axis=1), start=1)]
            for one in ragged(outputs, "logits")
        ]
    found = ask(node, bundle, "token-classification", texts, "fp32")
    assert [[(one["index"], one["entity"]) for one in some] for some in found] == [
        [(at, tag) for at, tag in one if tag != "O"] for one in expected
    ]


def test_the_same_answers(node: Path, tmp_path: Path) -> None:
    """Its pipeline knows no longest answer, and tells its tokens, without their places."""
    bundle = exported(tiny.answerer(tmp_path / "c"), tmp_path / "b")
    asked = [edgeft.Question("what won?", text) for text, _ in rows(60)]
    found = ask(node, bundle, "question-answering",
                [[one.question, one.context] for one in asked], "fp32")  # fmt: skip
    with edgeft.load(bundle, device="cpu", variant="fp32", max_answer_tokens=64) as model:
        assert [one["answer"] for one in found] == [one.text for one in model.predict(asked)]


@pytest.mark.parametrize("kind", ["pair", "labeller", "scorer"])
def test_the_same_numbers(node: Path, kind: str, request: pytest.FixtureRequest) -> None:
    """Of judges of pairs, many labels and numbers, each with edgeft's own answers."""
    bundle: Path = request.getfixturevalue(f"{kind}_bundle")
    texts = [*(text for text, _ in rows(40)), "一只狗 🐕", ""]
    inputs: list[Input] = [*texts]
    if kind == "pair":
        texts.pop()  # an empty second text is none to it
        inputs = [edgeft.Pair(one, other) for one, other in pairwise(texts)]
    readers = interop_numbers.number_readers(bundle, node=node)
    with edgeft.load(bundle, device="cpu", variant="fp32") as model:
        *_, found = interop_numbers.compared(model, inputs, readers)
    assert found["reader"] == "transformers.js"
    assert found["equal"] == len(inputs)
    assert found["apart"] < interop_numbers.NEAR


def test_the_same_vectors_by_the_pipeline(node: Path, encoder_bundle: Path) -> None:
    texts = [*(text for text, _ in rows(40)), "一只狗 🐕", ""]
    with edgeft.load(encoder_bundle, device="cpu", variant="fp32") as model:
        assert (model.head.pooling, model.head.unit_length) == ("mean", True)
        ours = model.embed(texts, prompt="")
    options = {"pooling": "mean", "normalize": True}
    found = ask(node, encoder_bundle, "feature-extraction", [*texts], "fp32", options)
    assert np.abs(np.array(found)[:, 0] - ours).max() < 1e-5


def ask(
    node: Path,
    bundle: Path,
    task: str,
    inputs: list[Any],
    dtype: str | None,
    options: dict[str, Any] | None = None,
) -> list[Any]:
    """What a pipeline of transformers.js finds for each input."""
    question = {
        "folder": str(bundle), "task": task, "inputs": inputs, "dtype": dtype, "options": options
    }  # fmt: skip
    done = subprocess.run(
        ["node", SCRIPT.name], cwd=node, input=json.dumps(question), capture_output=True, text=True,
        timeout=600,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    found: list[Any] = json.loads(done.stdout)
    return found


def exported(checkpoint: Path, out: Path) -> Path:
    """Its bundle."""
    return export(ExportConfig(str(checkpoint), out, variants=("fp32",))).out
