"""Texts with named entities, from every form in which these are written."""

from collections.abc import Iterable, Mapping, Sequence
from contextlib import closing
from dataclasses import replace
from itertools import pairwise
from typing import cast

from edgeft.data.bad import BadRowError, BadRows, OnBad
from edgeft.data.brat import read_standoff
from edgeft.data.conll import read_tagged
from edgeft.data.examples import Examples
from edgeft.data.input_columns import TEXTS, inputs_of, lone_surrogate
from edgeft.data.kinds import Source, Standoff, TaggedLines, records_of, shown_of, unit_of
from edgeft.data.labels import ordered_labels, visible
from edgeft.data.notes import Sightings, Tell
from edgeft.data.spans import EXAMPLE, Annotated, Mark, form_of, of_words, read_spans, read_words
from edgeft.data.table import Table
from edgeft.errors import DataError

__all__ = ["entities_or_texts", "holds_entities"]

NO_COLUMNS: Mapping[str, str | None] = {}


def holds_entities(source: Source, columns: Mapping[str, str | None] = NO_COLUMNS) -> bool:
    """Whether a source is of a form in which entities are written."""
    if isinstance(source, (TaggedLines, Standoff)):
        return True
    return form_of(shown_of(source), columns) is not None


def entities_or_texts(
    source: Source, columns: Mapping[str, str | None], tell: Tell, on_bad: OnBad = "error"
) -> Examples | Sequence[str]:
    """Texts with the spans of their entities, or the texts alone where nothing is marked.

    A truth is the sorted tuple of (start, end, id), characters of the text and the place of the
    type in ``labels``. White space at the ends of spans is taken off. Raises DataError.
    """
    unit = unit_of(source)
    bad = BadRows(on_bad, unit)
    match source:
        case TaggedLines():
            asked = on_bad != "keep"
            sentences, tagged = read_tagged(source.lines, source.source, columns, tell, spans=asked)
            found: Iterable[Annotated] = (
                of_words(one.line, f"{source.source}, line {one.line}", one.words, one.spans)
                for one in sentences
            )
            if not tagged:
                return _texts(found, source.source, bad, tell)
            names = {"text": columns.get("text") or "1", "span": columns.get("label") or "last"}
        case Standoff():
            found = read_standoff(source.texts, source.source, tell)
            names = {"text": ".txt", "span": ".ann"}
        case _:
            form = form_of(shown_of(source), columns)
            if form is None:
                if isinstance(source, Table) and columns.get("label") is None:
                    return cast(list[str], list(inputs_of(source, columns, tell, TEXTS)))
                raise _no_entities(source, columns)
            records = records_of(source)
            assert records is not None, "what has a first object has all"
            read = read_words if form.kind == "words" else read_spans
            found = read(records, form, source.source, unit, bad, tell)
            names = {"text": form.text or "data", "span": form.spans}
            with closing(records):
                return _examples(found, source.source, names, bad, tell)
    return _examples(found, source.source, names, bad, tell)


def _texts(found: Iterable[Annotated], source: str, bad: BadRows, tell: Tell) -> list[str]:
    texts = [
        one.text
        for one in found
        if not isinstance(one.marks, BadRowError) or bad.add(one.line, one.marks)
    ]
    bad.settle(source, len(texts), tell)
    return texts


def _examples(
    found: Iterable[Annotated], source: str, names: Mapping[str, str], bad: BadRows, tell: Tell
) -> Examples:
    texts: list[str] = []
    spans: list[list[Mark]] = []
    lines: list[int] = []
    blank, twice, broken = (Sightings(bad.unit) for _ in range(3))
    for one in found:
        marks: list[Mark] = []
        try:
            marks = _checked(one)
        except BadRowError as error:
            if not bad.add(one.line, error):
                continue
        else:
            kept = {(mark.start, mark.end) for mark in marks}
            if any((mark.start, mark.end) not in kept for mark in _marks(one)):
                blank.add(one.line)
            if len(marks) < len(_marks(one)):
                twice.add(one.line)
        if lone_surrogate(one.text):
            broken.add(one.line)
        texts.append(one.text)
        spans.append(marks)
        lines.append(one.line)
    skipped = bad.settle(source, len(texts), tell)
    if not texts:
        raise DataError(f"{source} holds no texts.", hint=EXAMPLE)
    rest = "with white space at the ends, which is taken off"
    blank.tell(tell, source, "text has spans", "texts have spans", rest)
    twice.tell(tell, source, "text has a span", "texts have a span", "twice, which counts once")
    broken.tell(tell, source, "text holds", "texts hold", 'half a surrogate pair, read as "?"')
    labels = ordered_labels(mark.label for some in spans for mark in some)
    if not labels and bad.on_bad != "keep":
        raise DataError(
            f"{source}: no entity is marked in {len(texts):,} texts.",
            hint="Is the right column read? Name another with --label-column.",
        )
    ids = {label: at for at, label in enumerate(labels)}
    truths = [tuple((one.start, one.end, ids[one.label]) for one in some) for some in spans]
    return Examples(source, list(texts), truths, lines, labels, names, skipped, bad.unit)


def _marks(one: Annotated) -> Sequence[Mark]:
    """Raises BadRowError in their place."""
    if isinstance(one.marks, BadRowError):
        raise one.marks
    return one.marks


def _checked(one: Annotated) -> list[Mark]:
    """The marks without white space at their ends, in order, and each once. Raises BadRowError."""
    marks = [_trimmed(mark, one.text) for mark in _marks(one)]
    marks.sort(key=lambda mark: (mark.start, mark.end, mark.label))
    single = list({(mark.start, mark.end, mark.label): mark for mark in marks}.values())
    for before, after in pairwise(single):
        if after.start < before.end:
            raise _overlap(before, after, one.text)
    return single


def _trimmed(mark: Mark, text: str) -> Mark:
    """The span without white space at its ends. Raises BadRowError where nothing is left of it."""
    start, end = mark.start, mark.end
    if not 0 <= start < end <= len(text):
        empty = start >= end
        raise BadRowError(
            f"{mark.where}: the span from {start} to {end} ({visible(mark.label)}) "
            + ("is empty." if empty else
               f"lies outside the text, which has {len(text):,} characters."),
            hint="Spans count characters from 0, the end not included. Correct or remove it.",
            kind="an empty span" if empty else "a span outside the text",
        )  # fmt: skip
    if lone_surrogate(mark.label):
        raise BadRowError(
            f"{mark.where}: the label {visible(mark.label)} holds half a surrogate pair, which is "
            "no character.",
            hint="Write the whole character, or another label.",
            kind="half a character in a label",
        )
    while start < end and text[start].isspace():
        start += 1
    while start < end and text[end - 1].isspace():
        end -= 1
    if start == end:
        raise BadRowError(
            f"{mark.where}: the span from {mark.start} to {mark.end} ({visible(mark.label)}) holds "
            "white space alone.",
            hint="Remove it.",
            kind="an empty span",
        )
    return replace(mark, start=start, end=end)


def _overlap(one: Mark, other: Mark, text: str) -> BadRowError:
    first, second = (
        f"{visible(text[mark.start : mark.end])} ({mark.label}, {mark.start} to {mark.end})"
        for mark in (one, other)
    )
    return BadRowError(
        f"{other.where}: {first} and {second} overlap, and a word can be of one entity alone.",
        hint="Keep the one that is wanted, most often the longer, and remove the other.",
        kind="overlapping spans",
    )


def _no_entities(source: Source, columns: Mapping[str, str | None]) -> DataError:
    named = columns.get("label")
    return DataError(
        f"{source.source}: "
        + (f"{visible(named)} holds no entities." if named else "no entities are found."),
        hint=f"{EXAMPLE} Name the keys with --text-column and --label-column.",
    )
