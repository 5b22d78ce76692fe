"""Entities as other tools write and read them."""

import json

from edgeft.tasks.entities import Entities, Entity
from edgeft.tasks.entity_formats import FORMATS

TEXTS = ["Ada Lovelace met 上海 🎉 (twice)", "", "none here", "a\nb B.C. c"]


def of(text: str, *spans: tuple[int, int, str]) -> Entities:
    return Entities(tuple(Entity(label, text[a:b], a, b, 0.9) for a, b, label in spans))


FOUND = [
    (TEXTS[0], of(TEXTS[0], (0, 12, "PER"), (17, 19, "LOC"), (23, 28, "N"))),
    (TEXTS[1], of(TEXTS[1])),
    (TEXTS[2], of(TEXTS[2])),
    (TEXTS[3], of(TEXTS[3], (0, 5, "X"), (6, 7, "Y"))),
]


def test_words_and_tags() -> None:
    lines = list(FORMATS["conll"](FOUND))
    assert lines[:7] == ["Ada\tB-PER", "Lovelace\tI-PER", "met\tO", "上海\tB-LOC", "🎉\tO",
                         "(twice)\tB-N", ""]  # fmt: skip
    assert lines[7] == ""  # the empty text
    assert lines[8:11] == ["none\tO", "here\tO", ""]
    assert lines[11:] == ["a\tB-X", "b\tI-X", "B.C.\tI-X", "c\tO", ""]


def test_what_spacy_learns_from() -> None:
    read = [json.loads(line) for line in FORMATS["spacy"](FOUND)]
    assert [text for text, _ in read] == TEXTS
    assert read[0][1] == {"entities": [[0, 12, "PER"], [17, 19, "LOC"], [23, 28, "N"]]}


def test_an_ann_file_stands_beside_the_texts_line_by_line() -> None:
    document = "\n".join(TEXTS)
    rows = [line.split("\t") for line in FORMATS["brat"](FOUND)]
    assert [row[0] for row in rows] == ["T1", "T2", "T3", "T4", "T5"]
    for _, place, shown in rows:
        _, start, end = place.split()
        assert document[int(start) : int(end)].replace("\n", " ") == shown
