import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import edgeft
from edgeft.bundle import Golden, Head, read_manifest, write_manifest
from edgeft.data import Examples, labelled
from edgeft.errors import DataError, GateError, IntegrityError
from edgeft.proof.agreement import Agreement, ClearAgreement, agreement_of, clear_agreement
from edgeft.proof.battery import evaluate, hold, verify
from edgeft.proof.finding import Finding, problem
from edgeft.proof.paired import Drop, Loss
from edgeft.runtime.golden import GoldenResult, check_golden
from edgeft.tasks import task_named
from edgeft.tasks.classification import TASK
from edgeft.tasks.head import PLAIN
from edgeft.tasks.task import Answers
from tests.bundles import with_variant
from tests.encoded import encoded, logits_for

COLUMNS = {"text": "text", "label": "label"}

TEXTS = ["a happy dog", "the market fell", "", "quiet rain at night " * 30]


def examples(labels: list[str]) -> Examples:
    return labelled("f.csv", TEXTS[: len(labels)], labels, [2, 3, 4, 5], COLUMNS)


def with_golden(bundle: Path, to: Path, *, shift: float) -> Path:
    """A copy whose manifest records the int8 variant's golden logits ``shift`` too high."""
    shutil.copytree(bundle, to)
    manifest = read_manifest(to)
    record = manifest.model
    int8 = record.variants["int8"]
    logits = tuple(tuple(one + shift for one in row) for row in int8.golden.outputs["logits"])
    int8 = replace(int8, golden=Golden({"logits": logits}, int8.golden.tolerance))
    record = replace(record, variants={**record.variants, "int8": int8})
    write_manifest(to, replace(manifest, models={"main": record}))
    return to


def accuracy(found: Finding) -> float:
    """Of what is answered, thresholds and all."""
    assert found.given is not None
    return found.given.figure("accuracy")


def answered(logits: np.ndarray) -> Answers:
    texts = [encoded([1])] * len(logits)
    labels = tuple("abcdef"[: logits.shape[1]])
    return TASK.answer({"logits": logits}, texts, ["text"] * len(logits), labels, PLAIN)


def compared(one: np.ndarray, other: np.ndarray) -> Agreement:
    return agreement_of(TASK, {"logits": one}, answered(one), {"logits": other}, answered(other))


def test_comparing_logits_by_hand() -> None:
    one = np.array([[1.0, 2.0], [3.0, 1.0]], np.float32)
    other = np.array([[1.5, 2.0], [0.0, 1.0]], np.float32)
    found = compared(one, other)
    assert (found.texts, found.agreement) == (2, 0.5)
    assert (found.max_abs_logit_diff, found.mean_abs_logit_diff) == (3.0, 0.875)


def test_a_fresh_bundle_passes_everywhere(tiny_bundle: Path) -> None:
    results = verify(tiny_bundle, TEXTS, device="cpu")
    assert list(results) == ["fp32", "int8"]
    assert all(one.golden and one.golden.passed for one in results.values())
    assert results["fp32"].agreement == compared(*[np.zeros((4, 3), np.float32)] * 2)
    int8 = results["int8"].checked()
    assert int8["agreement"]["texts"] == 4
    assert 0 < int8["agreement"]["max_abs_logit_diff"] < 1
    assert int8["golden"]["passed"] is True


def test_labelled_texts_are_scored_against_fp32(tiny_bundle: Path) -> None:
    with edgeft.load(tiny_bundle, device="cpu", variant="fp32") as model:
        labels = [one.label for one in model.predict(TEXTS)]
    fp32 = verify(tiny_bundle, examples(labels), device="cpu")["fp32"]
    assert fp32.scores is not None
    assert (fp32.scores.figure("accuracy"), fp32.drop.worst.points if fp32.drop else None) == (
        1.0,
        0.0,
    )
    assert "ece" in fp32.after
    with pytest.raises(DataError, match=r"no label 'angry'"):
        verify(tiny_bundle, examples(["angry"]), device="cpu")


def test_only_clear_texts_count_without_labels() -> None:
    reference = np.array([[2.0, 0.0], [0.0, 2.0], [0.01, 0.0]], np.float32)
    logits = np.array([[2.0, 0.0], [2.0, 0.0], [0.0, 0.01]], np.float32)
    found = clear_agreement(TASK, answered(logits), answered(reference))
    assert (found.clear, found.of, found.agreement, found.failed) == (2, 3, 0.5, True)
    assert found.sentence("fp32") == (
        "2 of 3 texts are clear in the answers of fp32, and 50.0% of these are the same."
    )


def test_without_a_clear_text_nothing_tells() -> None:
    unclear = np.array([[0.01, 0.0]], np.float32)
    found = clear_agreement(TASK, answered(unclear), answered(unclear))
    assert (found.clear, found.of, found.agreement, found.failed) == (0, 1, None, False)
    assert found.sentence("fp32").startswith("Not proven: none of 1 text is clear")
    finding = Finding(clear=found)
    assert finding.unproven
    assert (finding.verdict, problem(finding, 0.5, against="fp32")) == (
        found.sentence("the original"),
        "",
    )
    assert finding.checked()["clear_agreement"] == {
        "judged": "texts", "of": 1, "clear": 0, "agreement": None,
    }  # fmt: skip


def test_a_long_text_is_judged_by_its_words() -> None:
    tagger, margin = task_named("token-classification"), np.array([0.9, 0.9, 0.05, 0.9, 0.9])
    reference = Answers([()], [()], margin, np.array([1, 2, 1, -1, -1]))

    def found(*parts: int) -> ClearAgreement:
        return clear_agreement(tagger, Answers([()], [()], margin, np.array(parts)), reference)

    # The unclear word does not count, nor one that neither takes for a part of an entity.
    assert (found(1, 2, -1, -1, -1).clear, found(1, 2, -1, -1, -1).of) == (2, 3)
    assert found(1, 2, -1, -1, -1).agreement == 1.0
    # What is found for nothing counts as what is missed does.
    assert found(1, 2, 1, 1, -1).agreement == pytest.approx(2 / 3, abs=1e-6)
    assert found(-1, -1, -1, -1, -1).failed
    assert found(1, 2, 1, -1, -1).sentence("fp32") == (
        "2 of 3 words of entities are clear in the answers of fp32, and 100.0% of these are the "
        "same."
    )
    nothing = Answers([()], [()], margin, np.full(5, -1))
    none = clear_agreement(tagger, nothing, nothing)
    assert (none.of, none.agreement) == (0, None)
    assert "there is no word of an entity in its answers" in none.sentence("fp32")


def test_the_gates_of_verify() -> None:
    def check(**found: Any) -> dict[str, Finding]:
        return {"int8": Finding(device="cpu", golden=GoldenResult(0.0, 0.1), **found)}

    def agreed(share: float) -> ClearAgreement:
        return ClearAgreement(TASK.asks, 10, 12, share)

    hold(check(), 0.5)
    small = Loss("accuracy", "accuracy", 0.5, 0.1, 0.9)
    other = Loss("macro_f1", "macro F1", 0.4, 0.1, 0.9)
    lost = Drop((small, other), 100, 1, 0, 1.0, 2, 0, 50)
    hold(check(drop=lost, clear=agreed(0.5)), 0.5)
    with pytest.raises(GateError, match=r"int8 loses 0\.60 points of accuracy"):
        hold(check(drop=replace(lost, losses=(replace(small, points=0.6), other))), 0.5)
    with pytest.raises(GateError, match="3 inputs with values that are no numbers"):
        hold(check(no_numbers=3), 100)
    hold(check(clear=agreed(0.9)), 0.5)
    with pytest.raises(GateError, match=r"only 80\.0% of fp32's answers to the 10 texts whose"):
        hold(check(clear=agreed(0.8)), 0.5)


def test_other_answers_than_recorded_are_reported(tiny_bundle: Path, tmp_path: Path) -> None:
    results = verify(with_golden(tiny_bundle, tmp_path / "b", shift=5.0), device="cpu")
    fp32, int8 = results["fp32"], results["int8"]
    assert fp32.golden is not None
    assert int8.golden is not None
    assert fp32.golden.passed
    assert not int8.golden.passed
    assert int8.golden.max_abs_difference == pytest.approx(5.0, abs=0.01)
    assert int8.agreement is None


def test_every_file_is_checked(tiny_bundle: Path, tmp_path: Path) -> None:
    shutil.copytree(tiny_bundle, tmp_path / "b")
    with (tmp_path / "b" / "config.json").open("a") as stream:  # a file that no variant loads
        stream.write(" ")
    with pytest.raises(IntegrityError, match=r"config\.json"):
        verify(tmp_path / "b")


def test_scores_are_those_of_predict(tiny_bundle: Path) -> None:
    with edgeft.load(tiny_bundle, device="cpu", variant="int8") as model:
        right = [one.label for one in model.predict(TEXTS)]
        wrong = next(label for label in model.labels if label != right[0])
        assert accuracy(evaluate(model, examples(right))) == 1.0
        found = evaluate(model, examples([wrong, *right[1:]]))
    assert accuracy(found) == 0.75
    assert found.given is found.scores
    assert found.scored()["without_thresholds"] is None


def test_withheld_answers_are_scored_as_withheld(tiny_bundle: Path, tmp_path: Path) -> None:
    with edgeft.load(tiny_bundle, device="cpu", variant="fp32") as model:
        plain = model.predict(TEXTS)
    labels = [one.label for one in plain]
    middle = sorted(one.score for one in plain)[2]
    decided = with_variant(tiny_bundle, tmp_path / "b", "fp32", head=Head(abstain_below=middle))
    with edgeft.load(decided, device="cpu", variant="fp32") as model:
        answers = model.predict(TEXTS)
        found = evaluate(model, examples(labels))
    withheld = sum(one.abstained for one in answers)
    assert withheld == 2
    assert found.given.selective()["withheld"] == withheld
    assert found.scores is not None
    assert (accuracy(found), found.scores.figure("accuracy")) == (0.5, 1.0)
    document = found.scored()
    assert (document["coverage"], document["accuracy_of_answered"]) == (0.5, 1.0)
    assert document["without_thresholds"]["accuracy"] == 1.0
    checked = verify(decided, examples(labels), device="cpu")["fp32"]
    assert checked.outcome["accuracy"] == checked.outcome["answered"] == 0.5
    assert (checked.outcome["withheld"], checked.outcome["right_of_answered"]) == (2, 1.0)


def test_the_label_with_a_threshold_is_scored_as_it_is_given(
    tiny_bundle: Path, tmp_path: Path
) -> None:
    with edgeft.load(tiny_bundle, device="cpu", variant="fp32") as model:
        first = model.labels[0]
    always = Head(label=first, threshold=1e-6)
    decided = with_variant(tiny_bundle, tmp_path / "b", "fp32", head=always)
    with edgeft.load(decided, device="cpu", variant="fp32") as model:
        assert {one.label for one in model.predict(TEXTS)} == {first}
        assert accuracy(evaluate(model, examples([first] * 4))) == 1.0


def test_a_label_that_the_model_lacks_is_named(tiny_bundle: Path) -> None:
    with (
        edgeft.load(tiny_bundle, device="cpu", variant="fp32") as model,
        pytest.raises(DataError, match=r"f\.csv, line 3: the model has no label '\[red\]'"),
    ):
        evaluate(model, examples(["calm", "[red]"]))


def test_two_variants_agree_with_themselves(tiny_bundle: Path) -> None:
    with (
        edgeft.load(tiny_bundle, device="cpu", variant="fp32") as one,
        edgeft.load(tiny_bundle, device="cpu", variant="int8") as other,
    ):
        exact, rounded = logits_for(one, TEXTS), logits_for(other, TEXTS)
        assert compared(exact, exact).max_abs_logit_diff == 0.0
        assert compared(rounded, exact).max_abs_logit_diff > 0.0
        assert check_golden(one).passed
