"""Entities from every form in which people and tools write them."""

import json
from pathlib import Path
from typing import Any

import pytest

from edgeft.data import open_source
from edgeft.data.entities import entities_or_texts, holds_entities
from edgeft.errors import DataError
from tests.data.entities import read, told, written

ADA = {"text": "Ada met Bo in Rome.", "entities": []}
EXPECTED = [("PER", "Ada"), ("LOC", "Rome")]


# --- columns -------------------------------------------------------------------------

CONLL = """-DOCSTART- -X- -X- O

# id 1 domain=en
Ada NNP I-NP B-PER
Lovelace\u00a0 NNP I-NP I-PER
#  SYM I-NP O
 \t
Rome NNP I-NP B-LOC


"""


@pytest.mark.parametrize("separator", [" ", "\t", " \t ", "   "])
def test_columns_with_any_white_space(tmp_path: Path, separator: str) -> None:
    text = CONLL.replace(" NNP I-NP ", separator.join(["", "NNP", "I-NP", ""]))
    path = tmp_path / "a.conll"
    path.write_text(text.replace("  SYM I-NP ", separator.join(["", "SYM", "I-NP", ""])))
    examples, notes = read(path)
    assert [text.split("\u00a0")[0] for text in examples.texts] == ["Ada Lovelace", "Rome"]
    assert examples.texts[0].endswith(" #")
    assert told(examples, 1) == [("LOC", "Rome")]
    assert examples.lines == [4, 8]
    assert examples.truths[0] == ((0, 12, 1),)  # the blank at its end is no part of it
    assert any("white space at the ends" in note for note in notes)
    assert examples.columns == {"text": "1", "span": "last"}


def test_schemes_but_iob2_are_told(tmp_path: Path) -> None:
    path = written(tmp_path / "a.iob", "Ada I-PER", "Lovelace I-PER", "Bo B-PER", "slept O")
    examples, notes = read(path)
    assert told(examples) == [("PER", "Ada Lovelace"), ("PER", "Bo")]
    assert notes == [f"{path}: the tags are read as IOB1."]


def test_columns_are_chosen_by_number(tmp_path: Path) -> None:
    path = written(tmp_path / "a.conll", "1\tAda\tB-PER\tO", "2\tslept\tO\tO")
    examples, _ = read(path, text="2", label="3")
    assert (examples.texts, told(examples)) == (["Ada slept"], [("PER", "Ada")])
    for named in ("5", "0", "word"):
        with pytest.raises(DataError, match=f"no column '{named}'"):
            read(path, label=named)


def test_ragged_lines_and_files_without_words_are_told(tmp_path: Path) -> None:
    ragged = written(tmp_path / "a.conll", "Ada B-PER", "", "slept", "")
    with pytest.raises(DataError, match=r"line 3: 1 column, where the others have 2"):
        read(ragged)
    empty = written(tmp_path / "b.conll", "", " ", "-DOCSTART- -X- O")
    with pytest.raises(DataError, match="holds no words"):
        read(empty)
    stray = written(tmp_path / "c.conll", "Ada B-PER", "Rome I-LOC")
    with pytest.raises(DataError, match=r"c.conll, line 2: 'I-LOC' goes on"):
        read(stray)


@pytest.mark.parametrize("name", ["a.conll", "a.tsv"])
def test_tabs_and_blanks_in_one_line(tmp_path: Path, name: str) -> None:
    lines = ["Ada\tNNP B-PER", "slept\tVBD O", "", "in\tIN O", "Rome\tNNP  B-LOC"]
    examples, _ = read(written(tmp_path / name, *lines))
    assert examples.texts == ["Ada slept", "in Rome"]
    assert [told(examples, row) for row in (0, 1)] == [[("PER", "Ada")], [("LOC", "Rome")]]
    # Where a line's last column is a tag alone, a word has the blanks.
    examples, _ = read(written(tmp_path / name, "New York\tB-LOC", "slept\tO"))
    assert told(examples) == [("LOC", "New York")]


def test_the_texts_of_tags_that_no_scheme_knows_are_read_where_no_tag_is_asked_for(
    tmp_path: Path,
) -> None:
    for lines in (["Ada B", "slept O"], ["Ada B-X", "met E-X", "Bo U-X"], ["So o", "is o", "I X"]):
        path = written(tmp_path / "a.conll", *lines)
        with pytest.raises(DataError):
            read(path)
        words = [line.split()[0] for line in lines]
        assert read(path, "keep")[0].texts == [" ".join(words)]
        tokens = {"tokens": words, "tags": [line.split()[1] for line in lines]}
        rows = written(tmp_path / "a.jsonl", tokens, {"tokens": [], "tags": []})
        with pytest.raises(DataError):
            read(rows)
        assert read(rows, "keep")[0].texts == [" ".join(words), ""]


def test_words_without_tags_are_texts(tmp_path: Path) -> None:
    path = written(tmp_path / "a.conll", "Ada", "slept", "", "So")
    assert entities_or_texts(open_source(path), {}, print) == ["Ada slept", "So"]


def test_a_txt_or_tsv_is_looked_into(tmp_path: Path) -> None:
    tagged = written(tmp_path / "train.txt", "Ada B-PER", "slept O", "", "She O")
    assert told(read(tagged)[0]) == [("PER", "Ada")]
    tabs = written(tmp_path / "a.tsv", "Ada\tB-PER", "slept\tO")
    assert holds_entities(open_source(tabs))
    table = written(tmp_path / "b.tsv", "text\tlabel", "Ada slept\tO")
    assert not holds_entities(open_source(table))
    with pytest.raises(DataError, match="neither does each line hold a word and its tag"):
        open_source(written(tmp_path / "c.txt", "Ada slept."))


# --- objects -------------------------------------------------------------------------

SPANS = [{"start": 0, "end": 3, "label": "PER"}, {"start": 14, "end": 18, "label": "LOC"}]
DOCCANO = [{"id": 1, "start_offset": a, "end_offset": b, "label": c}
           for a, b, c in ([0, 3, "PER"], [14, 18, "LOC"])]  # fmt: skip
FORMS = {
    "plain": {"text": ADA["text"], "entities": SPANS},
    "lists": {"text": ADA["text"], "entities": [[14, 18, "LOC"], [0, 3, "PER"]]},
    "doccano": {"id": 7, "text": ADA["text"], "label": [[0, 3, "PER"], [14, 18, "LOC"]]},
    "doccano old": {"id": 7, "data": ADA["text"], "label": [[0, 3, "PER"], [14, 18, "LOC"]]},
    "doccano relations": {"text": ADA["text"], "entities": DOCCANO, "relations": []},
    "prodigy": {
        "text": ADA["text"], "_input_hash": 1, "answer": "accept", "spans": SPANS,
        "tokens": [{"text": "Ada", "start": 0, "end": 3, "id": 0}],
    },
    "tokens": {
        "tokens": ["Ada", "met", "Bo", "in", "Rome."],
        "ner_tags": ["B-PER", "O", "O", "O", "B-LOC"],
    },
    "studio short": {
        "id": 1, "text": ADA["text"],
        "label": [{"start": 0, "end": 3, "text": "Ada", "labels": ["PER"]},
                  {"start": 14, "end": 18, "text": "Rome", "labels": ["LOC"]}],
    },
}  # fmt: skip


@pytest.mark.parametrize("form", FORMS)
def test_one_object_a_line(tmp_path: Path, form: str) -> None:
    path = written(tmp_path / "a.jsonl", FORMS[form], "", FORMS[form])
    assert holds_entities(open_source(path))
    examples, _ = read(path)
    ends = [("PER", "Ada"), ("LOC", "Rome." if form == "tokens" else "Rome")]
    assert [told(examples, row) for row in (0, 1)] == [ends, ends]
    assert (examples.labels, examples.lines) == (("LOC", "PER"), [1, 3])
    # The same objects as one JSON array, which is no JSON Lines.
    array = tmp_path / "a.json"
    array.write_text(json.dumps([FORMS[form]], indent=1))
    assert told(read(array)[0]) == ends


def test_a_table_of_labelled_texts_holds_no_entities(tmp_path: Path) -> None:
    path = written(tmp_path / "a.jsonl", {"text": "good", "label": "pos"})
    assert not holds_entities(open_source(path))
    assert entities_or_texts(open_source(path), {}, print) == ["good"]
    with pytest.raises(DataError, match="'label' holds no entities"):
        entities_or_texts(open_source(path), {"label": "label"}, print)


def test_texts_that_prodigy_labels_as_a_whole_hold_no_entities(tmp_path: Path) -> None:
    row = {"text": "Ada slept.", "label": "GOOD", "_input_hash": 1, "answer": "accept"}
    assert not holds_entities(open_source(written(tmp_path / "a.jsonl", row)))


def test_rows_that_prodigy_did_not_accept_are_left_out(tmp_path: Path) -> None:
    row = FORMS["prodigy"]
    bare = {"text": "So.", "_input_hash": 2, "answer": "accept"}
    path = written(tmp_path / "a.jsonl", bare, row, {**row, "answer": "reject"})
    examples, notes = read(path)
    assert [told(examples, row) for row in (0, 1)] == [[], EXPECTED]
    assert any("1 row was not accepted and left out (line 3)" in note for note in notes)
    kept, notes = read(path, "keep")  # of which something is asked all the same
    assert (kept.texts, notes) == (["So.", row["text"], row["text"]], [])


def span(start: Any, end: Any, label: Any = "X") -> dict[str, Any]:
    return {"text": "Ada met Bo.", "entities": [{"start": start, "end": end, "label": label}]}


@pytest.mark.parametrize(
    ("row", "message"),
    [
        (span(8, 12), r"line 2: the span from 8 to 12 \('X'\) lies outside the text, which has 11"),
        (span(-1, 3), "lies outside"),
        (span(3, 3), r"the span from 3 to 3 \('X'\) is empty"),
        (span(5, 2), "is empty"),
        (span(3, 4), "holds white space alone"),
        (span("0", 3), "needs a start, an end and a label"),
        (span(0, 3, " "), "needs a start, an end and a label"),
        (span(True, 3), "needs a start, an end and a label"),
        (span(0, 3, "\ud800"), "half a surrogate pair"),
        ({"text": "Ada"}, "'entities' is missing"),
        ({"text": None, "entities": []}, "'text' is missing or holds no text"),
        ({"text": "Ada", "entities": {"a": 1}}, "'entities' is no list of spans"),
        ({"text": "Ada met", "entities": [[0, 3, "A"], [2, 5, "B"]]},
         r"'Ada' \(A, 0 to 3\) and 'a m' \(B, 2 to 5\) overlap"),
        ({"text": "Ada met", "entities": [[0, 7, "A"], [0, 3, "A"]]}, "overlap"),
        ({"text": "Ada", "entities": [{"start": 0, "end": 2, "label": "A", "text": "Bo"}]},
         "'Bo' is said to stand from 0 to 2, where the text has 'Ad'"),
    ],
)  # fmt: skip
def test_spans_that_cannot_be(tmp_path: Path, row: dict[str, Any], message: str) -> None:
    path = written(tmp_path / "a.jsonl", FORMS["plain"], row)
    with pytest.raises(DataError, match=message) as found:
        read(path)
    assert "line 2" in found.value.message
    assert found.value.hint.endswith("--skip-bad drops it.")
    left, notes = read(path, "skip")
    assert (left.lines, list(left.skipped.values())) == ([1], [1])
    assert any("and is left out (line 2)" in note for note in notes)
    if isinstance(row.get("text"), str):
        kept, notes = read(path, "keep")
        assert (kept.texts[1], kept.truths[1], notes) == (row["text"], (), [])
    else:  # there is not even an input
        with pytest.raises(DataError, match=message):
            read(path, "keep")


def test_spans_are_trimmed_and_twice_the_same_is_one(tmp_path: Path) -> None:
    row = {"text": "Ada met", "entities": [[0, 4, "A"], [0, 3, "A"]]}
    examples, notes = read(written(tmp_path / "a.jsonl", row))
    assert told(examples) == [("A", "Ada")]
    assert len(notes) == 2


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ({"tokens": ["a", "b"], "tags": ["O"]}, "2 tokens but 1 tags"),
        ({"tokens": ["a"], "tags": [3]}, "'tags' is no list of words"),
        ({"tokens": ["a"]}, "'tags' is missing"),
        ({"tokens": ["a"], "tags": ["I-X"]}, "'I-X' goes on with an entity"),
    ],
)
def test_words_and_tags_that_do_not_fit(tmp_path: Path, row: dict, message: str) -> None:
    first = {"tokens": ["a", "b"], "tags": ["B-X", "O"]}
    path = written(tmp_path / "a.jsonl", first, row)
    with pytest.raises(DataError, match=f"line 2: .*{message}"):
        read(path)
    assert read(path, "skip")[0].lines == [1]
    assert read(path, "keep")[0].texts == ["a b", " ".join(row["tokens"])]


BAD_LINES = """Ada B-PER

Bo
slept O

She O
met X

I-PER O
Ada I-PER

So O
"""


def test_sentences_with_a_ragged_line_or_a_wrong_tag_are_one_error_or_left_out(
    tmp_path: Path,
) -> None:
    path = tmp_path / "a.conll"
    path.write_text(BAD_LINES)
    with pytest.raises(DataError) as found:
        read(path)
    assert found.value.message == (
        f"{path}, line 3: 1 column, where the others have 2. 2 more rows are bad; in all "
        "1 with a ragged line, 1 with a tag that no scheme knows, 1 with a tag out of place."
    )
    assert found.value.hint.endswith("--skip-bad drops them.")
    examples, notes = read(path, "skip")
    assert (examples.texts, examples.lines) == (["Ada", "So"], [1, 12])
    assert examples.skipped == {
        "a ragged line": 1, "a tag that no scheme knows": 1, "a tag out of place": 1,
    }  # fmt: skip
    assert f"{path}: 1 row has a ragged line, and is left out (line 3)." in notes
    assert read(path, "keep")[0].texts == ["Ada", "Bo slept", "She met", "I-PER Ada", "So"]


def test_bad_rows_of_one_kind_are_counted(tmp_path: Path) -> None:
    path = written(tmp_path / "a.jsonl", span(0, 99), FORMS["plain"], span(0, 98), span(1, 97))
    with pytest.raises(DataError, match=r"line 1: .* 11 characters\. 2 more rows are bad\.\n"):
        read(path)
    with pytest.raises(DataError, match="all 2 rows are bad, so --skip-bad leaves none"):
        read(written(path, span(0, 99), span(0, 98)), "skip")


def test_a_file_in_which_nothing_is_marked(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no entity is marked in 1 texts"):
        read(written(tmp_path / "a.jsonl", ADA))
    with pytest.raises(DataError, match="holds no texts"):
        read(written(tmp_path / "b.jsonl", {**FORMS["prodigy"], "answer": "reject"}))


# --- brat ----------------------------------------------------------------------------


def brat(folder: Path, name: str, text: str, *lines: str) -> Path:
    path = folder / f"{name}.txt"
    path.write_bytes(text.encode())
    path.with_suffix(".ann").write_text("\n".join(lines))
    return path


def test_brat_in_a_folder_and_by_a_file(tmp_path: Path) -> None:
    text = "Ada\r\nLovelace met Bo."
    first = brat(tmp_path, "a", text, "T1\tPER 0 13\tAda Lovelace", "R1\tKnows Arg1:T1 Arg2:T2",
                 "T2\tPER 18 20\tBo", "#1\tNote T1\tx", "T3\tPER 0 3;18 20\tAda Bo")  # fmt: skip
    brat(tmp_path, "b", "So.")
    assert holds_entities(open_source(tmp_path))
    examples, notes = read(tmp_path)
    assert examples.texts == [text, "So."]
    assert told(examples) == [("PER", "Ada\r\nLovelace"), ("PER", "Bo")]
    assert notes == [
        f"{tmp_path}: 1 entity is in several pieces, which no tagger finds, and left out (text 1)."
    ]
    for name in (first, first.with_suffix(".ann")):
        assert read(name)[0].truths == examples.truths[:1]


def test_what_brat_did_not_write(tmp_path: Path) -> None:
    path = brat(tmp_path, "a", "Ada met Bo.", "T1\tPER 0 2\tAda")
    with pytest.raises(DataError, match=r"a.ann, line 1: 'Ada' is said to stand where .* 'Ad'"):
        read(path)
    brat(tmp_path, "a", "Ada met Bo.", "T1 PER 0 3 Ada")
    with pytest.raises(DataError, match=r"a.ann, line 1: this is no entity as brat writes it"):
        read(path)
    brat(tmp_path, "a", "Ada", "T1\tPER 0 9")
    with pytest.raises(DataError, match=r"a.ann, line 1: the span from 0 to 9 .* lies outside"):
        read(path)
    brat(tmp_path, "b", "Bo met Ada.", "T1\tPER 0 2\tBo")
    examples, notes = read(tmp_path, "skip")
    assert (examples.texts, examples.lines) == (["Bo met Ada."], [2])
    assert examples.skipped == {"a span outside the text": 1}
    assert notes == [f"{tmp_path}: 1 row has a span outside the text, and is left out (text 1)."]
    path.unlink()
    (tmp_path / "b.ann").unlink()
    with pytest.raises(DataError, match=r"b\.txt has no annotations beside it"):
        read(tmp_path)
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match=r"without \.ann files"):
        open_source(tmp_path / "empty")


def test_the_form_is_told_by_more_than_the_first_object(tmp_path: Path) -> None:
    bare = {"text": "nothing here"}
    path = written(tmp_path / "a.jsonl", bare, FORMS["plain"])
    assert holds_entities(open_source(path))
    with pytest.raises(DataError, match="line 1: 'entities' is missing") as found:
        read(path)
    assert "A text without entities has an empty list." in found.value.hint
    assert read(path, "skip")[0].lines == [2]
    empty = {"text": "nothing here", "spans": []}  # which tells less than what is marked
    assert told(read(written(path, empty, FORMS["doccano"]), "skip")[0]) == EXPECTED
    array = tmp_path / "a.json"
    array.write_text(json.dumps([bare, FORMS["plain"]]))
    assert holds_entities(open_source(array))


def test_a_word_may_begin_with_a_hash_and_a_comment_end_like_a_tag(tmp_path: Path) -> None:
    plain = written(tmp_path / "a.conll", "#love TAG", "Bern LOC", "is O", "# newdoc", "# O")
    examples, notes = read(plain)
    assert examples.texts == ["#love Bern is #"]
    assert told(examples) == [("TAG", "#love"), ("LOC", "Bern")]
    assert f'{plain}: 1 line is read as a comment, for its "#", and left out (line 4).' in notes
    path = written(tmp_path / "b.conll", "# text = Blood type O", "Ada B-PER", "slept O", "",
                   "# id 2", "# x", "#", "She O", "#2 B-X")  # fmt: skip
    examples, notes = read(path)
    assert examples.texts == ["Ada slept", "She #2"]
    assert notes == [
        f'{path}: 4 lines are read as a comment, for its "#", and left out (the first in line 1).'
    ]
    text = tmp_path / "b.txt"
    text.write_text(path.read_text())
    assert read(text)[0].texts == examples.texts
    # However long the comments before the first row are.
    written(path, *["# all of these are comments"] * 300, "Ada B-PER", "slept O")
    assert read(path)[0].texts == ["Ada slept"]


def test_the_width_is_that_of_most_rows(tmp_path: Path) -> None:
    path = written(tmp_path / "a.conll", "New York B-LOC", "", "Ada B-PER", "slept O")
    with pytest.raises(DataError, match=r"line 1: 3 columns, where the others have 2"):
        read(path)
    assert read(path, "skip")[0].texts == ["Ada slept"]


def test_no_scheme_is_told_of_a_file_without_entities(tmp_path: Path) -> None:
    path, notes = written(tmp_path / "a.conll", "So O"), list[str]()
    with pytest.raises(DataError, match="no entity is marked"):
        entities_or_texts(open_source(path), {}, notes.append)
    assert notes == []
