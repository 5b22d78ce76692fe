"""The folder in transformers.js, as it is; the packages come from npm."""

import json
import shutil
import subprocess
from pathlib import Path

import pytest
import torch
import transformers

import edgeft
from edgeft.export.run import ExportConfig, export
from tests.train.conftest import rows

PACKAGE = "@huggingface/transformers@4.3.1"
SCRIPT = Path(__file__).with_name("labels.mjs")

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
    question = json.dumps({"folder": str(bundle), "texts": texts, "dtype": dtype})
    done = subprocess.run(
        ["node", "labels.mjs"], cwd=node, input=question, capture_output=True, text=True,
        timeout=600,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    hint = json.loads((bundle / "config.json").read_text())["transformers.js_config"]["dtype"]
    assert hint == "int8"
    with edgeft.load(bundle, device="cpu", variant=dtype or hint, batch_invariant=True) as model:
        assert json.loads(done.stdout) == [one.label for one in model.predict(texts)]
