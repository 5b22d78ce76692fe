"""The reader: strict about rows, faithful about cells."""

import io
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgeft.data import read_examples, read_table, read_texts, stratified_split
from edgeft.errors import DataError


def _file(folder: Path, name: str, content: str | bytes) -> Path:
    path = folder / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def test_cells_stay_as_they_stand(tmp_path: Path) -> None:
    path = _file(tmp_path, "a.csv", 'text,label\nNA,01\nnull,1.0\nNone,NaN\n" x ",true\n')
    examples = read_examples(path)
    assert examples.texts == ["NA", "null", "None", " x "]
    assert examples.labels == ["01", "1.0", "NaN", "true"]


def test_csv_quotes_hold_commas_line_breaks_and_quotes(tmp_path: Path) -> None:
    path = _file(tmp_path, "a.csv", 'text,label\n"a, ""b""\nc",x\nd,y\n')
    examples = read_examples(path)
    assert examples.texts == ['a, "b"\nc', "d"]
    assert examples.lines == [2, 4]


def test_tsv_has_no_quoting(tmp_path: Path) -> None:
    path = _file(tmp_path, "a.tsv", 'label\tsentence\n0\t" a quote that never ends\n1\tb\n')
    assert read_examples(path).texts == ['" a quote that never ends', "b"]


def test_byte_order_mark_blank_lines_and_windows_line_ends(tmp_path: Path) -> None:
    path = _file(tmp_path, "a.csv", b"\xef\xbb\xbftext,label\r\n\r\na,x\r\n\r\nb,y\r\n")
    table = read_table(path)
    assert table.columns == ("text", "label")
    assert table.lines == [3, 5]


def test_unicode_and_long_cells(tmp_path: Path) -> None:
    long = "很长 👩‍👩‍👧 " * 40_000
    path = _file(tmp_path, "a.csv", f'text,label\n"{long}",长\n,x\n')
    examples = read_examples(path)
    assert examples.texts == [long, ""]
    assert examples.labels[0] == "长"


def test_jsonl_numbers_keep_their_spelling(tmp_path: Path) -> None:
    rows = (
        '{"text": "a", "label": 1.0, "meta": {"k": null}}\n\n'
        '{"text": "b", "label": true, "meta": 1}\n'
    )
    examples = read_examples(_file(tmp_path, "a.jsonl", rows))
    assert examples.labels == ["1.0", "true"]
    assert examples.lines == [1, 3]


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.csv", "text,label\na,x\nb\n", "line 3: 1 field where the header has 2"),
        ("a.csv", "text,label\na,x,z\n", "line 2: 3 fields"),
        ("a.csv", "text,label\n", "no rows"),
        ("a.csv", "", "is empty"),
        ("a.csv", 'text,label\n"never closed,x\n', "line 2"),
        ("a.csv", "text,text\na,x\n", "'text' stands in the header twice"),
        ("a.csv", "text,label\na,\n", "line 2: column 'label' is empty"),
        ("a.csv", b"text,label\na,x\nb\xe9,y\n", "line 3: the text is not UTF-8"),
        ("a.csv", "words,kind\na,x\n", "Columns found: 'words', 'kind'"),
        ("a.csv", "text;label\na;x\n", "not by semicolons"),
        ("a.jsonl", '{"text": "a", "label": "x"}\n[1]\n', "line 2: a JSON object is wanted"),
        ("a.jsonl", '{"text": "a", "label": "x"}\n{"text": "b"}\n', "line 2: the key 'label'"),
        ("a.jsonl", '{"text": null, "label": "x"}\n', "line 1: 'text' holds no text"),
        ("a.jsonl", '{"text": "a", \n', "line 1: no JSON object"),
        ("a.jsonl", '{"text": ' + "[" * 100_000, "line 1: the JSON is nested too deeply"),
        ("a.csv", "text,label\na,x\n".encode("utf-16"), "iconv -f UTF-16 -t UTF-8"),
        ("a.tsv", b"\xfe\xff" + "text\tlabel\n".encode("utf-16-be"), "is UTF-16, not UTF-8"),
        ("a.parquet", b"PAR1", "Parquet is read by edgeft train only"),
        ("a.xlsx", "x", "'.xlsx' is not one that edgeft reads"),
    ],
)  # fmt: skip
def test_a_bad_file_is_one_clear_error(
    tmp_path: Path, name: str, content: str | bytes, message: str
) -> None:
    path = _file(tmp_path, name, content)
    with pytest.raises(DataError) as caught:
        read_examples(path)
    assert message in str(caught.value)
    assert str(path) in str(caught.value)


def test_missing_file_folder_and_column(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="does not exist"):
        read_examples(tmp_path / "no.csv")
    folder = tmp_path / "folder.csv"
    folder.mkdir()
    with pytest.raises(DataError, match="is a folder"):
        read_examples(folder)
    path = _file(tmp_path, "a.csv", "text,label\na,x\n")
    with pytest.raises(DataError, match="no column 'kind'") as caught:
        read_examples(path, label_column="kind")
    assert "'text', 'label'" in caught.value.hint
    with pytest.raises(DataError, match="both the text and the label"):
        read_examples(path, label_column="text")


def test_columns_are_found_by_usual_names_in_any_case(tmp_path: Path) -> None:
    path = _file(tmp_path, "a.csv", "id,Review,Sentiment\n1,good,pos\n")
    examples = read_examples(path)
    assert (examples.text_column, examples.label_column) == ("Review", "Sentiment")


def test_plain_texts_come_one_a_line(tmp_path: Path) -> None:
    path = _file(tmp_path, "a.txt", "a, b\n\n中文\r\nlast")
    assert list(read_texts(path)) == ["a, b", "", "中文", "last"]
    assert list(read_texts(io.BytesIO(b"x\ny\n"))) == ["x", "y"]
    with pytest.raises(DataError, match="stdin, line 2"):
        list(read_texts(io.BytesIO(b"x\n\xff\n")))
    with pytest.raises(DataError, match="stdin: the text is UTF-16"):
        list(read_texts(io.BytesIO("x\n".encode("utf-16"))))
    with pytest.raises(DataError, match="one text a line"):
        read_texts(path, text_column="text")
    with pytest.raises(DataError, match="Parquet is read by edgeft train only"):
        read_texts(tmp_path / "a.parquet")


def test_a_missing_text_file_is_told_before_it_is_read(tmp_path: Path) -> None:
    with pytest.raises(DataError):
        read_texts(tmp_path / "no.txt")


@given(st.lists(st.text(st.characters(exclude_categories=["Cs"])), min_size=1))
def test_json_lines_round_trip(tmp_path_factory: pytest.TempPathFactory, texts: list[str]) -> None:
    path = tmp_path_factory.mktemp("data") / "a.jsonl"
    lines = [json.dumps({"text": text, "label": "x"}, ensure_ascii=False) for text in texts]
    path.write_bytes("\n".join(lines).encode())
    assert read_examples(path).texts == texts


def test_split_is_stratified_repeatable_and_whole() -> None:
    labels = ["a"] * 50 + ["b"] * 10 + ["c"] * 2 + ["d"]
    kept, held = stratified_split(labels, 0.2, seed=1)
    assert sorted(kept + held) == list(range(len(labels)))
    counts = {label: sum(labels[i] == label for i in held) for label in "abcd"}
    assert counts == {"a": 10, "b": 2, "c": 1, "d": 0}
    assert (kept, held) == stratified_split(labels, 0.2, seed=1)
    assert held != stratified_split(labels, 0.2, seed=2)[1]
