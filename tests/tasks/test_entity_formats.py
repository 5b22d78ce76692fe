"""Entities as other tools write and read them."""

import json
import random
from pathlib import Path

import pytest

from edgeft.data import open_texts
from edgeft.data.brat import read_standoff
from edgeft.data.spans import Mark
from edgeft.tasks.entities import TASK, Entities, Entity
from edgeft.tasks.entity_formats import FORMATS, line_by_line
from edgeft.tasks.reading import read_examples
from edgeft.tasks.tags import tags_of

TEXTS = ["Ada Lovelace met 上海 🎉 (twice)", "", "none here", "a\nb B.C. c"]
Spans = list[tuple[str, str]]  # label and text


def of(text: str, *spans: tuple[int, int, str]) -> Entities:
    return Entities(tuple(Entity(label, text[a:b], a, b, 0.9) for a, b, label in spans))


def marked(text: str, *names: str) -> Entities:
    """Each "LABEL:words" of these, in order of where they stand."""
    spans, behind = [], 0
    for name in names:
        label, _, words = name.partition(":")
        start = text.index(words, behind)
        behind = start + len(words)
        spans.append((start, behind, label))
    return of(text, *spans)


FOUND = [
    (TEXTS[0], of(TEXTS[0], (0, 12, "PER"), (17, 19, "LOC"), (23, 28, "N"))),
    (TEXTS[1], of(TEXTS[1])),
    (TEXTS[2], of(TEXTS[2])),
    (TEXTS[3], of(TEXTS[3], (0, 5, "X"), (6, 7, "Y"))),
]


def written(form: str, found: list[tuple[str, Entities]]) -> tuple[list[str], list[str]]:
    """The lines, and what is told beside them."""
    told: list[str] = []
    return list(FORMATS[form](found, told.append, line_by_line)), told


def test_words_and_tags() -> None:
    lines, told = written("conll", FOUND)
    assert lines[:9] == ["Ada\tB-PER", "Lovelace\tI-PER", "met\tO", "上海\tB-LOC", "🎉\tO",
                         "(\tO", "twice\tB-N", ")\tO", ""]  # fmt: skip
    assert lines[9:12] == ["none\tO", "here\tO", ""]
    assert lines[12:] == ["a\tB-X", "b\tI-X", "B\tI-X", ".\tO", "C\tB-Y", ".\tO", "c\tO", ""]
    assert told == ["Left out: 1 text without a word, which columns cannot show (line 2)."]


def spans_in(path: Path) -> list[Spans]:
    """Each row's entities: label, and text without white space."""
    read = read_examples(path, TASK)
    types = [tag.type for tag in tags_of(read.labels)]
    return [
        [(types[label], "".join(text[start:end].split())) for start, end, label in truth]
        for text, truth in zip(read.inputs, read.truths, strict=True)
        if isinstance(text, str)
    ]


def bare(found: Entities) -> Spans:
    return [(one.label, "".join(one.text.split())) for one in found]


HARD = [
    ("今天北京和上海", marked("今天北京和上海", "LOC:北京", "LOC:上海")),
    ("Paris/London, she", marked("Paris/London, she", "LOC:Paris", "LOC:London")),
    ("Obama, said", marked("Obama, said", "PER:Obama")),
    ("BerlinWien!", marked("BerlinWien!", "LOC:Berlin", "LOC:Wien")),
    ("#tag -DOCSTART- O B-PER x", marked("#tag -DOCSTART- O B-PER x", "T:#tag", "PER:B-PER")),
    ("New\nYork   (NY)", marked("New\nYork   (NY)", "LOC:New\nYork", "LOC:NY")),
]


def test_columns_read_again_tell_the_same_entities(tmp_path: Path) -> None:
    path = tmp_path / "a.conll"
    chance = random.Random(5)
    some = list(HARD)
    for _ in range(200):
        text = "".join(chance.choices("ab 今,.(-\t\n#🎉é", k=chance.randint(1, 30)))
        spans, behind = [], 0
        while behind < len(text):
            start = behind + chance.randint(0, 4)
            behind = start + chance.randint(1, 6)
            if text[start:behind] and text[start:behind] == text[start:behind].strip():
                spans.append((start, min(behind, len(text)), chance.choice(["A", "B"])))
        if text.strip():
            some.append((text, of(text, *spans)))
    lines, told = written("conll", some)
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    assert spans_in(path) == [bare(found) for _, found in some]
    assert told == []


@pytest.mark.parametrize("blank", ["", "  ", "\n\u3000"])
def test_a_text_without_words_is_no_sentence_and_told(tmp_path: Path, blank: str) -> None:
    path = tmp_path / "a.conll"
    found = [HARD[1], (blank, of(blank)), HARD[2], (blank, of(blank))]
    lines, told = written("conll", found)
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    assert spans_in(path) == [bare(HARD[1][1]), bare(HARD[2][1])]
    assert told == [
        "Left out: 2 texts without a word, which columns cannot show (the first in line 2)."
    ]


@pytest.mark.parametrize("form", ["conll", "brat"])
def test_a_label_with_a_blank_is_written_without(tmp_path: Path, form: str) -> None:
    text = "Ada and Bo met"
    found = [(text, of(text, (0, 3, "First name"), (8, 10, "First name"), (11, 14, "x")))]
    lines, told = written(form, found)
    assert len(told) == 1
    assert told[0].startswith("The label 'First name' is written 'First_name'")
    if form == "conll":
        (tmp_path / "a.conll").write_text("\n".join(lines) + "\n", encoding="utf-8")
        (spans,) = spans_in(tmp_path / "a.conll")
    else:
        (tmp_path / "a.txt").write_text(text, encoding="utf-8")
        (tmp_path / "a.ann").write_text("\n".join(lines) + "\n", encoding="utf-8")
        (spans,) = spans_in(tmp_path / "a.ann")
    assert spans == [("First_name", "Ada"), ("First_name", "Bo"), ("x", "met")]
    assert written("spacy", found)[1] == []


def test_what_spacy_learns_from() -> None:
    read = [json.loads(line) for line in written("spacy", FOUND)[0]]
    assert [text for text, _ in read] == TEXTS
    assert read[0][1] == {"entities": [[0, 12, "PER"], [17, 19, "LOC"], [23, 28, "N"]]}


def test_an_ann_file_stands_beside_the_texts_line_by_line() -> None:
    document = "\n".join(TEXTS)
    rows = [line.split("\t") for line in written("brat", FOUND)[0]]
    assert [row[0] for row in rows] == ["T1", "T2", "T3", "T4", "T5"]
    for _, place, shown in rows:
        _, start, end = place.split()
        assert document[int(start) : int(end)].replace("\n", " ") == shown


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("mark", ["", "\ufeff"])
def test_an_ann_file_fits_the_very_document(tmp_path: Path, end: str, mark: str) -> None:
    lines = [TEXTS[0], "", "none here", "", "Ada,", "Bo\x85Ada"]
    path = tmp_path / "a.txt"
    path.write_text(mark + end.join(lines), encoding="utf-8", newline="")
    sizes: list[int] = []
    texts = list(open_texts(path, sized=sizes.append))
    assert texts == lines
    found = [(TEXTS[0], FOUND[0][1]), *((text, of(text)) for text in lines[1:4])]
    found += [(lines[4], of(lines[4], (0, 3, "PER"))), (lines[5], of(lines[5], (3, 6, "PER")))]
    ann = list(FORMATS["brat"](found, print, lambda text: sizes.pop(0)))
    (tmp_path / "a.ann").write_text("\n".join(ann) + "\n", encoding="utf-8")
    (read,) = read_standoff((path,), "a", print)  # which holds each to what it says stands there
    assert not isinstance(read.marks, Exception)
    marks = [one for one in read.marks if isinstance(one, Mark)]
    shown = [read.text[one.start : one.end] for one in marks]
    assert shown == ["Ada Lovelace", "上海", "twice", "Ada", "Ada"]
