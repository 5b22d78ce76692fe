"""CSV and TSV as spreadsheets, pandas, R and GLUE write them."""

import csv
import threading
from pathlib import Path

import pytest

from edgeft.data import open_texts
from edgeft.data.dialect import engine
from edgeft.data.table import LONGEST_FIELD
from edgeft.errors import DataError
from tests.data.files import examples_of, read_examples, rows_of, texts_of, write

BOTH = [("good, very good", "pos"), ("bad", "neg")]


@pytest.mark.parametrize(
    ("name", "content", "told"),
    [
        ("a.csv", "text;label\ngood, very good;pos\nbad;neg\n", "semicolons, not by commas"),
        ("a.csv", "text\tlabel\ngood, very good\tpos\nbad\tneg\n", "tabs, not by commas"),
        ("a.csv", "text|label\ngood, very good|pos\nbad|neg\n", "bars (|), not by commas"),
        ("a.csv", '"text";"label"\r\n"good, very good";"pos"\r\n"bad";"neg"\r\n', "semicolons"),
        ("a.tsv", 'text,label\n"good, very good",pos\nbad,neg\n', "commas, not by tabs"),
        ("a.tsv", "text;label\ngood, very good;pos\nbad;neg\n", "semicolons, not by tabs"),
        ("a.csv", "sep=;\ntext;label\ngood, very good;pos\nbad;neg\n", "semicolons"),
        ("a.csv", "\ufeffsep=\t\r\ntext\tlabel\r\ngood, very good\tpos\r\nbad\tneg\r\n", "tabs"),
        ("a.csv", '"sep=:"\ntext:label\ngood, very good:pos\nbad:neg\n', "by ':', not"),
    ],
)
def test_another_delimiter_is_found_and_told(
    tmp_path: Path, name: str, content: str, told: str
) -> None:
    rows, notes = rows_of(write(tmp_path, name, content))
    assert rows == BOTH
    assert len(notes) == 1
    assert told in notes[0]


def test_a_declared_comma_is_no_news_and_counts_as_a_line(tmp_path: Path) -> None:
    path = write(tmp_path, "a.csv", '\nsep=,\ntext,label\n"good, very good",pos\nbad,neg\n')
    assert rows_of(path) == (BOTH, [])
    assert read_examples(path).lines == [4, 5]


def test_unusual_names_too_are_parted_where_the_rows_fit(tmp_path: Path) -> None:
    path = write(tmp_path, "a.csv", "v1;v2\nham;so, what\nspam;win, now\nham;no, thanks\n")
    examples, notes = examples_of(path, text_column="v2", label_column="v1")
    assert examples.texts == ["so, what", "win, now", "no, thanks"]
    assert "semicolons" in notes[0]


def test_one_column_stays_one_whatever_its_texts_hold(tmp_path: Path) -> None:
    path = write(tmp_path, "a.csv", 'text\na;b\n"c;d, e"\nf|g\th\n')
    assert texts_of(path) == (["a;b", "c;d, e", "f|g\th"], [])
    path = write(tmp_path, "b.csv", "Why; or why not?\na\nb\nc\n")
    assert texts_of(path, "Why; or why not?") == (["a", "b", "c"], [])


def test_a_row_that_does_not_fit_another_delimiter_is_told_with_it(tmp_path: Path) -> None:
    path = write(tmp_path, "a.csv", "text;label\na;x\nb; c;y\n")
    with pytest.raises(DataError, match="line 3: 3 fields where the header has 2") as caught:
        read_examples(path)
    assert "separated by semicolons" in str(caught.value)
    assert "a text that holds a semicolon" in str(caught.value).lower()


def test_a_delimiter_is_found_where_the_sample_ends_within_a_text(tmp_path: Path) -> None:
    long = "one, two\n" * 10_000
    path = write(tmp_path, "a.csv", f'text;label\n"{long}";x\nb;y\n')
    assert rows_of(path)[0] == [(long, "x"), ("b", "y")]


@pytest.mark.parametrize(
    "content",
    [
        "text,label,,\r\na,x,,\r\nb,y,,\r\n",
        "text,label,,,\na,x,,,\nb,y\n",  # the second row ends where the names end
        "text,label\na,x,,\nb,y,\n",
        ",text,label\n0,a,x\n1,b,y\n",  # as pandas writes its index
        "text,label, ,\na,x,,\nb,y,,\n",
        "text,label,n,n\na,x,1,2\nb,y,3,4\n",  # twice, but nobody asks for it
    ],
)
def test_columns_without_a_name_of_use_do_no_harm(tmp_path: Path, content: str) -> None:
    assert rows_of(write(tmp_path, "a.csv", content)) == ([("a", "x"), ("b", "y")], [])


def test_what_stands_in_nameless_columns_is_told(tmp_path: Path) -> None:
    path = write(tmp_path, "a.csv", "text,label,,\na,x,,\nb,y, and more,\nc,y,,z\n")
    rows, notes = rows_of(path)
    assert rows == [("a", "x"), ("b", "y"), ("c", "y")]
    assert notes == ["2 rows hold more, in columns without a name: not read (the first in line 3)."]


def test_a_header_without_any_name(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="Its first line names no column"):
        read_examples(write(tmp_path, "a.csv", ",,\na,x,\n"))


@pytest.mark.parametrize(
    "content",
    [
        'label, text\npos, "good, very good"\nneg, bad\n',
        'label,   "text"\n"pos",   "good, very good"\n"neg",   "bad"\n',
        '"label" ,"text"\n"pos" ,"good, very good" \n"neg" ,"bad"\n',
        '"label" ; "text"\n"pos" ; "good, very good"\n"neg" ; "bad"\n',
    ],
)
def test_blanks_beside_quotes(tmp_path: Path, content: str) -> None:
    assert rows_of(write(tmp_path, "a.csv", content))[0] == BOTH


def test_blanks_stay_where_no_quote_is_beside_them(tmp_path: Path) -> None:
    path = write(tmp_path, "a.csv", 'text,label\n a , x\n" b ",y\n"""no"" , never",y\n')
    assert rows_of(path)[0] == [(" a ", "x"), (" b ", "y"), ('"no" , never', "y")]


def test_what_a_tsv_takes_literally_is_told(tmp_path: Path) -> None:
    path = write(tmp_path, "a.tsv", 'text\tlabel\nplain\tx\n"he said ""no"""\ty\n"5 inch\tx\n')
    rows, notes = rows_of(path)
    assert rows == [("plain", "x"), ('"he said ""no"""', "y"), ('"5 inch', "x")]
    assert notes == [
        "1 row has cells in double quotes, which are taken literally; if quotes only wrap the "
        "cells, call the file .csv (line 3)."
    ]
    as_csv = write(tmp_path, "a.csv", path.read_text().replace('"5 inch', "5 inch"))
    assert rows_of(as_csv)[0][1] == ('he said "no"', "y")


def test_a_tsv_with_its_header_in_quotes_is_read_with_quotes(tmp_path: Path) -> None:
    path = write(tmp_path, "a.tsv", '"text"\t"label"\n"a ""b""\tc"\t"x"\n"d"\t"y"\n')
    rows, notes = rows_of(path)
    assert rows == [('a "b"\tc', "x"), ("d", "y")]
    assert notes == ["its header is in quotes, so quotes are read as in a CSV file."]


def test_a_line_break_in_the_quotes_of_a_tsv(tmp_path: Path) -> None:
    path = write(tmp_path, "a.tsv", 'text\tlabel\n"two\nlines"\tx\n')
    with pytest.raises(DataError, match="line 2: 1 field ") as caught:
        read_examples(path)
    assert "call the file .csv" in caught.value.hint


def test_line_n_of_one_column_is_row_n(tmp_path: Path) -> None:
    path = write(tmp_path, "a.csv", "text\na\n\nb\r\n\r\n\nc\n")
    assert texts_of(path) == (["a", "", "b", "", "", "c"], [])


def test_empty_lines_between_rows_of_several_columns_are_told(tmp_path: Path) -> None:
    path = write(tmp_path, "a.csv", "text,label\na,x\n\n\nb,y\n\n")
    rows, notes = rows_of(path)
    assert len(rows) == 2
    assert notes == ["2 empty lines are no row and skipped (the first in line 3)."]


def test_rows_of_delimiters_alone_have_nothing_to_learn_from(tmp_path: Path) -> None:
    path = write(tmp_path, "a.csv", "id,text,label\n1,a,x\n,,\n2,b,y\n,,\n,,\n")
    rows, notes = rows_of(path)
    assert rows == [("a", "x"), ("b", "y")]
    assert notes == ["3 rows are empty and left out (the first in line 3)."]
    assert texts_of(path)[0] == ["a", "", "b", "", ""]  # each row gets an answer


@pytest.mark.parametrize("joined", ["text,label\nb,y\n", "\ufefftext,label\nb,y\n"])
def test_two_files_joined_are_refused_at_the_second_header(tmp_path: Path, joined: str) -> None:
    path = write(tmp_path, "a.csv", "text,label\na,x\n" + joined)
    with pytest.raises(DataError, match="line 3: the header stands there again"):
        read_examples(path)
    path = write(tmp_path, "b.csv", "text\na\ntext\n")
    texts, notes = texts_of(path)
    assert texts == ["a", "text"]  # it may be one
    assert notes == ["1 row repeats the header, read as a text (line 3)."]


def test_the_column_that_is_wanted_must_be_there_once(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="'text' stands in the header twice"):
        read_examples(write(tmp_path, "a.csv", "text,text,label\na,b,x\n"))


def test_a_quote_that_never_ends_is_told_where_it_begins(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="line 3: unexpected end") as caught:
        read_examples(write(tmp_path, "a.csv", 'text,label\na,x\n"b,y\nc,z\n'))
    assert "never ends" in caught.value.hint


def test_the_limit_of_a_field_fits_every_system_and_is_no_global() -> None:
    assert LONGEST_FIELD < 2**31  # a C long on Windows, where more is an OverflowError
    assert engine().field_size_limit() == LONGEST_FIELD
    assert engine() is not csv


def test_reading_leaves_the_process_limit_alone_at_any_time(tmp_path: Path) -> None:
    long = "x" * 300_000
    path = write(tmp_path, "a.csv", "text\n" + f"{long}\n" * 20)
    before = csv.field_size_limit()
    seen: set[int] = set()
    found: list[int] = []

    def read() -> None:
        for text in open_texts(path):
            seen.add(csv.field_size_limit())
            found.append(len(text))

    threads = [threading.Thread(target=read) for _ in range(4)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert found == [300_000] * 80
    assert seen == {before}
    assert csv.field_size_limit() == before
