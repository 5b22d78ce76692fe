"""The whole road of models that give any number of labels, and their gates."""

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

import edgeft
from edgeft.checkpoint.open import open_checkpoint
from edgeft.cli import main
from edgeft.errors import ModelError, UsageError
from edgeft.export.result import ExportResult
from edgeft.export.run import ExportConfig, export
from edgeft.proof.battery import evaluate, hold, verify
from edgeft.tasks import task_named
from edgeft.tasks.head import Wish
from edgeft.tasks.label_thresholds import HALF, best_thresholds
from edgeft.tasks.reading import read_examples
from tests import tiny
from tests.checkpoint.folders import with_json
from tests.train.conftest import rows

TASK = task_named("multi-label-classification")
TEXTS = [text for text, _ in rows(120)] + ["", "上海 😀", "sun 😀"]


def run(*arguments: object) -> str:
    told = CliRunner().invoke(main, list(map(str, arguments)))
    assert told.exit_code == 0, told.output
    return told.stdout


@pytest.fixture(scope="module")
def data(labeller_bundle: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Rows whose labels hold where the model's scores are above its own median."""
    with edgeft.load(labeller_bundle, device="cpu", variant="fp32") as model:
        found = model.predict(TEXTS)
    middle = {name: np.median([one.scores[name] for one in found]) for name in tiny.LABELS}
    lines = [
        {"text": text, "labels": [name for name in tiny.LABELS if one.scores[name] > middle[name]]}
        for text, one in zip(TEXTS, found, strict=True)
    ]
    lines = [{**one, "labels": [*one["labels"]][: at % 4 or None]} for at, one in enumerate(lines)]
    path = tmp_path_factory.mktemp("labels") / "d.jsonl"
    path.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def result(
    labeller_checkpoint: Path, data: Path, tmp_path_factory: pytest.TempPathFactory
) -> ExportResult:
    out = tmp_path_factory.mktemp("gated") / "b"
    kinds = ("portable", "int8")
    return export(
        ExportConfig(str(labeller_checkpoint), out, data=data, variants=kinds, max_drop=100)
    )


@pytest.fixture(scope="module")
def fp32(result: ExportResult) -> Iterator[edgeft.Model]:
    with edgeft.load(result.out, device="cpu", variant="fp32") as model:
        yield model


def test_the_config_tells_the_task(labeller_checkpoint: Path, tmp_path: Path) -> None:
    assert open_checkpoint(str(labeller_checkpoint)).task is TASK
    with pytest.raises(ModelError, match="trained for multi label classification"):
        open_checkpoint(str(labeller_checkpoint), "text-classification")
    silent = with_json(labeller_checkpoint, tmp_path / "c", "config.json", problem_type=None)
    assert open_checkpoint(str(silent)).task.name == "text-classification"
    assert open_checkpoint(str(silent), TASK.name).task is TASK


def test_one_label_alone_may_hold_or_not(tmp_path: Path) -> None:
    checkpoint = tiny.labeller(tmp_path / "c", labels=("spam",))
    assert open_checkpoint(str(checkpoint)).labels == ("spam",)


def test_it_is_exported_and_predicts(labeller_bundle: Path) -> None:
    with edgeft.load(
        labeller_bundle, device="cpu", variant="fp32", task="multi-label-classification"
    ) as model:
        found = model.predict(TEXTS)
        assert [one.labels for one in model.stream(TEXTS)] == [one.labels for one in found]
        assert asyncio.run(model.apredict(TEXTS[0])).labels == found[0].labels
        pair = model.predict(edgeft.Pair("the cat fell", "the dog rose"))
    for one in [*found, pair]:
        given = {name for name, score in one.scores.items() if score >= 0.5}
        assert {*one.labels} == given
        scores = [one.scores[name] for name in one.labels]
        assert scores == sorted(scores, reverse=True)
    assert {len(one.labels) for one in found} >= {1, 2}
    with pytest.raises(edgeft.EdgeftError, match="multi-label-classification"):
        edgeft.load(labeller_bundle, device="cpu", task="text-classification")


def test_each_variant_has_thresholds_of_its_own(result: ExportResult) -> None:
    heads = {name: one.head for name, one in result.manifest.model.variants.items()}
    for head in heads.values():
        assert head is not None
        assert len(head.thresholds) == len(tiny.LABELS)
    assert heads["int8"] != heads["fp32"]
    assert "decision" in result.manifest.requires
    assert TASK.name in result.manifest.requires
    with edgeft.load(result.out, device="cpu", variant="int8") as model:
        assert model.head == heads["int8"]


def test_thresholds_are_those_of_the_rows_that_choose(
    labeller_checkpoint: Path, data: Path, tmp_path: Path
) -> None:
    lines = data.read_text(encoding="utf-8").splitlines(keepends=True)
    choose, report = tmp_path / "c.jsonl", tmp_path / "r.jsonl"
    choose.write_text("".join(lines[:60]), encoding="utf-8")
    report.write_text("".join(lines[60:]), encoding="utf-8")
    out = tmp_path / "b"
    kinds = ("fp32",)
    result = export(
        ExportConfig(str(labeller_checkpoint), out, data=choose, test=report, variants=kinds)
    )
    examples = read_examples(choose, TASK)
    with edgeft.load(out, device="cpu", variant="fp32") as model:
        _, outputs = model.outputs(examples.inputs)
        head = model.head
    holds = np.array([[at in truth for at in range(3)] for truth in examples.truths])
    expected = best_thresholds(np.asarray(outputs["logits"]) / head.temperature, holds)
    # The prior is set in log odds as the graph gives them: a temperature moves what it draws to.
    assert head.thresholds == pytest.approx(expected, abs=0.1)
    assert result.torch is not None
    report_drop = result.reports["fp32"].drop
    assert report_drop is not None
    assert report_drop.worst.points == 0.0


def test_its_gates_are_in_its_own_metrics(result: ExportResult) -> None:
    for name in ("fp32", "portable"):
        drop = result.reports[name].drop
        assert drop is not None
        assert [(loss.name, loss.points) for loss in drop.losses] == [
            ("macro_f1", 0.0), ("micro_f1", 0.0),
        ]  # fmt: skip
    measured = result.manifest.model.variants["int8"].measured
    assert {"macro_f1", "micro_f1", "samples_f1"} <= measured["scores"].keys()
    assert measured["calibration"]["after"].keys() == {"ece", "brier", "lrap"}
    assert measured["clear_agreement"]["judged"] == "labels given to texts"


def test_the_card_speaks_of_labels(result: ExportResult, labeller_bundle: Path) -> None:
    card = (result.out / "README.md").read_text(encoding="utf-8")
    assert "pipeline_tag: text-classification" in card
    assert "A many-label classifier with 3 labels" in card
    assert "Each is given from a score of its own on, which was set for each variant" in card
    assert "Same labels: of each text the labels that both give" in card
    assert "if texts with many labels are lost no more often" in card
    assert 'model.predict("…").labels' in card
    plain = (labeller_bundle / "README.md").read_text(encoding="utf-8")
    assert "each from a score of 0.5 on" in plain


def test_a_label_without_a_row_keeps_one_half_and_that_is_said(
    labeller_checkpoint: Path, data: Path, tmp_path: Path
) -> None:
    lines = [json.loads(one) for one in data.read_text(encoding="utf-8").splitlines()]
    for one in lines:
        one["labels"] = [name for name in one["labels"] if name != "glad"]
    path = tmp_path / "d.jsonl"
    path.write_text("".join(json.dumps(one) + "\n" for one in lines), encoding="utf-8")
    out = tmp_path / "b"
    kinds = ("fp32",)
    export(ExportConfig(str(labeller_checkpoint), out, data=path, variants=kinds))
    with edgeft.load(out, device="cpu") as model:
        assert model.head.thresholds[1] == HALF
    assert "1 label is in no row that chooses" in (out / "README.md").read_text(encoding="utf-8")


def test_it_is_verified_and_scored(result: ExportResult, data: Path, fp32: edgeft.Model) -> None:
    examples = read_examples(data, TASK)
    results = verify(result.out, examples, device="cpu")
    assert all(one.golden and one.golden.passed for one in results.values())
    hold(results, 100)
    found = evaluate(fp32, examples)
    assert not found.decided
    assert found.scored()["macro_f1"] > 0.6
    hold(verify(result.out, TEXTS, device="cpu"), 100)
    told = run("eval", result.out, data)
    assert "given from" in told
    assert "all labels right" in told


def test_the_command_line_answers_in_json(result: ExportResult, tmp_path: Path) -> None:
    path = tmp_path / "t.txt"
    path.write_text("the cat\n\n上海 😀\n", encoding="utf-8")
    found = [json.loads(line) for line in run("predict", result.out, path).splitlines()]
    assert len(found) == 3
    assert all(list(one["scores"]) == one["labels"] for one in found)


def test_what_is_wished_of_one_label_is_refused(
    labeller_checkpoint: Path, data: Path, tmp_path: Path
) -> None:
    wish = Wish("glad", precision=0.9)
    config = ExportConfig(str(labeller_checkpoint), tmp_path / "b", data=data, wish=wish)
    with pytest.raises(UsageError, match="each label's is set for its best F1"):
        export(config)
    single = ExportConfig(str(labeller_checkpoint), tmp_path / "b", single_file="fp32")
    with pytest.raises(UsageError, match="answers with one label a text"):
        export(single)
    assert not (tmp_path / "b").exists()


def test_a_manifest_whose_thresholds_do_not_fit_is_refused(
    result: ExportResult, tmp_path: Path
) -> None:
    document = json.loads((result.out / "edgeft.json").read_text(encoding="utf-8"))
    for thresholds, words in (([0.5], "are 1 for 3 labels"), ([0.5, 2, 0.5], "from 0 to 1")):
        broken = json.loads(json.dumps(document))
        broken["models"]["main"]["variants"]["fp32"]["head"]["thresholds"] = thresholds
        from edgeft.bundle.reading import manifest_from

        with pytest.raises(ValueError, match=words):
            manifest_from(broken)


@pytest.mark.slow
def test_five_thousand_labels(tmp_path: Path) -> None:
    checkpoint = tiny.labeller(tmp_path / "c", labels=tuple(f"l{at}" for at in range(5000)))
    lines = [
        {"text": f"sun {at}", "labels": [f"l{at % 30}", f"l{at % 20 + 100}"]} for at in range(60)
    ]
    path = tmp_path / "d.jsonl"
    path.write_text("".join(json.dumps(one) + "\n" for one in lines), encoding="utf-8")
    kinds = ("fp32",)
    export(ExportConfig(str(checkpoint), tmp_path / "b", data=path, variants=kinds, max_drop=100))
    card = (tmp_path / "b" / "README.md").read_text(encoding="utf-8")
    assert "the first 200 of 5,000" in card
    assert "labels are in no row that chooses" in card
    assert len(card) < 20_000
