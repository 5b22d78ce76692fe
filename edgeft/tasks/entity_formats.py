"""Entities as other tools read them: CoNLL, spaCy, brat. Standard library only."""

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING

from edgeft.tasks.tags import NONE

if TYPE_CHECKING:
    from edgeft.tasks.entities import Entities

__all__ = ["FORMATS"]

Found = Iterable[tuple[str, "Entities"]]  # texts, and what is in them
WORD = re.compile(r"\S+")


def _conll(found: Found) -> Iterator[str]:
    """A word and its tag (IOB2) a line, an empty line behind each text.

    A word that an entity touches is its own.
    """
    for text, entities in found:
        spans = iter(entities)
        one, begun = next(spans, None), False
        for word in WORD.finditer(text):
            while one is not None and one.end <= word.start():
                one, begun = next(spans, None), False
            if one is None or one.start >= word.end():
                yield f"{word[0]}\t{NONE}"
            else:
                yield f"{word[0]}\t{'I' if begun else 'B'}-{one.label}"
                begun = True
        yield ""


def _spacy(found: Found) -> Iterator[str]:
    """JSON Lines of [text, {"entities": [[start, end, label], …]}], as spaCy's examples are."""
    for text, entities in found:
        spans = [[one.start, one.end, one.label] for one in entities]
        yield json.dumps([text, {"entities": spans}], ensure_ascii=False)


def _brat(found: Found) -> Iterator[str]:
    """An .ann for one document: the texts, a line each. A line's end within a text is a blank."""
    number = begin = 0
    for text, entities in found:
        for one in entities:
            number += 1
            shown = re.sub(r"[\r\n]", " ", one.text)
            yield f"T{number}\t{one.label} {begin + one.start} {begin + one.end}\t{shown}"
        begin += len(text) + 1


FORMATS: Mapping[str, Callable[[Found], Iterator[str]]] = {
    "conll": _conll,
    "spacy": _spacy,
    "brat": _brat,
}
