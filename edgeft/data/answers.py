"""Questions about contexts with their answers: SQuAD's JSON, and objects one a line or row."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, nullcontext
from dataclasses import dataclass
from typing import Any

from edgeft.data.examples import Examples, lone_surrogate
from edgeft.data.kinds import Document, Source, records_of, table_of
from edgeft.data.labels import visible
from edgeft.data.notes import Sightings, Tell
from edgeft.data.table import Table
from edgeft.errors import DataError
from edgeft.inputs import Question

__all__ = ["UNKNOWN_PLACE", "answers_or_questions", "holds_answers"]

UNKNOWN_PLACE = -1  # of an answer that does not stand in its context
QUESTIONS, CONTEXTS = ("question", "query"), ("context", "passage", "paragraph")
ANSWERS = ("answers", "answer")
EXAMPLE = (
    'Such as {"question": "Who slept?", "context": "Ada slept.", '
    '"answers": [{"text": "Ada", "answer_start": 0}]}.'
)

Truth = tuple[tuple[str, int], ...]  # (text, start) of each gold answer; () for none


@dataclass(frozen=True, slots=True)
class _Row:
    """A question as it is written; ``answers`` is None where none are told."""

    number: int
    where: str
    question: Any
    context: Any
    answers: Any


def holds_answers(source: Source) -> bool:
    """Whether a source is of a form in which questions with their answers are written."""
    match source:
        case Document(content={"data": [{"paragraphs": list()}, *_]}):
            return True
        case Document(content=[dict() as first, *_]):
            names = {name.lower() for name in first}
        case Table():
            names = {name.lower() for name in source.columns}
        case _:
            return False
    return all(names & set(usual) for usual in (QUESTIONS, CONTEXTS, ANSWERS))


def answers_or_questions(
    source: Source, columns: Mapping[str, str | None], tell: Tell
) -> Examples | Sequence[Question]:
    """Questions with their answers, or alone where no row tells any.

    A truth is the tuple of (text, start) of its answers, () where it has none. An answer that
    stands elsewhere than it says is taken where it stands, nearest to there; one that the context
    lacks keeps its text with the start -1. Both are told. Raises DataError.
    """
    names, rows, close = _opened(source, columns)
    moved, missing, broken, told, untold = (Sightings() for _ in range(5))
    inputs: list[Question] = []
    truths: list[Truth] = []
    lines: list[int] = []
    with close:
        for row in rows:
            question, context = (
                _text(found, name, row.where)
                for found, name in ((row.question, names[0]), (row.context, names[1]))
            )
            if row.answers is None:
                untold.add(row.number)
            else:
                told.add(row.number)
            truth = []
            for text, start in _answers(row.answers, row.where):
                place = _place(context, text, start)
                if place == UNKNOWN_PLACE:
                    missing.add(row.number)
                elif start is not None and place != start:
                    moved.add(row.number)
                truth.append((context[place : place + len(text)] if place >= 0 else text, place))
            if lone_surrogate(question) or lone_surrogate(context):
                broken.add(row.number)
            inputs.append(Question(question, context))
            truths.append(tuple(dict.fromkeys(truth)))
            lines.append(row.number)
    if not inputs:
        raise DataError(f"{source.source} holds no questions.", hint=EXAMPLE)
    if told.count and untold.count:
        raise DataError(
            f"{source.source}, row {untold.first}: {visible(names[2])} is missing, which other "
            "rows have.",
            hint="A question without an answer has an empty list.",
        )
    rest = "found elsewhere than stated, and taken from there"
    moved.tell(tell, source.source, "answer is", "answers are", rest)
    rest = "not in the context, so that nothing is learned from it"
    missing.tell(tell, source.source, "answer is", "answers are", rest)
    rest = 'half a surrogate pair, read as "?"'
    broken.tell(tell, source.source, "question holds", "questions hold", rest)
    if not told.count:
        return inputs
    roles = dict(zip(("question", "context", "answers"), names, strict=True))
    return Examples(source.source, list(inputs), list(truths), lines, (), roles)


def _opened(
    source: Source, columns: Mapping[str, str | None]
) -> tuple[tuple[str, str, str], Iterator[_Row], Any]:
    """The names of question, context and answers, the rows, and what closes them."""
    if isinstance(source, Document) and isinstance(source.content, dict):
        return ("question", "context", "answers"), _squad(source), nullcontext()
    records = records_of(source)
    if records is not None:
        unit, objects = records
        if isinstance(source, Table):
            keys: Sequence[str] = source.columns
        else:
            keys = list(source.content[0]) if isinstance(source, Document) and source.content and (
                isinstance(source.content[0], dict)) else ()  # fmt: skip
        names = _names(source.source, keys, columns)
        rows = (
            _Row(number, f"{source.source}, {unit} {number}", *(one.get(name) for name in names))
            for number, one in objects
        )
        return names, rows, closing(objects)
    table = table_of(source, "questions with their answers")
    names = _names(source.source, table.columns, columns)
    places = [table.columns.index(name) for name in names if name in table.columns]
    cells = (
        _Row(line, f"{source.source}, line {line}", *row, *([None] if len(row) < 3 else []))
        for line, row in table.pick(places)
    )
    return names, cells, nullcontext()


def _names(
    source: str, found: Sequence[str], columns: Mapping[str, str | None]
) -> tuple[str, str, str]:
    lowered = {name.lower(): name for name in reversed(found)}
    names = []
    for role, usual in (("question", QUESTIONS), ("context", CONTEXTS), ("answers", ANSWERS)):
        named = columns.get(role)
        if named is not None and named not in found:
            raise DataError(
                f"{source} has no column {visible(named)}.",
                hint=f"Columns found: {', '.join(map(visible, found))}.",
            )
        name = named or next((lowered[one] for one in usual if one in lowered), None)
        if name is None and role != "answers":
            raise DataError(
                f"{source} has no {role} column under a usual name.",
                hint=f"Columns found: {', '.join(map(visible, found)) or 'none'}. {EXAMPLE}",
            )
        names.append(name or "answers")
    return names[0], names[1], names[2]


def _squad(document: Document) -> Iterator[_Row]:
    """The questions of SQuAD's articles and paragraphs, numbered in order."""
    number = 0
    for article in _list(document.content, "data", document.source):
        for paragraph in _list(article, "paragraphs", document.source):
            for one in _list(paragraph, "qas", document.source):
                number += 1
                where = f"{document.source}, question {number}"
                if not isinstance(one, dict):
                    raise DataError(f"{where}: it is no object.", hint=EXAMPLE)
                answers = [] if one.get("is_impossible") is True else one.get("answers")
                yield _Row(number, where, one.get("question"), paragraph.get("context"), answers)


def _list(found: Any, key: str, source: str) -> list[Any]:
    inner = found.get(key) if isinstance(found, dict) else None
    if not isinstance(inner, list):
        raise DataError(
            f"{source} is not as SQuAD's files are: {key!r} is missing or no list.",
            hint='They are {"data": [{"paragraphs": [{"context": …, "qas": […]}]}]}; '
            f"or give one object a line. {EXAMPLE}",
        )
    return inner


def _text(found: Any, name: str, where: str) -> str:
    if not isinstance(found, str):
        raise DataError(f"{where}: {visible(name)} is missing or holds no text.", hint=EXAMPLE)
    if not found.strip():
        raise DataError(
            f"{where}: {visible(name)} is empty.",
            hint="Remove the row; an answer is asked for in a context.",
        )
    return found


def _answers(found: Any, where: str) -> list[tuple[str, int | None]]:
    """(text, start) of each: from a list of objects, an object of lists (Hub), or a text."""
    match found:
        case None | "" | []:
            return []
        case str():
            return [(found, None)]
        case {"text": str() as text}:
            return [_answer(text, found.get("answer_start", found.get("start")), where)]
        case {"text": [*texts]}:
            starts = found.get("answer_start", [None] * len(texts))
            if isinstance(starts, list) and len(starts) == len(texts):
                return [_answer(*one, where) for one in zip(texts, starts, strict=True)]
        case [*some] if all(isinstance(one, str) for one in some):
            return [_answer(one, None, where) for one in some]
        case [*some] if all(isinstance(one, dict) for one in some):
            return [
                _answer(one.get("text"), one.get("answer_start", one.get("start")), where)
                for one in some
            ]
    raise DataError(
        f"{where}: answers are texts with their starts; this is {visible(repr(found))}.",
        hint=EXAMPLE,
    )


def _answer(text: Any, start: Any, where: str) -> tuple[str, int | None]:
    if not isinstance(text, str) or not text.strip():
        raise DataError(
            f"{where}: an answer has no text.",
            hint="A question without an answer has an empty list.",
        )
    if start is not None and type(start) is not int:
        raise DataError(
            f"{where}: an answer's start is {visible(repr(start))}, no whole number.", hint=EXAMPLE
        )
    return text, start


def _place(context: str, text: str, start: int | None) -> int:
    """Where the text stands: at ``start``, or nearest to it; -1 where it does not."""
    if start is not None and start >= 0 and context.startswith(text, start):
        return start
    places, at = [], context.find(text)
    while at >= 0:
        places.append(at)
        at = context.find(text, at + 1)
    return min(places, key=lambda at: (abs(at - (start or 0)), at), default=UNKNOWN_PLACE)
