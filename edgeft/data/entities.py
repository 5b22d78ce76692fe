"""Texts with named entities, from every form in which these are written."""

from collections.abc import Iterable, Mapping, Sequence
from contextlib import closing
from itertools import pairwise

from edgeft.data.brat import read_standoff
from edgeft.data.conll import read_tagged, text_of_words
from edgeft.data.examples import Examples, lone_surrogate
from edgeft.data.kinds import Document, Source, Standoff, TaggedLines, records_of
from edgeft.data.labels import ordered_labels, visible
from edgeft.data.notes import Sightings, Tell
from edgeft.data.read import texts_of
from edgeft.data.spans import EXAMPLE, Annotated, Mark, form_of, read_spans, read_words
from edgeft.data.table import Table
from edgeft.errors import DataError

__all__ = ["entities_or_texts", "holds_entities"]

NO_COLUMNS: Mapping[str, str | None] = {}


def holds_entities(source: Source) -> bool:
    """Whether a source is of a form in which entities are written."""
    if isinstance(source, (TaggedLines, Standoff)):
        return True
    first = _first_of(source)
    return first is not None and form_of(first, NO_COLUMNS) is not None


def entities_or_texts(
    source: Source, columns: Mapping[str, str | None], tell: Tell
) -> Examples | Sequence[str]:
    """Texts with the spans of their entities, or the texts alone where nothing is marked.

    A truth is the sorted tuple of (start, end, id), characters of the text and the place of the
    type in ``labels``. White space at the ends of spans is taken off. Raises DataError.
    """
    match source:
        case TaggedLines():
            sentences, tagged = read_tagged(source.lines, source.source, columns, tell)
            found: Iterable[Annotated] = (
                Annotated(one.line, where, text, [Mark(*mark, where) for mark in marks])
                for one in sentences
                for where in (f"{source.source}, line {one.line}",)
                for text, marks in (text_of_words(one.words, one.spans),)
            )
            if not tagged:
                return [one.text for one in found]
            names = {"text": columns.get("text") or "1", "span": columns.get("label") or "last"}
        case Standoff():
            found = read_standoff(source.texts, source.source, tell)
            names = {"text": ".txt", "span": ".ann"}
        case _:
            first = _first_of(source)
            form = form_of(first, columns) if first is not None else None
            if form is None:
                if isinstance(source, Table) and columns.get("label") is None:
                    return list(texts_of(source, columns.get("text"), tell))
                raise _no_entities(source, columns)
            records = records_of(source)
            assert records is not None, "what has a first object has all"
            unit, objects = records
            read = read_words if form.kind == "words" else read_spans
            found = read(objects, form, source.source, unit, tell)
            names = {"text": form.text or "data", "span": form.spans}
            with closing(objects):
                return _examples(found, source.source, names, tell)
    return _examples(found, source.source, names, tell)


def _examples(
    found: Iterable[Annotated], source: str, names: Mapping[str, str], tell: Tell
) -> Examples:
    texts: list[str] = []
    spans: list[list[Mark]] = []
    lines: list[int] = []
    blank, twice, broken = Sightings(), Sightings(), Sightings()
    for one in found:
        marks = [_trimmed(mark, one.text) for mark in one.marks]
        if marks != list(one.marks):
            blank.add(one.line)
        marks.sort(key=lambda mark: (mark.start, mark.end, mark.label))
        single = list({(mark.start, mark.end, mark.label): mark for mark in marks}.values())
        if len(single) < len(marks):
            twice.add(one.line)
        for before, after in pairwise(single):
            if after.start < before.end:
                raise _overlap(before, after, one.text)
        if lone_surrogate(one.text):
            broken.add(one.line)
        texts.append(one.text)
        spans.append(single)
        lines.append(one.line)
    if not texts:
        raise DataError(f"{source} holds no texts.", hint=EXAMPLE)
    rest = "with white space at the ends, which is taken off"
    blank.tell(tell, source, "text has spans", "texts have spans", rest)
    twice.tell(tell, source, "text has a span", "texts have a span", "twice, which counts once")
    broken.tell(tell, source, "text holds", "texts hold", 'half a surrogate pair, read as "?"')
    labels = ordered_labels(mark.label for some in spans for mark in some)
    if not labels:
        raise DataError(
            f"{source}: no entity is marked in {len(texts):,} texts.",
            hint="Is the right column read? Name another with --label-column.",
        )
    ids = {label: at for at, label in enumerate(labels)}
    truths = [tuple((one.start, one.end, ids[one.label]) for one in some) for some in spans]
    return Examples(source, list(texts), truths, lines, labels, names)


def _trimmed(mark: Mark, text: str) -> Mark:
    """The span without white space at its ends. Raises DataError where nothing is left of it."""
    start, end = mark.start, mark.end
    if not 0 <= start < end <= len(text):
        raise DataError(
            f"{mark.where}: the span from {start} to {end} ({visible(mark.label)}) lies outside "
            f"the text, which has {len(text):,} characters."
            if start < end
            else f"{mark.where}: the span from {start} to {end} ({visible(mark.label)}) is empty.",
            hint="Spans count characters from 0, the end not included. Correct or remove it.",
        )
    if lone_surrogate(mark.label):
        raise DataError(
            f"{mark.where}: the label {visible(mark.label)} holds half a surrogate pair, which is "
            "no character.",
            hint="Write the whole character, or another label.",
        )
    while start < end and text[start].isspace():
        start += 1
    while start < end and text[end - 1].isspace():
        end -= 1
    if start == end:
        raise DataError(
            f"{mark.where}: the span from {mark.start} to {mark.end} ({visible(mark.label)}) holds "
            "white space alone.",
            hint="Remove it.",
        )
    return mark if (start, end) == (mark.start, mark.end) else Mark(
        start, end, mark.label, mark.where
    )  # fmt: skip


def _overlap(one: Mark, other: Mark, text: str) -> DataError:
    first, second = (
        f"{visible(text[mark.start : mark.end])} ({mark.label}, {mark.start} to {mark.end})"
        for mark in (one, other)
    )
    return DataError(
        f"{other.where}: {first} and {second} overlap, and a word can be of one entity alone.",
        hint="Keep the one that is wanted, most often the longer, and remove the other.",
    )


def _first_of(source: Source) -> Mapping[str, object] | None:
    match source:
        case Table():
            return source.first
        case Document(content=[dict() as first, *_]):
            return first
    return None


def _no_entities(source: Source, columns: Mapping[str, str | None]) -> DataError:
    named = columns.get("label")
    return DataError(
        f"{source.source}: "
        + (f"{visible(named)} holds no entities." if named else "no entities are found."),
        hint=f"{EXAMPLE} Name the keys with --text-column and --label-column.",
    )
