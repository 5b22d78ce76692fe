"""Training on pairs of texts, and what is recorded of them."""

import json
from collections.abc import Sequence
from pathlib import Path

import pytest

import edgeft
from edgeft.checkpoint.open import open_checkpoint
from edgeft.data import text_shared
from edgeft.errors import DataError, UsageError
from edgeft.inputs import Pair
from edgeft.runtime.tokenize import TextEncoder
from edgeft.tasks import task_named
from edgeft.train.config import DataConfig, TrainConfig
from edgeft.train.hardware import resolve_hardware
from edgeft.train.prepare import Prepared, prepare
from edgeft.train.recipe import RecipeChoice
from edgeft.train.run import train
from edgeft.train.sides import side_figures
from tests import tiny
from tests.exporting import ExportConfig, export

WORDS = ("cat", "dog", "sun", "rain", "river", "stone")


def rows(count: int) -> list[tuple[str, str, str]]:
    """Pairs, and whether both are about the same."""
    found = []
    for at in range(count):
        word, other = WORDS[at % 6], WORDS[(at // 6) % 6]
        found.append((f"the {word} fell {at}", f"a {other} won", "yes" if word == other else "no"))
    return found


def write(path: Path, some: Sequence[tuple[str, str, str]]) -> Path:
    lines = [",".join(one) for one in [("premise", "hypothesis", "label"), *some]]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def prepared(encoder: Path, data: Path, **more: str) -> Prepared:
    config = TrainConfig(DataConfig(str(data), **more), model=str(encoder), threads=1,
                         device="cpu", precision="fp32", recipe=RecipeChoice(epochs=1))  # fmt: skip
    return prepare(config, resolve_hardware("cpu", "fp32", 1))


def test_the_whole_road(encoder: Path, tmp_path: Path) -> None:
    data = write(tmp_path / "train.csv", rows(60))
    config = TrainConfig(DataConfig(str(data)), model=str(encoder), threads=1, device="cpu",
                         precision="fp32", recipe=RecipeChoice(epochs=1))  # fmt: skip
    result = train(config, tmp_path / "run")
    document = json.loads((tmp_path / "run" / "training.json").read_text(encoding="utf-8"))
    assert document == result.document
    assert document["takes"] == "pairs"
    assert document["data"]["other_column"] == "hypothesis"
    checkpoint = open_checkpoint(str(tmp_path / "run"))
    assert checkpoint.task is task_named("text-classification", "pairs")
    bundle = export(ExportConfig(str(tmp_path / "run"), tmp_path / "b", data=data, max_drop=100.0))
    assert bundle.manifest.model.takes == "pairs"
    assert "hypothesis" not in (tmp_path / "b" / "edgeft.json").read_text(encoding="utf-8")
    with edgeft.load(tmp_path / "b", device="cpu") as model:
        assert model.predict(Pair("the cat fell", "a cat won")).label in ("no", "yes")


def test_a_data_report_tells_of_each_text(encoder: Path, tmp_path: Path) -> None:
    data = write(tmp_path / "train.csv", [*rows(60), ("a " * 90, "red", "no")])
    found = prepared(encoder, data)
    assert (found.task.asks.one, found.report.takes) == ("pair", "pairs")
    figures = {one.name: one.value for one in found.report.figures}
    assert figures["pair_tokens_max"] == {"first": 90, "second": 3}
    assert figures["pair_cut"] == {"first": found.report.cut, "second": 0}
    assert found.report.cut > 0
    text = write(tmp_path / "texts.csv", rows(60)).read_text(encoding="utf-8")
    (tmp_path / "texts.csv").write_text(text.replace("premise", "text"), encoding="utf-8")
    single = prepared(encoder, tmp_path / "texts.csv")
    assert single.report.takes == "texts"
    assert not single.report.figures


def test_either_text_may_be_cut(tmp_path: Path) -> None:
    tokenizer = tiny.wordpiece(tmp_path / "t").backend_tokenizer.to_str().encode()
    inputs = [Pair("a " * 40, "b"), Pair("a", "b " * 40), Pair("a " * 40, "b " * 40), Pair("", "")]
    uncut = TextEncoder(tokenizer, 512).encode(inputs)
    figures = {one.name: one.value for one in side_figures(inputs, uncut, 3, 30)}
    assert figures["pair_cut"] == {"first": 2, "second": 2}
    assert figures["pair_tokens_max"] == {"first": 40, "second": 40}
    assert side_figures(["a"], uncut[:1], 3, 30) == side_figures([], [], 3, 30) == ()


def test_splits_of_two_kinds_are_refused(encoder: Path, tmp_path: Path) -> None:
    data = write(tmp_path / "train.csv", rows(60))
    other = tmp_path / "test.csv"
    other.write_text("text,label\nthe cat,yes\n", encoding="utf-8")
    with pytest.raises(DataError, match=r"test\.csv gives single texts, and pairs of texts are w"):
        prepared(encoder, data, test=str(other))
    with pytest.raises(DataError, match=r"train\.csv gives pairs of texts, and single texts are"):
        prepared(encoder, other, test=str(data))


def test_pairs_that_are_there_twice_are_told(encoder: Path, tmp_path: Path) -> None:
    turned = [(second, first, label) for first, second, label in rows(30)]  # other pairs
    report = prepared(encoder, write(tmp_path / "t.csv", [*rows(60), *rows(30), *turned])).report
    assert (report.given, report.duplicates) == (120, 30)
    assert "30 rows repeat a pair; --clean removes them." in report.warnings()


def test_pairs_of_one_text_are_held_out_together(encoder: Path, tmp_path: Path) -> None:
    some = [(f"{WORDS[at % 6]} fell {at // 2}", f"a cat won {at}", "no" if at % 4 < 2 else "yes")
            for at in range(80)]  # fmt: skip
    data = write(tmp_path / "d.csv", some)
    found = prepared(encoder, data)
    assert found.splits.validation is not None
    learned, held = (text_shared(one, other) for one, other in (
        (found.splits.train.inputs, found.splits.validation.inputs),
        (found.splits.validation.inputs, found.splits.train.inputs),
    ))  # fmt: skip
    assert learned == held == 0
    assert not any("share texts" in note for note in found.report.notes)
    test = write(tmp_path / "t.csv", [("cat fell 0", "new", "yes"), ("old", "new", "no")])
    found = prepared(encoder, data, test=str(test))
    assert "1 of 2 test pairs have a text that also stands in train" in str(found.report.warnings())


def test_pairs_that_all_hang_together_are_told(encoder: Path, tmp_path: Path) -> None:
    found = prepared(encoder, write(tmp_path / "d.csv", [
        (f"the {WORDS[at % 2]} fell", f"a dog won {at}", "yes" if at % 3 else "no")
        for at in range(60)
    ]))  # fmt: skip
    assert any("stand on both sides" in note for note in found.report.notes)


def test_ids_of_labels_get_names(encoder: Path, tmp_path: Path) -> None:
    some = [(one, other, str(int(label == "yes"))) for one, other, label in rows(60)]
    data = write(tmp_path / "d.csv", some)
    found = prepared(encoder, data, label_names="不,是", test=str(data))
    assert found.labels == ("不", "是")
    assert set(found.splits.train.named()) == {"不", "是"}
    assert found.splits.test is not None
    assert found.splits.test.truths == [int(label) for _, _, label in some]
    with pytest.raises(DataError, match="3 names are given"):
        prepared(encoder, data, label_names="a,b,c")
    scored = [(one, other, f"{at}.5") for at, (one, other, _) in enumerate(rows(60))]
    numbers = write(tmp_path / "n.csv", scored)
    with pytest.raises(UsageError, match="--label-names is for labels that are ids"):
        prepared(encoder, numbers, label_names="a,b")
