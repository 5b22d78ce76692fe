"""Cascades of judges of pairs and of many labels, from end to end."""

import json
import random
import shutil
from pathlib import Path

import pytest

import edgeft
from edgeft.bundle import read_manifest
from edgeft.cascade.run import CascadeConfig, cascade
from edgeft.errors import UsageError
from edgeft.inputs import Input, Pair, columns_of
from tests.tiny import CHINESE, WORDS, nearby

ROWS = 800


def inputs(count: int, seed: int, *, pairs: bool) -> list[Input]:
    chance = random.Random(seed)
    words = [*WORDS, *CHINESE]
    texts = [" ".join(chance.choices(words, k=chance.randint(2, 9))) for _ in range(2 * count)]
    both = zip(texts[:count], texts[count:], strict=True)
    return [Pair(*one) for one in both] if pairs else [*texts[:count]]


def write(path: Path, some: list[Input], labels: list[object] | None = None) -> Path:
    names = ("text", "text_pair")
    lines = [dict(zip(names, columns_of(one), strict=False)) for one in some]
    if labels is not None:
        key = "labels" if isinstance(labels[0], tuple) else "label"
        lines = [{**line, key: label} for line, label in zip(lines, labels, strict=True)]
    path.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    return path


@pytest.mark.parametrize("kind", ["pair", "labeller"])
def test_the_whole_road(kind: str, request: pytest.FixtureRequest, tmp_path: Path) -> None:
    checkpoint: Path = request.getfixturevalue(f"{kind}_checkpoint")
    bundle: Path = request.getfixturevalue(f"{kind}_bundle")
    near, pairs = nearby(checkpoint, tmp_path / "near"), kind == "pair"
    if pairs:
        shutil.copy(checkpoint / "training.json", near)
    some = inputs(ROWS, 0, pairs=pairs)
    with edgeft.load(bundle, device="cpu", variant="fp32") as model:
        labels = [one.label if pairs else one.labels for one in model.predict(some)]  # type: ignore[attr-defined]
    settings = CascadeConfig(
        (str(near), str(bundle)), tmp_path / "out",
        data=write(tmp_path / "data.jsonl", some, labels),
        unlabelled=(write(tmp_path / "more.jsonl", inputs(200, 1, pairs=pairs)),),
        max_disagreement=5.0,
    )  # fmt: skip
    found = cascade(settings).found
    # A stratum of an odd number of rows cannot be halved.
    assert abs(found["promises"]["disagreement"]["rows"] - (ROWS // 2 + 200)) < 9
    assert abs(sum(one["rows"] for one in found["stages"]) - ROWS // 2) < 9
    manifest = read_manifest(tmp_path / "out")
    assert manifest.model.takes == ("pairs" if pairs else "")
    with edgeft.load(tmp_path / "out", device="cpu") as model:
        answers = model.predict(some[:50])
        assert {one.stage for one in answers} <= {"near", "main"}
        assert [one.stage for one in model.predict([some[7]])] == [answers[7].stage]


def test_many_labels_promise_no_accuracy(labeller_bundle: Path, tmp_path: Path) -> None:
    data = write(tmp_path / "d.jsonl", inputs(50, 0, pairs=False), [("calm",)] * 50)
    stages = (f"{labeller_bundle}=int8", str(labeller_bundle))
    with pytest.raises(UsageError, match="is of accuracy, which a many-label classifier") as caught:
        cascade(CascadeConfig(stages, tmp_path / "out", data=data, max_drop=1.0))
    assert "--max-disagreement" in caught.value.hint
