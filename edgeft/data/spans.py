"""Texts with spans, in the forms that people and labelling tools write them.

One object each: {"text", "entities": [{"start", "end", "label"}]} or with lists of three,
doccano's "label": [[start, end, label]], Prodigy's "spans", Label Studio's tasks with
"annotations" and its short form, or "tokens" with "tags".
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from edgeft.data.bad import BadRowError, BadRows
from edgeft.data.conll import text_of_words
from edgeft.data.labels import visible
from edgeft.data.notes import Sightings, Tell
from edgeft.data.schemes import Sentence, TagSpan, spans_by_scheme
from edgeft.data.studio import studio_data, studio_marks
from edgeft.data.table import LABEL_COLUMNS, TEXT_COLUMNS
from edgeft.data.units import from_utf16

__all__ = [
    "ELSEWHERE",
    "Annotated",
    "Form",
    "Mark",
    "form_of",
    "of_words",
    "read_spans",
    "read_words",
]

SPAN_KEYS = ("entities", "spans", "label", "labels", "annotations", "ents", "ner")
WORD_KEYS = ("tokens", "words")
TAG_KEYS = ("tags", "ner_tags", "ner", "labels", "label", "entities", "iob", "bio")
STARTS, ENDS = ("start", "start_offset", "begin"), ("end", "end_offset", "stop")
LABELS = ("label", "labels", "hypertextlabels", "type", "tag", "entity", "entity_group")
EXAMPLE = 'Such as {"text": "Ada slept.", "entities": [{"start": 0, "end": 3, "label": "PER"}]}.'
ELSEWHERE = "a span that is not where it says"
REFUSED = ("reject", "ignore")  # what Prodigy writes of rows that were not accepted

Object = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Mark:
    """A span as it was marked, and where that is said."""

    start: int
    end: int
    label: str
    where: str


@dataclass(frozen=True, slots=True)
class Annotated:
    """A text and what was marked in it, or what is wrong with that.

    ``line`` is the number of its line or item.
    """

    line: int
    where: str
    text: str
    marks: Sequence[Mark] | BadRowError


@dataclass(frozen=True, slots=True)
class Form:
    """How objects hold texts and spans. kind: "words", "spans", "studio". spans: "" where none."""

    kind: str
    text: str
    spans: str


def form_of(objects: Iterable[Object], columns: Mapping[str, str | None]) -> Form | None:
    """The form of a source by its first objects; None where it is none of entities.

    An object in which something is marked tells more than one with an empty list, which is none of
    entities where others hold names there.
    """
    objects = list(objects)
    forms = [(form, one) for one in objects if (form := _form(one, columns)) is not None]
    marked = next((form for form, one in forms if one.get(form.spans)), None)
    if marked is not None or not forms:
        return marked
    form = forms[0][0]
    named = any(one.get(form.spans) and _is_tags(one[form.spans]) for one in objects)
    return None if named else form


def _form(one: Object, columns: Mapping[str, str | None]) -> Form | None:
    text, label = columns.get("text"), columns.get("label")
    if "data" in one and isinstance(one["data"], dict):
        return Form("studio", text or "", "annotations")
    words = _first(one, WORD_KEYS if text is None else (text,), _is_words)
    tags = _first(one, TAG_KEYS if label is None else (label,), _is_tags)
    if words and tags and words != tags:
        return Form("words", words, tags)
    text = _first(one, (*TEXT_COLUMNS, "data") if text is None else (text,), _is_text)
    if text is None:
        return None
    spans = _first(one, SPAN_KEYS if label is None else (label,), _is_spans)
    if spans is None and "answer" in one and "_input_hash" in one:
        # Prodigy leaves them out where there are none; its labelled texts have a label instead.
        other = label is None and _first(one, LABEL_COLUMNS, _is_text) is not None
        spans = "spans" if label in (None, "spans") and not other else None
    return Form("spans", text, spans) if spans else None


def read_words(objects: Iterator[tuple[int, Object]], form: Form, source: str, unit: str,
               bad: BadRows, tell: Tell) -> Iterator[Annotated]:  # fmt: skip
    """Lists of words and tags, as texts. Raises DataError."""
    found: list[tuple[int, list[str]]] = []
    sentences: list[Sentence] = []
    faults: dict[int, BadRowError] = {}
    empty = Sightings(unit)
    for number, one in objects:
        where = f"{source}, {unit} {number}"
        try:
            words = _strings(one, form.text, where)
        except BadRowError as error:
            bad.unread(number, error)
            continue
        try:
            tags = _strings(one, form.spans, where)
            if len(words) != len(tags):
                raise BadRowError(
                    f"{where}: {len(words)} {form.text} but {len(tags)} {form.spans}.",
                    hint="Each needs one tag.",
                    kind="more or fewer tags than words",
                )
        except BadRowError as error:
            faults[number] = error
            tags = []  # which say nothing of the scheme of the others
        if not words and bad.on_bad != "keep":
            empty.add(number)
            continue
        found.append((number, words))
        sentences.append(Sentence(tags, [number] * len(tags)))
    empty.tell(tell, source, "row has", "rows have", "no words, which is left out")
    if bad.on_bad == "keep":  # nobody asks for the tags, whatever they are
        for number, words in found:
            yield of_words(number, f"{source}, {unit} {number}", words, ())
        return
    scheme, spans = spans_by_scheme(sentences, lambda line: f"{source}, {unit} {line}")
    if scheme != "IOB2":
        tell(f"{source}: the tags are read as {scheme}.")
    for (number, words), its in zip(found, spans, strict=True):
        yield of_words(number, f"{source}, {unit} {number}", words, faults.get(number) or its)


def of_words(
    line: int, where: str, words: Sequence[str], spans: Sequence[TagSpan] | BadRowError
) -> Annotated:
    """Words as a text, and their spans as marks."""
    if isinstance(spans, BadRowError):
        return Annotated(line, where, text_of_words(words, ())[0], spans)
    text, marks = text_of_words(words, spans)
    return Annotated(line, where, text, [Mark(*mark, where) for mark in marks])


def read_spans(objects: Iterator[tuple[int, Object]], form: Form, source: str, unit: str,
               bad: BadRows, tell: Tell) -> Iterator[Annotated]:  # fmt: skip
    """Texts with spans of characters. Raises DataError."""
    refused, several, shifted = (Sightings(unit) for _ in range(3))
    for number, one in objects:
        where = f"{source}, {unit} {number}"
        if one.get("answer") in REFUSED and bad.on_bad != "keep":
            refused.add(number)
            continue
        try:
            text = _text(studio_data(one, where) if form.kind == "studio" else one, form, where)
        except BadRowError as error:
            bad.unread(number, error)
            continue
        try:
            if form.kind == "studio":
                marked, further = studio_marks(one, where)
                if further:
                    several.add(number)
            else:
                marked = [*_marked(one, form.spans, where)]
            marks = [_mark(mark, where) for mark in marked]
            moved = [_placed(text, *mark) for mark in marks]
        except BadRowError as error:
            yield Annotated(number, where, text, error)
            continue
        if any(after is not before[0] for after, before in zip(moved, marks, strict=True)):
            shifted.add(number)
        yield Annotated(number, where, text, moved)
    rest = "accepted and left out"
    refused.tell(tell, source, "row was not", "rows were not", rest)
    rest = "annotated more than once; the first annotation is read"
    several.tell(tell, source, "text is", "texts are", rest)
    rest = "counted in UTF-16, and moved to where their words stand"
    shifted.tell(tell, source, "text has spans", "texts have spans", rest)


# --- objects -------------------------------------------------------------------------


def _first(one: Object, keys: Sequence[str], fits: Any) -> str | None:
    lowered = {key.lower(): key for key in reversed(list(one))}
    return next((lowered[key.lower()] for key in keys
                 if key.lower() in lowered and fits(one[lowered[key.lower()]])), None)  # fmt: skip


def _is_words(found: Any) -> bool:
    return isinstance(found, list) and all(isinstance(one, str) for one in found)


def _is_tags(found: Any) -> bool:
    """Numbers, too: unless they get names, they are refused with a word on what to do."""
    return isinstance(found, list) and all(isinstance(one, (str, int)) for one in found)


def _is_text(found: Any) -> bool:
    return isinstance(found, str)


def _is_spans(found: Any) -> bool:
    return isinstance(found, list) and all(isinstance(one, (list, dict)) for one in found)


def _strings(one: Object, key: str, where: str) -> list[str]:
    found = one.get(key)
    if not _is_words(found):
        numbers = isinstance(found, list) and any(isinstance(x, int) for x in found)
        raise BadRowError(
            f"{where}: {visible(key)} is {'missing' if found is None else 'no list of words'}.",
            hint="edgeft train --label-names FILE says which tag each number is; elsewhere write "
            "tags by their names." if numbers else
            'Such as {"tokens": ["Ada", "slept"], "tags": ["B-PER", "O"]}.',
            kind="no list of words with one of tags",
        )  # fmt: skip
    return [*(found or ())]


def _text(one: Object, form: Form, where: str) -> str:
    key = form.text
    if form.kind == "studio":
        key = key or _first(one, TEXT_COLUMNS, _is_text) or next(
            (name for name, value in one.items() if isinstance(value, str)), "text"
        )  # fmt: skip
    found = one.get(key)
    if not isinstance(found, str):
        raise BadRowError(
            f"{where}: {visible(key)} is missing or holds no text.", hint=EXAMPLE, kind="no text"
        )
    return found


def _marked(one: Object, key: str, where: str) -> Sequence[Any]:
    found = one.get(key)
    if found is None and ("answer" in one or "annotation_id" in one):
        return ()  # Prodigy and Label Studio leave it out where nothing is marked
    if not _is_spans(found):
        raise BadRowError(
            f"{where}: {visible(key)} is {'missing' if found is None else 'no list of spans'}.",
            hint=f"A text without entities has an empty list. {EXAMPLE}",
            kind="no list of spans",
        )
    return list(found or ())


def _mark(found: Any, where: str) -> tuple[Mark, str | None]:
    """A span, and the text that it says it stands on."""
    stated = None
    if isinstance(found, dict):
        start, end = (_of(found, names) for names in (STARTS, ENDS))
        label, stated = _of(found, LABELS), found.get("text")
        if isinstance(label, list) and len(label) == 1:
            label = label[0]
    else:
        start, end, label = found if len(found) == 3 else (None, None, None)
        if isinstance(start, str) and isinstance(
            label, int
        ):  # spaCy has the label last, some first
            start, end, label = end, label, start
    if not (type(start) is int and type(end) is int and isinstance(label, str) and label.strip()):
        raise BadRowError(
            f"{where}: a span needs a start, an end and a label; this is {visible(repr(found))}.",
            hint=EXAMPLE,
            kind="a span without start, end or label",
        )
    return Mark(start, end, label.strip(), where), stated if isinstance(stated, str) else None


def _of(found: Object, names: Sequence[str]) -> Any:
    return next((found[name] for name in names if name in found), None)


def _placed(text: str, mark: Mark, stated: str | None) -> Mark:
    """Where the stated text stands: some tools count an emoji as two. Raises BadRowError."""
    found = text[mark.start : mark.end] if mark.start >= 0 else ""
    if stated is None or found.split() == stated.split():
        return mark
    if mark.start >= 0:
        start, end = from_utf16(text, mark.start), from_utf16(text, mark.end)
        if text[start:end].split() == stated.split():
            return Mark(start, end, mark.label, mark.where)
    raise BadRowError(
        f"{mark.where}: {visible(stated)} is said to stand from {mark.start} to {mark.end}, where "
        f"the text has {visible(found)}.",
        hint="Was the text changed after it was annotated, or is it a page whose markup is not "
        "counted? Take the text that was annotated.",
        kind=ELSEWHERE,
    )
