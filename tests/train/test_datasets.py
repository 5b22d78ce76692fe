import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from edgeft.data import Examples, Splits, fingerprint, hold_out
from edgeft.errors import DataError, UsageError
from edgeft.inputs import Pair, Question
from edgeft.tasks import task_named
from edgeft.tasks.classification import TASK as CLASSIFIER
from edgeft.train.config import DataConfig, config_from
from edgeft.train.datasets import check_labels, normalized_splits
from tests.train.conftest import read_splits, rows, write_csv


def held_out(splits: Splits, share: float, *, seed: int) -> Splits:
    return hold_out(splits, share, splits.train.named(), seed=seed)


def test_a_file_is_train(train_csv: Path, test_csv: Path) -> None:
    splits = read_splits(DataConfig(str(train_csv), test=str(test_csv)))
    assert (len(splits.train), splits.validation) == (150, None)
    assert splits.test is not None
    assert splits.test.texts == [text for text, _ in rows(30, seed=1)]


def test_a_folder_of_splits_in_several_formats(tmp_path: Path) -> None:
    write_csv(tmp_path / "train.csv", rows(9))
    (tmp_path / "dev.tsv").write_text("text\tlabel\nrain\tsad\n", encoding="utf-8")
    line = json.dumps({"text": "sun", "label": "glad"})
    (tmp_path / "test.jsonl").write_text(line + "\n", encoding="utf-8")
    (tmp_path / "README.md").write_text("not data", encoding="utf-8")
    splits = read_splits(DataConfig(str(tmp_path)))
    assert {name: len(split) for name, split in splits.present().items()} == {
        "train": 9,
        "validation": 1,
        "test": 1,
    }
    other = write_csv(tmp_path / "other.csv", rows(4))
    assert len(read_splits(DataConfig(str(tmp_path), test=str(other))).test or ()) == 4


def test_a_folder_without_train_lists_what_it_has(tmp_path: Path) -> None:
    write_csv(tmp_path / "rows.csv", rows(3))
    with pytest.raises(DataError, match=r"no train file\. Data files found: rows\.csv"):
        read_splits(DataConfig(str(tmp_path)))


def test_a_folder_with_two_validation_files_is_ambiguous(tmp_path: Path) -> None:
    for name in ("train", "dev", "valid"):
        write_csv(tmp_path / f"{name}.csv", rows(3))
    with pytest.raises(DataError, match=r"2 files for validation: dev\.csv, valid\.csv"):
        read_splits(DataConfig(str(tmp_path)))


@pytest.mark.parametrize("name", ["nosuchset", "some/nosuchset"])
def test_a_hub_data_set_offline_names_the_local_ways(name: str) -> None:
    with pytest.raises(DataError, match="no Hub data set of that name") as caught:
        read_splits(DataConfig(name))
    assert ".csv" in caught.value.hint


def test_a_hub_that_cannot_be_reached_is_one_message(tmp_path: Path) -> None:
    environment = {name: value for name, value in os.environ.items() if "OFFLINE" not in name}
    environment |= {
        "HF_ENDPOINT": "http://127.0.0.1:9",  # the port that nothing listens on
        "HF_HOME": str(tmp_path / "cache"),
        "PYTHONPATH": str(Path(__file__).parents[2]),
    }
    done = subprocess.run(
        [sys.executable, "-m", "edgeft", "train", "missing", "-o", "x"],
        cwd=tmp_path, env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 1
    message, hint = done.stderr.splitlines()
    assert message == (
        "Error: 'missing' is no file or folder here, and no Hub data set of that name "
        "could be loaded: the Hub cannot be reached; HF_HUB_OFFLINE=1 takes what was loaded before."
    )
    assert hint.startswith("Check the name and the network")


@pytest.mark.parametrize("name", ["nosuch.csv", "./nosuch", "a/b/c"])
def test_what_looks_like_a_path_is_not_sought_on_the_hub(name: str) -> None:
    with pytest.raises(DataError, match=r"does not exist|suffix"):
        read_splits(DataConfig(name))


def test_hold_out_is_stratified_repeatable_and_optional(train_csv: Path) -> None:
    splits = read_splits(DataConfig(str(train_csv)))
    held = held_out(splits, 0.2, seed=0)
    assert held.validation is not None
    assert {label: held.validation.named().count(label) for label in ("calm", "glad", "sad")} == {
        "calm": 10,
        "glad": 10,
        "sad": 10,
    }
    assert not set(held.validation.lines) & set(held.train.lines)
    assert held_out(splits, 0.2, seed=0) == held
    assert held_out(splits, 0.2, seed=1) != held
    assert held_out(splits, 0, seed=0) is splits
    assert held_out(held, 0.2, seed=0) is held


def test_a_class_with_one_row_is_named_with_its_line(tmp_path: Path) -> None:
    path = write_csv(tmp_path / "t.csv", [*rows(9), ("only one", "[rare]")])
    with pytest.raises(DataError, match=r"line 11: the class '\[rare\]' has only this row"):
        held_out(read_splits(DataConfig(str(path))), 0.1, seed=0)


def test_a_single_class(tmp_path: Path) -> None:
    path = write_csv(tmp_path / "t.csv", [("a", "x"), ("b", "x")])
    with pytest.raises(DataError, match="every row has the label 'x'"):
        check_labels(read_splits(DataConfig(str(path))), CLASSIFIER)


@pytest.mark.parametrize("role", ["validation", "test"])
def test_labels_that_train_never_shows(tmp_path: Path, train_csv: Path, role: str) -> None:
    path = write_csv(tmp_path / "t.csv", [("a", "calm"), ("b", "new"), ("c", "newer")])
    splits = read_splits(DataConfig(str(train_csv), **{role: str(path)}))
    with pytest.raises(DataError, match=f"line 3: {role} has 2 labels .*: 'new', 'newer'"):
        check_labels(splits, CLASSIFIER)


def test_the_fingerprint_is_of_the_contents(tmp_path: Path, train_csv: Path) -> None:
    here = read_splits(DataConfig(str(train_csv)))
    copy = tmp_path / "copy.csv"
    copy.write_bytes(train_csv.read_bytes())
    assert fingerprint(here) == fingerprint(read_splits(DataConfig(str(copy))))
    assert fingerprint(here) != fingerprint(Splits(here.train.subset(range(149))))
    assert fingerprint(here) != fingerprint(Splits(here.train, test=here.train))
    surrogate = Splits(here.train.subset([0]))
    surrogate.train.inputs[0] = "\ud800"  # such as broken JSON leaves; it has no UTF-8 form
    assert fingerprint(surrogate).startswith("sha256:")


def test_normalization_reaches_every_split(tmp_path: Path) -> None:
    path = write_csv(tmp_path / "t.csv", [("<b>Ａ</b>", "x"), ("b", "y")])
    splits = read_splits(DataConfig(str(path), test=str(path)))
    done = normalized_splits(splits, ("markup", "nfkc", "whitespace"))
    assert done.train.texts == ["A", "b"]
    assert done.test is not None
    assert done.test.texts == ["A", "b"]
    assert normalized_splits(splits, ()) is splits
    path.write_text("first,second,label\n<b>Ａ</b>,<i>b</i>,x\nc,d,y\n", encoding="utf-8")
    pairs = normalized_splits(read_splits(DataConfig(str(path))), ("markup", "nfkc", "whitespace"))
    assert pairs.train.inputs == [Pair("A", "b"), Pair("c", "d")]


def test_what_a_reader_decided_is_told_once_for_each_file(tmp_path: Path) -> None:
    train = tmp_path / "train.csv"
    train.write_text("text;label\na;x\nb;y\n", encoding="utf-8")
    (tmp_path / "test.csv").write_text("sentence,label\na,x\n", encoding="utf-8")
    notes: list[str] = []
    splits = read_splits(DataConfig(str(tmp_path)), notes.append)
    assert len(splits.train) == 2
    assert notes == [
        f"{train}: its columns are separated by semicolons, not by commas.",
        f"{tmp_path / 'test.csv'}: the texts of test are read from 'sentence', those of train "
        "from 'text'.",
    ]


def test_labels_of_two_files_that_look_alike(tmp_path: Path) -> None:
    train = write_csv(tmp_path / "train.csv", [("a", "caf\u00e9"), ("b", "y")])
    test = write_csv(tmp_path / "test.csv", [("a", "cafe\u0301")])
    splits = read_splits(DataConfig(str(train), test=str(test)))
    with pytest.raises(DataError, match=r"train never shows: 'cafe\\u0301'") as caught:
        check_labels(splits, CLASSIFIER)
    assert "'café', 'cafe\\u0301'" in caught.value.hint


def test_labels_that_look_alike_elsewhere_explain_nothing(tmp_path: Path) -> None:
    train = write_csv(tmp_path / "train.csv", [("a", "y"), ("b", "Y")])
    test = write_csv(tmp_path / "test.csv", [("a", "z"), ("b", "Z")])
    with pytest.raises(DataError, match=r"train never shows: 'z', 'Z'") as caught:
        check_labels(read_splits(DataConfig(str(train), test=str(test))), CLASSIFIER)
    assert "differ only" not in caught.value.hint


def test_a_split_without_the_columns_names_its_file(tmp_path: Path) -> None:
    write_csv(tmp_path / "train.csv", rows(9))
    (tmp_path / "test.csv").write_text("words,kind\na,x\n", encoding="utf-8")
    with pytest.raises(DataError, match=r"test\.csv has no text column") as caught:
        read_splits(DataConfig(str(tmp_path)))
    assert "'words', 'kind'" in caught.value.hint


def test_files_of_a_folder_that_are_no_files(tmp_path: Path) -> None:
    write_csv(tmp_path / "train.csv", rows(9))
    (tmp_path / "test.csv").mkdir()
    with pytest.raises(DataError, match=r"test\.csv is a folder"):
        read_splits(DataConfig(str(tmp_path)))
    (tmp_path / "test.csv").rmdir()
    (tmp_path / "dev.csv").symlink_to(tmp_path / "gone.csv")
    with pytest.raises(DataError, match=r"dev\.csv does not exist"):
        read_splits(DataConfig(str(tmp_path)))


@pytest.mark.parametrize("name", ["x" * 300, "a\0b", "~nobody-of-that-name/train.csv"])
def test_a_name_that_is_no_path(name: str) -> None:
    with pytest.raises(DataError) as caught:
        read_splits(DataConfig(name))
    assert len(str(caught.value).splitlines()) <= 2


@pytest.mark.parametrize("where", ["data", "validation", "test"])
def test_a_home_that_nobody_has(train_csv: Path, where: str) -> None:
    named = {"data": str(train_csv)} | {where: "~nobody-of-that-name/x.csv"}
    with pytest.raises(DataError, match="is no path"):
        read_splits(DataConfig(**named))


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_folder_without_permission(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    folder.mkdir()
    write_csv(folder / "train.csv", rows(9))
    for mode in (0o000, 0o100, 0o400):
        folder.chmod(mode)
        with pytest.raises(DataError, match="Permission denied"):
            read_splits(DataConfig(str(folder)))
    folder.chmod(0o700)
    (folder / "train.csv").chmod(0)
    with pytest.raises(DataError, match="Permission denied"):
        read_splits(DataConfig(str(folder)))


def test_texts_for_labels_are_told_and_not_printed(tmp_path: Path) -> None:
    path = tmp_path / "train.csv"
    path.write_text("text,label\na," + "x" * 10_001 + "\nb,y\n", encoding="utf-8")
    with pytest.raises(DataError, match=r"line 2: the label .* has 10,001 characters") as one:
        check_labels(read_splits(DataConfig(str(path))), CLASSIFIER)
    assert len(str(one.value)) < 1000
    with pytest.raises(DataError, match=r"has only this row") as one:
        held_out(read_splits(DataConfig(str(path))), 0.1, seed=0)
    assert len(str(one.value)) < 1000


@pytest.mark.parametrize("name", ["model", "validation", "test", "text_column", "label_column"])
def test_an_empty_name_is_refused(name: str) -> None:
    with pytest.raises(UsageError, match=f"--{name.replace('_', '-')} is empty"):
        config_from({"data": "a.csv", name: ""})


@pytest.mark.parametrize(
    ("name", "value"),
    [("data", 5), ("model", 7), ("text_column", []), ("epochs", 1.5), ("seed", "x"),
     ("threads", True), ("class_weights", "no"), ("hold_out", True)],
)  # fmt: skip
def test_a_value_of_another_type_is_refused_by_name(name: str, value: object) -> None:
    with pytest.raises(UsageError, match=f"--{name.replace('_', '-')} cannot be"):
        config_from({"data": "a.csv", name: value})
    assert config_from({"data": "a.csv", "hold_out": 0, "learning_rate": 1}).data.hold_out == 0


def questions(*contexts: str, truths: dict[str, object] | None = None) -> Splits:
    """A row for each context that is named; what is named twice has two."""
    rows = [Question(f"{at}?", one) for at, one in enumerate(contexts)]
    found = [(truths or {}).get(one, ((one[:1], 0),)) for one in contexts]
    return Splits(Examples("q.json", list(rows), found, list(range(len(rows))), (), {}))


def parted(splits: Splits, share: float, task: str, seed: int = 0) -> Splits:
    its = task_named(task)
    keys = its.strata(splits.train.truths, splits.train.labels)
    shares = its.shares.one if its.shares else ""
    return hold_out(splits, share, keys, seed=seed, single=its.single, shares=shares)


def test_questions_about_one_context_stay_together() -> None:
    contexts = [f"{at % 20} slept." for at in range(100)]
    for seed in range(3):
        found = parted(questions(*contexts), 0.1, "question-answering", seed)
        assert found.validation is not None
        learned, held = ({one.context for one in some.inputs}  # type: ignore[union-attr]
                         for some in (found.train, found.validation))  # fmt: skip
        assert not learned & held
        assert (len(held), len(found.validation)) == (2, 10)
    # Two contexts are parted although each is the only one of its kind.
    found = parted(questions(*"aabb", truths={"b": ()}), 0.5, "question-answering")
    assert found.validation is not None
    assert len(found.validation) == 2
    with pytest.raises(DataError, match="all 3 rows are about one context") as caught:
        parted(questions(*"aaa"), 0.1, "question-answering")
    assert "--hold-out 0" in caught.value.hint


def spans(*labels: str) -> Examples:
    """A text for each word of labels, with a span for each letter."""
    kinds = ("A", "B", "C")
    truths = [tuple((at, at + 1, kinds.index(one)) for at, one in enumerate(some))
              for some in labels]  # fmt: skip
    texts = ["xyz" * (at + 1) for at in range(len(labels))]
    return Examples("s.conll", list(texts), truths, list(range(len(texts))),
                    ("A", "B", "C"), {"span": "last"})  # fmt: skip


def test_a_text_with_a_label_that_no_other_has_is_learned() -> None:
    for seed in range(5):
        found = parted(
            Splits(spans("A", "A", "A", "A", "AB", "A")), 0.5, "token-classification", seed
        )
        assert 4 in found.train.lines
        assert found.validation is not None
        assert len(found.validation) == 2
    with pytest.raises(DataError, match="no label stands in two texts") as caught:
        parted(Splits(spans("A", "B", "C")), 0.5, "token-classification")
    assert "class" not in str(caught.value)
