"""The whole road of numbers: exported, held, loaded, scored and told."""

import csv
import json
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
import transformers
from click.testing import CliRunner

import edgeft
from edgeft.bench.subject import open_subject
from edgeft.bundle import read_manifest
from edgeft.cascade.run import CascadeConfig, cascade
from edgeft.checkpoint.open import open_checkpoint
from edgeft.checkpoint.reference import torch_told
from edgeft.cli import main
from edgeft.errors import DataError, GateError, ModelError, UsageError
from edgeft.export.result import ExportResult
from edgeft.export.run import ExportConfig, export
from edgeft.inputs import Pair
from edgeft.proof.battery import evaluate, verify
from edgeft.tasks.head import Wish
from edgeft.tasks.numbers import TASK
from edgeft.tasks.reading import read_examples
from tests import tiny
from tests.train.conftest import rows

TEXTS = [text for text, _ in rows(60)]


@pytest.fixture(scope="module")
def scorer(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A scorer of numbers in the thousands, as a foreign hand left it."""
    folder = tiny.scorer(tmp_path_factory.mktemp("scorer") / "c")
    model = transformers.AutoModelForSequenceClassification.from_pretrained(folder)
    with torch.no_grad():
        model.classifier.weight.mul_(300.0)
        model.classifier.bias.add_(5000.0)
    model.save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def data(scorer: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Texts with about the numbers that the model gives them."""
    told = np.asarray(torch_told(open_checkpoint(str(scorer)), TEXTS).outputs["logits"])[:, 0]
    chance = np.random.default_rng(0)
    noisy = told + told.std() / 3 * chance.normal(size=len(told))
    path = tmp_path_factory.mktemp("data") / "d.csv"
    with path.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.writer(stream)
        writer.writerow(["text", "score"])
        writer.writerows(zip(TEXTS, noisy.tolist(), strict=True))
    return path


@pytest.fixture(scope="module")
def result(scorer: Path, data: Path, tmp_path_factory: pytest.TempPathFactory) -> ExportResult:
    out = tmp_path_factory.mktemp("bundle") / "b"
    return export(ExportConfig(str(scorer), out, data=data, variants=("int8",), max_drop=50))


@pytest.fixture(scope="module")
def fp32(result: ExportResult) -> Iterator[edgeft.Model]:
    with edgeft.load(result.out, task="text-regression", device="cpu", variant="fp32") as model:
        yield model


def test_a_cross_encoder_opens_as_what_it_is(scorer: Path, tmp_path: Path) -> None:
    opened = open_checkpoint(str(scorer))
    assert (opened.task.name, opened.labels) == ("text-regression", ())
    assert "problem_type" not in json.loads((scorer / "config.json").read_text())
    three = tiny.bert(tmp_path / "three")
    config = json.loads((three / "config.json").read_text())
    (three / "config.json").write_text(json.dumps({**config, "problem_type": "regression"}))
    with pytest.raises(ModelError, match="names 3 labels; a head for text-regression gives 1 for"):
        open_checkpoint(str(three))


def test_every_reader_gets_the_same_numbers(
    scorer: Path, result: ExportResult, fp32: edgeft.Model
) -> None:
    from optimum.onnxruntime import ORTModelForSequenceClassification

    model = transformers.AutoModelForSequenceClassification.from_pretrained(scorer).eval()
    theirs = ORTModelForSequenceClassification.from_pretrained(
        result.out, subfolder="onnx", file_name="model.onnx"
    )
    tokenizer = transformers.AutoTokenizer.from_pretrained(result.out)
    asked = ["the cat won", "今天 bad", "😀", Pair("the cat", "a dog 好")]
    for one in asked:
        columns = (one,) if isinstance(one, str) else (one.first, one.second)
        read = tokenizer(*columns, return_tensors="pt")
        with torch.inference_mode():
            expected = float(model(**read).logits)
        assert fp32.predict(one).value == pytest.approx(expected, rel=1e-4)
        assert float(theirs(**read).logits) == pytest.approx(expected, rel=1e-4)
    together = [one.value for one in fp32.predict(asked)]
    assert together == pytest.approx([fp32.predict(one).value for one in asked], rel=1e-5)
    assert [one.value for one in fp32.stream(iter(asked))] == together
    assert fp32.predict([]) == []


def test_what_the_manifest_and_the_card_tell(result: ExportResult, data: Path) -> None:
    manifest = read_manifest(result.out)
    assert (manifest.model.task, manifest.model.labels) == ("text-regression", ())
    assert "text-regression" in manifest.requires
    truths = read_examples(data, TASK).truths
    head = manifest.model.head_of("int8")
    assert min(truths) <= head.low < head.high <= max(truths)
    drop = manifest.model.variants["int8"].measured["drop"]
    assert set(drop) >= {"spearman", "pearson", "verdict"}
    # fp32 is off by what float32 rounds of numbers in the thousands.
    assert manifest.model.variants["fp32"].golden.tolerance > 1.0
    card = (result.out / "README.md").read_text(encoding="utf-8")
    assert "an answer may lie outside" in card
    assert "became wrong" not in card  # a number is near its truth or far from it
    assert "ORTModelForSequenceClassification" in card
    assert 'model.predict("…").value' in card


def test_the_card_tells_the_range_of_each_variants_answers(
    result: ExportResult, fp32: edgeft.Model, data: Path
) -> None:
    """On the rows that report, which are among these."""
    card = (result.out / "README.md").read_text(encoding="utf-8")
    found = re.findall(r"^- (\S+) on these rows: .*, answers (\S+) to (\S+)\.$", card, re.M)
    ranges = {name: (float(low), float(high)) for name, low, high in found}
    assert set(ranges) == {*result.reports}
    answers = [one.value for one in fp32.predict(read_examples(data, TASK).inputs)]
    for end in ranges["fp32"]:
        assert min(abs(one - end) for one in answers) < 0.1  # of thousands, to five digits
    assert ranges["int8"] != ranges["fp32"]


def test_scored_and_verified(result: ExportResult, fp32: edgeft.Model, data: Path) -> None:
    examples = read_examples(data, fp32.task)
    found = evaluate(fp32, examples)
    assert found.scored()["spearman"] > 0.8
    assert found.scored()["r2"] > 0.5
    checks = verify(result.out, examples, device="cpu")
    assert checks["int8"].drop is not None
    assert all(one.golden.passed for one in checks.values())


def test_a_gate_counts_points_of_correlation(scorer: Path, data: Path, tmp_path: Path) -> None:
    with pytest.raises(GateError, match=r"points of (Spearman|Pearson) against"):
        export(
            ExportConfig(
                str(tiny.outlier(scorer, tmp_path / "o")), tmp_path / "b", data=data,
                variants=("int8",), max_drop=0.5,
            )
        )  # fmt: skip


def test_the_command_line_gives_numbers(result: ExportResult, data: Path, tmp_path: Path) -> None:
    def run(*words: object, **more: str) -> str:
        done = CliRunner().invoke(main, [*map(str, words)], **more)
        assert done.exit_code == 0, done.output
        return done.stdout

    lines = run("predict", result.out, "-", input="the cat won\n\n上海 😀\n").splitlines()
    shown = [json.loads(line) for line in lines]
    assert [set(one) for one in shown] == [{"value", "truncated", "unknown_share"}] * 3
    assert "Spearman" in run("eval", result.out, data)
    out = tmp_path / "bench.json"
    run("bench", result.out, "--variant", "int8", "--samples", 4, "--rounds", 1, "-o", out)
    page = tmp_path / "page.html"
    run("report", out, "-o", page)
    assert "text-regression" in page.read_text(encoding="utf-8")


def test_the_wrong_data_and_the_wrong_wishes(
    result: ExportResult, scorer: Path, data: Path, tiny_bundle: Path, tmp_path: Path
) -> None:
    names = tmp_path / "names.csv"
    names.write_text("text,label\nthe cat,glad\nrain,sad\n", encoding="utf-8")

    def refused(*words: object) -> str:
        done = CliRunner().invoke(main, [*map(str, words)])
        assert done.exit_code == 1, done.output
        return done.stderr

    assert "holds 'glad', which is no number" in refused("eval", result.out, names)
    assert "the model has no label" in refused("eval", tiny_bundle, data, "--label-column", "score")
    with pytest.raises(UsageError, match="no threshold that is set"):
        export(ExportConfig(str(scorer), tmp_path / "b", data=data, wish=Wish(right=0.9)))
    with pytest.raises(UsageError, match="cannot be in a cascade"):
        cascade(CascadeConfig((f"{result.out}=int8", str(result.out)), tmp_path / "c", data=data))
    with pytest.raises(UsageError, match="text-regression"):
        edgeft.load(result.out, task="text-classification")
    few = tmp_path / "few.csv"
    few.write_text("text,score\na,1\nb,2\n", encoding="utf-8")
    with pytest.raises(DataError, match="too few"):
        export(ExportConfig(str(scorer), tmp_path / "b", data=few))


def test_bench_knows_a_folder_of_numbers(result: ExportResult, tmp_path: Path) -> None:
    folder = tmp_path / "plain"
    shutil.copytree(result.out, folder)
    (folder / "edgeft.json").unlink()
    with open_subject(folder) as subject:
        assert subject.manifest.model.task == "text-regression"
