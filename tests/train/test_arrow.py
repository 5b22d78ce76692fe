"""Parquet files and Hub data sets: only what is asked for is read, and every fault is one error."""

import datetime
import decimal
import json
import struct
from pathlib import Path
from typing import Any

import datasets
import pyarrow
import pyarrow.parquet
import pytest

from edgeft.data import Examples
from edgeft.data.arrow import is_unlabelled, open_dataset, open_parquet
from edgeft.errors import DataError
from edgeft.inputs import Pair
from edgeft.tasks import task_named
from edgeft.tasks.reading import examples_of, task_of
from edgeft.train.config import DataConfig
from tests.train.conftest import read_splits

FAR = pyarrow.array([2**62, -(2**62)], pyarrow.timestamp("ms"))  # no date of Python's


def _parquet(folder: Path, columns: dict[str, Any], **options: Any) -> Path:
    path = folder / "rows.parquet"
    table = columns if isinstance(columns, pyarrow.Table) else pyarrow.table(columns)
    pyarrow.parquet.write_table(table, path, **options)
    return path


def _read(path: Path, **chosen: str) -> Examples:
    return read_splits(DataConfig(str(path), **chosen)).train


def test_strings_and_numbers_keep_their_spelling(tmp_path: Path) -> None:
    path = _parquet(
        tmp_path,
        {
            "text": ["NA", "null"],
            "label": ["01", "1"],
            "whole": [1, 2],
            "part": [0.5, 1.0],
            "truth": [True, False],
            "money": [decimal.Decimal("1.50"), decimal.Decimal("2.00")],
            "category": pyarrow.array(["x", "y"]).dictionary_encode(),
            "raw": pyarrow.array([b"caf\xc3\xa9", b"x"]),
        },
    )
    train = _read(path)
    assert (train.texts, train.named(), train.lines) == (["NA", "null"], ["01", "1"], [1, 2])
    for column, labels in {
        "whole": ["1", "2"],
        "part": ["0.5", "1.0"],
        "truth": ["true", "false"],
        "money": ["1.50", "2.00"],
        "category": ["x", "y"],
        "raw": ["café", "x"],
    }.items():
        assert _read(path, label_column=column).named() == labels


def test_columns_that_nobody_uses_are_not_converted(tmp_path: Path) -> None:
    schema = pyarrow.schema(
        {
            "when": pyarrow.timestamp("ms"),
            "zoned": pyarrow.timestamp("s", "Nowhere/Atlantis"),
            "broken": pyarrow.string(),
            "text": pyarrow.string(),
            "nested": pyarrow.struct({"text": pyarrow.string()}),
            "label": pyarrow.int64(),
        },
        metadata={b"huggingface": b"[" * 5000, b"pandas": b"\xff{"},
    )
    no_text = pyarrow.array([b"\xff\xfe", b"\xff"]).view(pyarrow.string())
    table = pyarrow.Table.from_arrays(
        [
            FAR,
            pyarrow.array([0, 1], schema.field("zoned").type),
            no_text,
            pyarrow.array(["a", "b"]),
            pyarrow.array([{"text": "x"}, {"text": "y"}], schema.field("nested").type),
            pyarrow.array([0, 1]),
        ],
        schema=schema,
    )
    path = _parquet(tmp_path, table)
    train = _read(path)
    assert (train.texts, train.named()) == (["a", "b"], ["0", "1"])
    with pytest.raises(DataError, match=r"the column 'when' holds timestamp\[.*\], not text"):
        _read(path, label_column="when")
    with pytest.raises(DataError, match="the column 'nested' holds struct"):
        _read(path, text_column="nested")
    with pytest.raises(DataError, match="line 1: 'broken' is not UTF-8"):
        _read(path, text_column="broken")


def test_rows_are_numbered_across_row_groups(tmp_path: Path) -> None:
    count = 10_000
    columns = {"text": [f"t{at}" for at in range(count)], "label": ["x", "y"] * (count // 2)}
    train = _read(_parquet(tmp_path, columns, row_group_size=3000))
    assert train.texts == columns["text"]
    assert train.lines == list(range(1, count + 1))
    columns["text"][9_000] = None  # type: ignore[call-overload]
    with pytest.raises(DataError, match="line 9001: 'text' is missing or holds no text"):
        _read(_parquet(tmp_path, columns, row_group_size=3000))


def test_names_with_dots_and_names_that_stand_there_twice(tmp_path: Path) -> None:
    path = _parquet(tmp_path, {"a.b": ["x", "y"], "a": ["no", "no"], "label": ["p", "q"]})
    assert _read(path, text_column="a.b").texts == ["x", "y"]
    doubled = pyarrow.Table.from_arrays(
        [pyarrow.array(["x", "y"])] * 3 + [pyarrow.array(["p", "q"])],
        names=["text", "n", "n", "label"],
    )
    assert _read(_parquet(tmp_path, doubled)).named() == ["p", "q"]
    with pytest.raises(DataError, match="'n' stands in the header twice"):
        _read(tmp_path / "rows.parquet", text_column="n")


def test_a_number_that_is_missing_is_no_label(tmp_path: Path) -> None:
    path = _parquet(tmp_path, {"text": ["a", "b", "c"], "label": [1.0, float("nan"), 0.0]})
    with pytest.raises(DataError, match="line 2: column 'label' is empty"):
        _read(path)


def test_class_numbers_get_the_names_that_the_file_records(tmp_path: Path) -> None:
    path = tmp_path / "rows.parquet"
    features = datasets.Features(
        {"text": datasets.Value("string"), "label": datasets.ClassLabel(names=["bad", "good"])}
    )
    columns = {"text": ["x", "y"], "label": [1, 0]}
    noted = features.arrow_schema.metadata  # as the library's own writer leaves it
    pyarrow.parquet.write_table(pyarrow.table(columns).replace_schema_metadata(noted), path)
    assert _read(path).named() == ["good", "bad"]


@pytest.mark.parametrize(
    "features",
    [
        [],
        "label",
        {"label": {"_type": "ClassLabel"}},
        {"label": {"_type": "ClassLabel", "names": 7}},
        {"label": {"_type": "ClassLabel", "names": [1, 2]}},
        {"label": ["ClassLabel"]},
    ],
)
def test_names_that_cannot_be_read_are_none(tmp_path: Path, features: object) -> None:
    noted = json.dumps({"info": {"features": features}}).encode()
    table = pyarrow.table({"text": ["x", "y"], "label": [1, 0]})
    path = _parquet(tmp_path, table.replace_schema_metadata({b"huggingface": noted}))
    assert _read(path).named() == ["1", "0"]


def test_a_text_that_is_missing_names_the_row(tmp_path: Path) -> None:
    path = _parquet(tmp_path, {"text": ["x", None], "label": ["a", "b"]})
    with pytest.raises(DataError, match="line 2: 'text' is missing or holds no text"):
        _read(path)
    with pytest.raises(DataError, match="has a header but no rows"):
        _read(_parquet(tmp_path, {"text": pyarrow.array([], pyarrow.string()), "label": []}))


@pytest.mark.parametrize("content", [b"", b"text,label\n", b"PAR1", b"PAR1" * 3])
def test_a_file_that_is_no_parquet(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "rows.parquet"
    path.write_bytes(content)
    with pytest.raises(DataError, match="cannot be read as Parquet"):
        _read(path)


def test_a_file_that_is_damaged_anywhere_is_one_error_or_none(tmp_path: Path) -> None:
    columns = {"text": [f"text {at}" for at in range(50)], "label": ["x", "y"] * 25}
    path = _parquet(tmp_path, columns, compression="none")
    whole = path.read_bytes()
    (footer,) = struct.unpack("<I", whole[-8:-4])
    refused = 0
    for at in range(4, len(whole), 7):
        for value in (0x00, 0x7F, 0xFF):
            path.write_bytes(whole[:at] + bytes([value]) + whole[at + 1 :])
            try:
                _read(path)
            except DataError:
                refused += 1
    assert refused > footer // 7  # what is changed within a text may well be read


def test_a_hub_data_set_by_way_of_the_library() -> None:
    # The types that load_dataset gives, made here: no Hub is at hand.
    names = datasets.ClassLabel(names=["bad", "good"])
    features = datasets.Features(
        {"when": datasets.Value("timestamp[ms]"), "text": datasets.Value("string"), "label": names}
    )
    rows = {"when": FAR, "text": pyarrow.array(["x", "y"]), "label": pyarrow.array([1, 0])}
    train = datasets.Dataset(pyarrow.table(rows).cast(features.arrow_schema))
    withheld = datasets.Dataset.from_dict(
        {"when": [0], "text": ["z"], "label": [-1]}, features=features
    )
    table = open_dataset("mine (train)", train)
    assert table.columns == ("when", "text", "label")
    assert list(table.pick((1, 2))) == [(1, ("x", "good")), (2, ("y", "bad"))]
    assert list(open_dataset("mine", train.select([1])).pick((1,))) == [(1, ("y",))]
    with pytest.raises(DataError, match="'when' holds timestamp"):
        list(table.pick((0,)))
    assert not is_unlabelled("mine", train)
    assert is_unlabelled("mine", withheld)


def test_dates_are_no_text(tmp_path: Path) -> None:
    path = _parquet(tmp_path, {"text": ["a"], "label": [datetime.date(2020, 1, 1)]})
    with pytest.raises(DataError, match="'label' holds date32"):
        _read(path)


TAGGED = {"tokens": [["Ada", "slept"], ["So"]], "ner_tags": [[1, 0], [0]]}
NAMED = {"_type": "Sequence", "feature": {"_type": "ClassLabel", "names": ["O", "B-PER"]}}


def test_lists_of_words_and_of_class_ids_are_entities(tmp_path: Path) -> None:
    metadata = {"huggingface": json.dumps({"info": {"features": {"ner_tags": NAMED}}})}
    table = pyarrow.table(TAGGED).replace_schema_metadata(metadata)
    features = datasets.Features(
        tokens=datasets.Sequence(datasets.Value("string")),
        ner_tags=datasets.Sequence(datasets.ClassLabel(names=["O", "B-PER"])),
    )
    dataset = datasets.Dataset.from_dict(TAGGED, features=features)
    for source in (open_parquet(_parquet(tmp_path, table)), open_dataset("d", dataset)):
        assert task_of(source) == "token-classification"
        examples = examples_of(source, task_named("token-classification"), {})
        assert (examples.inputs, examples.truths) == (["Ada slept", "So"], [((0, 3, 1),), ()])
    bare = open_parquet(_parquet(tmp_path, TAGGED))
    with pytest.raises(DataError, match="'ner_tags' is no list of words") as caught:
        examples_of(bare, task_named(task_of(bare)), {})
    assert "by their names" in caught.value.hint


def test_questions_with_their_answers(tmp_path: Path) -> None:
    row = {"question": "Who?", "context": "Ada slept.",
           "answers": {"text": ["Ada"], "answer_start": [0]}}  # fmt: skip
    table = pyarrow.Table.from_pylist([row, {**row, "answers": {"text": [], "answer_start": []}}])
    source = open_parquet(_parquet(tmp_path, table))
    assert task_of(source) == "question-answering"
    examples = examples_of(source, task_named("question-answering"), {})
    assert examples.truths == [(("Ada", 0),), ()]


def test_a_list_that_cannot_be_read_is_in_the_way_of_no_text(tmp_path: Path) -> None:
    far = pyarrow.array([[2**62]] * 2, pyarrow.list_(pyarrow.timestamp("ms")))
    path = _parquet(tmp_path, {"text": ["a", "b"], "label": ["x", "y"], "when": far})
    assert _read(path).texts == ["a", "b"]


def test_two_columns_of_texts_are_pairs(tmp_path: Path) -> None:
    columns = {"sentence1": ["a", "狗"], "sentence2": ["b", "🐕"], "label": [0, 1], "idx": [7, 8]}
    pairs = [Pair("a", "b"), Pair("狗", "🐕")]
    found = _read(_parquet(tmp_path, columns))
    assert (found.inputs, found.named()) == (pairs, ["0", "1"])
    features = datasets.Features(
        sentence1=datasets.Value("string"), sentence2=datasets.Value("string"),
        label=datasets.ClassLabel(names=["no", "yes"]), idx=datasets.Value("int32"),
    )  # fmt: skip
    table = open_dataset("glue (train)", datasets.Dataset.from_dict(columns, features=features))
    found = examples_of(table, task_named("text-classification"), {})
    assert (found.inputs, found.named()) == (pairs, ["no", "yes"])
