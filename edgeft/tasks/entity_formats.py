"""Entities as other tools read them: CoNLL, spaCy, brat."""

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING

from edgeft.tasks.entity import Entities
from edgeft.tasks.tags import NONE
from edgeft.tasks.words import is_mark

if TYPE_CHECKING:
    from edgeft.data import Tell

__all__ = ["FORMATS", "Predicted", "SizeOf", "line_by_line"]

Predicted = Iterable[tuple[str, Entities]]  # texts, and what is in them
SizeOf = Callable[[str], int]  # the characters that a text takes in its document, line end included
RUN = re.compile(r"\S+")
BLANKS = re.compile(r"\s+")


def line_by_line(text: str) -> int:
    """The size of a text in a document whose lines end in a line feed."""
    return len(text) + 1


class _Names:
    """The names of labels where a blank would end them; a label that gets another is told once."""

    def __init__(self, tell: "Tell") -> None:
        self._tell, self._known = tell, dict[str, str]()

    def of(self, label: str) -> str:
        if label not in self._known:
            self._known[label] = BLANKS.sub("_", label)
            if self._known[label] != label:
                self._tell(
                    f"The label {label!r} is written {self._known[label]!r}, as a blank would end "
                    "it; JSON and spaCy's form keep it."
                )
        return self._known[label]


def _conll(found: Predicted, tell: "Tell", size_of: SizeOf) -> Iterator[str]:
    """A word and its tag (IOB2) a line, an empty line behind each text."""
    from edgeft.data.notes import Sightings

    names, empty = _Names(tell), Sightings()
    for number, (text, entities) in enumerate(found, start=1):
        words = False
        for word, label, begins in _words(text, entities):
            words = True
            tag = f"{'B' if begins else 'I'}-{names.of(label)}" if label else NONE
            yield f"{word}\t{tag}"
        if words:
            yield ""
        else:
            empty.add(number)
    rest = "without a word, which columns cannot show"
    empty.tell(tell, "Left out", "text", "texts", rest)


def _words(text: str, entities: "Entities") -> Iterator[tuple[str, str, bool]]:
    """Each word, the label of its entity or "", and whether that begins there.

    Words end at white space, at entities' ends, and beside marks, which are words themselves.
    """
    behind = 0
    for one in entities:
        yield from ((word, "", False) for word in _cut(text[behind : one.start]))
        for at, word in enumerate(_cut(text[one.start : one.end])):
            yield word, one.label, at == 0
        behind = one.end
    yield from ((word, "", False) for word in _cut(text[behind:]))


def _cut(text: str) -> Iterator[str]:
    for run in RUN.findall(text):
        begin = 0
        for at, character in enumerate(run):
            if is_mark(character):
                if begin < at:
                    yield run[begin:at]
                yield character
                begin = at + 1
        if begin < len(run):
            yield run[begin:]


def _spacy(found: Predicted, tell: "Tell", size_of: SizeOf) -> Iterator[str]:
    """JSON Lines of [text, {"entities": [[start, end, label], …]}], as spaCy's examples are."""
    for text, entities in found:
        spans = [[one.start, one.end, one.label] for one in entities]
        yield json.dumps([text, {"entities": spans}], ensure_ascii=False)


def _brat(found: Predicted, tell: "Tell", size_of: SizeOf) -> Iterator[str]:
    """An .ann for one document: the texts, a line each. A line's end within a text is a blank."""
    names, number, begin = _Names(tell), 0, 0
    for text, entities in found:
        for one in entities:
            number += 1
            place = f"{begin + one.start} {begin + one.end}"
            shown = re.sub(r"[\r\n]", " ", one.text)
            yield f"T{number}\t{names.of(one.label)} {place}\t{shown}"
        begin += size_of(text)


FORMATS: Mapping[str, Callable[[Predicted, "Tell", SizeOf], Iterator[str]]] = {
    "conll": _conll,
    "spacy": _spacy,
    "brat": _brat,
}
