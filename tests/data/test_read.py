"""The reader: strict about rows, faithful about cells."""

import io
from pathlib import Path

import pytest

from edgeft.data import open_table, open_texts, read_texts, stratified_split
from edgeft.errors import DataError
from tests.data.files import examples_of, read_examples, texts_of, write


def test_cells_stay_as_they_stand(tmp_path: Path) -> None:
    path = write(tmp_path, "a.csv", 'text,label\nNA,01\nnull,1.0\nNone,NaN\n" x ",true\n')
    examples = read_examples(path)
    assert examples.texts == ["NA", "null", "None", " x "]
    assert examples.named() == ["01", "1.0", "NaN", "true"]


def test_csv_quotes_hold_commas_line_breaks_and_quotes(tmp_path: Path) -> None:
    path = write(tmp_path, "a.csv", 'text,label\n"a, ""b""\nc",x\nd,y\n')
    examples = read_examples(path)
    assert examples.texts == ['a, "b"\nc', "d"]
    assert examples.lines == [2, 4]


def test_tsv_has_no_quoting(tmp_path: Path) -> None:
    path = write(tmp_path, "a.tsv", 'label\tsentence\n0\t" a quote that never ends\n1\tb\n')
    assert read_examples(path).texts == ['" a quote that never ends', "b"]


def test_byte_order_mark_blank_lines_and_windows_line_ends(tmp_path: Path) -> None:
    path = write(tmp_path, "a.csv", b"\xef\xbb\xbftext,label\r\n\r\na,x\r\n\r\nb,y\r\n")
    table = open_table(path)
    assert table.columns == ("text", "label")
    assert list(table.pick((1, 0))) == [(3, ("x", "a")), (5, ("y", "b"))]


def test_unicode_and_long_cells(tmp_path: Path) -> None:
    long = "很长 👩‍👩‍👧 " * 40_000
    path = write(tmp_path, "a.csv", f'text,label\n"{long}",长\n,x\n')
    examples = read_examples(path)
    assert examples.texts == [long, ""]
    assert examples.named()[0] == "长"


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.csv", "text,label\na,x\nb\n", "line 3: 1 field where the header has 2"),
        ("a.csv", "text,label\na,x,z\n", "line 2: 3 fields"),
        ("a.csv", "text,label\n", "no rows"),
        ("a.csv", "", "is empty"),
        ("a.csv", 'text,label\n"never closed,x\n', "line 2"),
        ("a.csv", "text,text\na,x\n", "'text' stands in the header twice"),
        ("a.csv", "text,label\na,\nb,x\n", "line 2: column 'label' is empty"),
        ("a.csv", b"text,label\na,x\nb\xe9,y\n", "line 3: the text is not UTF-8"),
        ("a.csv", "words,kind\na,x\n", "Columns found: 'words', 'kind'"),
        ("a.csv", "words\na\n", "Columns found: 'words', separated by commas"),
        ("a.parquet", b"PAR1", "Parquet is read by edgeft train only"),
        ("a.xlsx", "x", "'.xlsx' is not one that edgeft reads"),
    ],
)  # fmt: skip
def test_a_bad_file_is_one_clear_error(
    tmp_path: Path, name: str, content: str | bytes, message: str
) -> None:
    path = write(tmp_path, name, content)
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
    path = write(tmp_path, "a.csv", "text,label\na,x\n")
    with pytest.raises(DataError, match="no column 'kind'") as caught:
        read_examples(path, label_column="kind")
    assert "'text', 'label'" in caught.value.hint
    with pytest.raises(DataError, match="both the text and the label"):
        read_examples(path, label_column="text")


def test_columns_are_found_by_usual_names_in_any_case(tmp_path: Path) -> None:
    path = write(tmp_path, "a.csv", "id,Review,Sentiment\n1,good,pos\n")
    examples = read_examples(path)
    assert examples.columns == {"text": "Review", "label": "Sentiment"}


def test_plain_texts_come_one_a_line(tmp_path: Path) -> None:
    path = write(tmp_path, "a.txt", "a, b\n\n中文\r\nlast")
    assert list(read_texts(path)) == ["a, b", "", "中文", "last"]
    assert list(read_texts(io.BytesIO(b"x\ny\n"))) == ["x", "y"]
    with pytest.raises(DataError, match="stdin, line 2"):
        list(read_texts(io.BytesIO(b"x\n\xff\n")))
    with pytest.raises(DataError, match="one text a line"):
        read_texts(path, text_column="text")
    with pytest.raises(DataError, match="Parquet is read by edgeft train only"):
        read_texts(tmp_path / "a.parquet")


def test_a_missing_text_file_is_told_before_it_is_read(tmp_path: Path) -> None:
    with pytest.raises(DataError):
        read_texts(tmp_path / "no.txt")


def test_which_of_several_columns_is_read_is_told(tmp_path: Path) -> None:
    path = write(
        tmp_path, "a.tsv", "index\tquestion\tsentence\tlabel\tClass\n0\twhat\tthat\tyes\tx\n"
    )
    examples, notes = examples_of(path)
    assert (examples.texts, examples.named()) == (["that"], ["yes"])
    assert notes == [
        "the text is read from 'sentence', not from 'question'; --text-column names another.",
        "the label is read from 'label', not from 'Class'; --label-column names another.",
    ]
    named, notes = examples_of(path, text_column="question", label_column="Class")
    assert (named.texts, named.named(), notes) == (["what"], ["x"], [])
    assert texts_of(path)[1] == [
        "the text is read from 'sentence', not from 'question'; --text-column names another."
    ]


def test_a_fault_at_the_end_of_a_table_is_told_before_its_first_text(tmp_path: Path) -> None:
    path = write(tmp_path, "a.csv", "text,label\n" + "a,x\n" * 1000 + "b\n")
    with pytest.raises(DataError, match="line 1002: 1 field"):
        read_texts(path)
    texts = open_texts(path)  # which reads no more than it must
    assert [next(texts) for _ in range(1000)] == ["a"] * 1000
    with pytest.raises(DataError, match="line 1002: 1 field"):
        next(texts)


def test_a_note_is_told_once(tmp_path: Path) -> None:
    path = write(tmp_path, "a.csv", "text;label\na;x\n\nb;y\n")
    assert len(texts_of(path)[1]) == 2


def test_split_is_stratified_repeatable_and_whole() -> None:
    labels = ["a"] * 50 + ["b"] * 10 + ["c"] * 2 + ["d"]
    kept, held = stratified_split(labels, 0.2, seed=1)
    assert sorted(kept + held) == list(range(len(labels)))
    counts = {label: sum(labels[i] == label for i in held) for label in "abcd"}
    assert counts == {"a": 10, "b": 2, "c": 1, "d": 0}
    assert (kept, held) == stratified_split(labels, 0.2, seed=1)
    assert held != stratified_split(labels, 0.2, seed=2)[1]


def test_an_empty_name_is_no_column(tmp_path: Path) -> None:
    # As a variable of the shell leaves it that is not set; pandas writes its index without a name.
    path = write(tmp_path, "a.csv", ",text,label\n0,one,x\n1,two,y\n")
    with pytest.raises(DataError, match=r"has no column ''"):
        read_examples(path, text_column="")
    with pytest.raises(DataError, match=r"has no column ''"):
        read_examples(path, label_column="")
