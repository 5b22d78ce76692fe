from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

import edgeft
from edgeft.bundle import Head
from edgeft.checkpoint.open import Checkpoint, open_checkpoint
from edgeft.data import Examples, labelled
from edgeft.errors import DataError, ModelError
from edgeft.export.references import make_reference
from edgeft.inputs import Pair
from edgeft.proof.finding import Finding
from edgeft.proof.gates import Reference, judge, report_on
from edgeft.proof.told import Told
from edgeft.runtime.model import Model
from edgeft.tasks.outputs import dense
from tests import tiny
from tests.conftest import Make
from tests.encoded import logits_for
from tests.tiny import LABELS
from tests.train.conftest import rows

COLUMNS = {"text": "text", "label": "label"}

TEXTS = [text for text, _ in rows(90)]


@pytest.fixture
def checkpoint(tiny_checkpoint: Path) -> Checkpoint:
    return open_checkpoint(str(tiny_checkpoint))


@pytest.fixture(scope="module")
def fp32(tiny_bundle: Path) -> Iterator[Model]:
    with edgeft.load(tiny_bundle, device="cpu", variant="fp32") as model:
        yield model


@pytest.fixture(scope="module")
def int8(tiny_bundle: Path) -> Iterator[Model]:
    with edgeft.load(tiny_bundle, device="cpu", variant="int8") as model:
        yield model


def own_labels(model: Model, *, wrong: int = 0) -> Examples:
    """TEXTS with the model's own labels, but for the first ``wrong``."""
    labels = [one.label for one in model.predict(TEXTS)]
    for at in range(wrong):
        labels[at] = next(label for label in LABELS if label != labels[at])
    return labelled("d.csv", TEXTS, labels, list(range(2, 92)), COLUMNS)


def with_logits(told: Told, logits: np.ndarray) -> Told:
    return replace(told, outputs={"logits": logits.astype(np.float32)})


def logits_of(told: Told) -> np.ndarray:
    return dense(told.outputs, "logits")


def report(model: Model, reference: Reference, temperature: float = 1.0) -> Finding:
    told, problem = judge(model, reference, max_drop=100)
    assert problem == ""
    return report_on(model, reference, told, Head(temperature), max_drop=100)


def test_fp32_gives_the_logits_of_torch(checkpoint: Checkpoint, fp32: Model) -> None:
    reference = make_reference(checkpoint, TEXTS)
    assert (reference.source, reference.scores) == ("data", None)
    found = report(fp32, reference)
    assert found.agreement is not None
    assert found.agreement.max_abs_logit_diff < 1e-4
    assert (found.agreement.texts, found.agreement.agreement) == (90, 1.0)
    assert found.batch is not None
    assert (found.batch.texts, found.batch.flips) == (90, 0)
    assert (found.scores, found.drop, found.before, found.outcome) == (None, None, {}, {})


def test_a_wrong_label_is_told_before_torch_runs(checkpoint: Checkpoint) -> None:
    steps: list[str] = []
    data = labelled("d.csv", ["a cat"], ["angry"], [2], COLUMNS)
    with pytest.raises(DataError, match=r"d\.csv, line 2: the model has no label 'angry'"):
        make_reference(checkpoint, data, progress=lambda step, done, total: steps.append(step))
    assert steps == []


def test_fp32_that_is_a_little_off_is_refused(checkpoint: Checkpoint, fp32: Model) -> None:
    with torch.no_grad():
        checkpoint.model.classifier.bias[0] += 0.002
    with pytest.raises(ModelError, match=r"does not answer as torch does.*0\.002"):
        judge(fp32, make_reference(checkpoint, TEXTS), max_drop=100)
    # What the data do not show, the built-in texts may.
    reference = make_reference(checkpoint, TEXTS)
    quiet = replace(reference, told=with_logits(reference.told, logits_for(fp32, TEXTS)))
    with pytest.raises(ModelError, match="does not answer as torch does"):
        judge(fp32, quiet, max_drop=100)


def test_labelled_data_score_torch_and_the_variant(
    checkpoint: Checkpoint, fp32: Model, int8: Model
) -> None:
    data = own_labels(fp32, wrong=9)
    reference = make_reference(checkpoint, data)
    assert reference.scores is not None
    assert reference.scores.figure("accuracy") == pytest.approx(0.9)
    exact = report(fp32, reference)
    assert exact.scores == reference.scores
    assert exact.drop is not None
    assert exact.drop.worst.points == 0.0
    assert exact.verdict == "It gives the original's own answers, but for rounding."
    found = report(int8, reference)
    assert found.scores is not None
    assert found.drop is not None
    lost = max(
        reference.scores.figure("accuracy") - found.scores.figure("accuracy"),
        reference.scores.figure("macro_f1") - found.scores.figure("macro_f1"),
    )
    assert found.drop.worst.points == pytest.approx(100 * lost, abs=1e-3)
    document = found.measured()
    assert document["scores"]["rows"] == document["drop"]["rows"] == 90
    assert document["drop"]["verdict"] == found.verdict


def test_calibration_is_told_without_and_with_the_temperature(
    checkpoint: Checkpoint, fp32: Model
) -> None:
    reference = make_reference(checkpoint, own_labels(fp32, wrong=30))
    found = report(fp32, reference, 4.0)
    assert found.before != found.after
    assert report(fp32, reference).after == found.before


def test_int8_may_lose_no_more_than_the_user_allows(
    checkpoint: Checkpoint, fp32: Model, int8: Model
) -> None:
    # int8 misses nine labels of ninety, all of which the original is said to meet.
    examples = own_labels(int8, wrong=9)
    right = np.eye(3, dtype=np.float32)[[LABELS.index(label) for label in examples.named()]]
    reference = make_reference(checkpoint, examples)
    meets = with_logits(reference.told, right)
    reference = replace(reference, told=meets, baseline=meets)
    _, problem = judge(int8, reference, max_drop=5)
    assert problem.startswith("it loses ")
    assert "on 90 rows (95% interval" in problem
    assert judge(int8, reference, max_drop=100)[1] == ""


def test_figures_do_not_depend_on_the_order_of_the_rows(
    checkpoint: Checkpoint, fp32: Model, int8: Model
) -> None:
    data = own_labels(fp32, wrong=9)
    turned = data.subset(reversed(range(len(data))))
    one = judge(int8, make_reference(checkpoint, data), max_drop=100)[0]
    other = judge(int8, make_reference(checkpoint, turned), max_drop=100)[0]
    np.testing.assert_array_equal(logits_of(one), logits_of(other)[::-1])


def test_a_drop_is_counted_from_the_original(
    checkpoint: Checkpoint, tmp_path: Path, fp32: Model
) -> None:
    other = open_checkpoint(str(tiny.bert(tmp_path / "other", seed=5)))
    data = own_labels(fp32)
    reference = make_reference(checkpoint, data, original=other)
    assert reference.scores is not None
    assert reference.scores.figure("accuracy") < 1
    found = report(fp32, reference)
    assert found.drop is not None
    assert found.drop.worst.points < 0
    assert found.agreement is not None
    assert found.agreement.agreement == 1.0


def test_without_labels_int8_must_agree_on_clear_texts(checkpoint: Checkpoint, int8: Model) -> None:
    reference = make_reference(checkpoint, None)
    assert reference.source == "built-in"
    assert report(int8, reference).rows == 60
    logits = logits_of(reference.told)
    turned = replace(reference, told=with_logits(reference.told, -20 * logits))
    _, problem = judge(int8, turned, max_drop=0)
    assert "texts (built-in) whose answer is clear" in problem
    # Where no answer of torch's is clear, there is nothing to disagree with.
    unclear = replace(reference, told=with_logits(reference.told, -1e-3 * logits))
    assert judge(int8, unclear, max_drop=0)[1] == ""


def test_neighbours_of_int8_are_measured(checkpoint: Checkpoint, int8: Model) -> None:
    found = report(int8, make_reference(checkpoint, TEXTS))
    assert found.rows == 90
    assert found.batch is not None
    alone, beside = logits_for(int8, TEXTS, alone=True), logits_for(int8, TEXTS)
    most = float(np.abs(alone - beside).max())
    assert found.batch.max_abs_logit_diff == round(most, 4) > 0
    assert found.batch.flips == int((alone.argmax(axis=1) != beside.argmax(axis=1)).sum())


def test_answers_that_are_no_numbers(checkpoint: Checkpoint) -> None:
    with torch.no_grad():
        checkpoint.model.classifier.bias[0] = float("nan")
    with pytest.raises(ModelError, match="values that are no numbers"):
        make_reference(checkpoint, None)


def test_a_reference_sees_normalized_texts(checkpoint: Checkpoint) -> None:
    steps = replace(checkpoint, normalize=("markup", "whitespace"))
    dirty: Reference = make_reference(steps, ["<p>rain\n  fell</p>\ud800"])
    clean: Reference = make_reference(checkpoint, ["rain fell ?"])
    np.testing.assert_allclose(logits_of(dirty.told), logits_of(clean.told), atol=1e-5)


def test_of_pairs_the_vectors_of_both_texts_are_looked_at(
    encoder_bundle: Path, made_once: Make
) -> None:
    encoder = open_checkpoint(str(made_once("encoder-checkpoint", tiny.sentences)))
    pairs = [Pair(*both) for both in zip(TEXTS[::2], TEXTS[1::2], strict=True)]
    with edgeft.load(encoder_bundle, device="cpu", variant="int8") as model:
        by_texts, by_pairs = (
            report(model, make_reference(encoder, some)).batch for some in (TEXTS, pairs)
        )
    assert by_texts is not None
    assert (by_texts.texts, by_texts.max_abs_logit_diff > 0) == (90, True)
    # Of a cosine nothing tells how far two vectors move together.
    assert by_pairs == by_texts
