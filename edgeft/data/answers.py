"""Questions about contexts with their answers: SQuAD's JSON, and objects one a line or row."""

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, nullcontext
from dataclasses import dataclass, replace
from typing import Any

from edgeft.data.bad import BadRowError, BadRows, OnBad
from edgeft.data.examples import Examples, lone_surrogate
from edgeft.data.kinds import Document, Source, records_of, table_of
from edgeft.data.labels import visible
from edgeft.data.notes import Sightings, Tell
from edgeft.data.table import Table
from edgeft.errors import DataError
from edgeft.inputs import Question

__all__ = ["answers_or_questions", "holds_answers"]

QUESTIONS, CONTEXTS = ("question", "query"), ("context", "passage", "paragraph")
ANSWERS = ("answers", "answer")
EXAMPLE = (
    'Such as {"question": "Who slept?", "context": "Ada slept.", '
    '"answers": [{"text": "Ada", "answer_start": 0}]}.'
)

NO_ANSWERS = "answers that are not texts with their starts"

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
    source: Source, columns: Mapping[str, str | None], tell: Tell, on_bad: OnBad = "error"
) -> Examples | Sequence[Question]:
    """Questions with their answers, or alone where no row tells any.

    A truth is the tuple of (text, start) of its answers, () where it has none. Starts that count
    as UTF-16 does are brought to where their words stand, and the white space in answers to that
    of the context, which is told. Raises DataError.
    """
    names, rows, close = _opened(source, columns)
    bad = BadRows(on_bad)
    shifted, spaced, broken = Sightings(), Sightings(), Sightings()
    inputs: list[Question] = []
    truths: list[Truth | None] = []  # None where none is told
    lines: list[int] = []
    with close:
        for row in rows:
            try:
                question = _text(row.question, "question", names[0], row.where)
                context = _text(row.context, "context", names[1], row.where)
            except BadRowError as error:
                bad.unread(row.number, error)
                continue
            truth: Truth | None = None
            if row.answers is not None:
                try:
                    truth, moved, changed = _truth(context, row)
                except BadRowError as error:
                    if not bad.add(row.number, error):
                        continue
                    truth, moved, changed = (), False, False
                if moved:
                    shifted.add(row.number)
                if changed:
                    spaced.add(row.number)
            if lone_surrogate(question) or lone_surrogate(context):
                broken.add(row.number)
            inputs.append(Question(question, context))
            truths.append(truth)
            lines.append(row.number)
    found = Examples(
        source.source,
        list(inputs),
        truths,
        lines,
        (),
        dict(zip(("question", "context", "answers"), names, strict=True)),
    )
    told = any(truth is not None for truth in truths)
    if told:
        found = _told(found, bad)
    skipped = bad.settle(source.source, len(found), tell)
    if not len(found):
        raise DataError(f"{source.source} holds no questions.", hint=EXAMPLE)
    rest = "counted in UTF-16, and moved to where their words stand"
    shifted.tell(tell, source.source, "question has answers", "questions have answers", rest)
    rest = "with other white space than the context, whose is taken"
    spaced.tell(tell, source.source, "question has answers", "questions have answers", rest)
    rest = 'half a surrogate pair, read as "?"'
    broken.tell(tell, source.source, "question holds", "questions hold", rest)
    return replace(found, skipped=skipped) if told else inputs


def _told(found: Examples, bad: BadRows) -> Examples:
    """The rows that tell whether there is an answer; see ``BadRows`` for the rest."""
    kept = []
    for at, (truth, line) in enumerate(zip(found.truths, found.lines, strict=True)):
        name = found.columns["answers"]
        if truth is not None or bad.add(line, _untold(found.source, line, name)):
            kept.append(at)
    found = found.subset(kept)
    return replace(found, truths=[truth or () for truth in found.truths])


def _untold(source: str, line: int, name: str) -> BadRowError:
    return BadRowError(
        f"{source}, row {line}: {visible(name)} is missing, which other rows have.",
        hint="A question without an answer has an empty list.",
        kind="no answers",
    )


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


def _text(found: Any, role: str, name: str, where: str) -> str:
    if not isinstance(found, str):
        raise BadRowError(
            f"{where}: {visible(name)} is missing or holds no text.",
            hint=EXAMPLE,
            kind=f"no {role}",
        )
    if not found.strip():
        raise BadRowError(
            f"{where}: {visible(name)} is empty.",
            hint="Remove the row; an answer is asked for in a context.",
            kind=f"an empty {role}",
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
    raise BadRowError(
        f"{where}: answers are texts with their starts; this is {visible(repr(found))}.",
        hint=EXAMPLE,
        kind=NO_ANSWERS,
    )


def _answer(text: Any, start: Any, where: str) -> tuple[str, int | None]:
    if not isinstance(text, str) or not text.strip():
        raise BadRowError(
            f"{where}: an answer has no text.",
            hint="A question without an answer has an empty list.",
            kind=NO_ANSWERS,
        )
    if start is not None and type(start) is not int:
        raise BadRowError(
            f"{where}: an answer's start is {visible(repr(start))}, no whole number.",
            hint=EXAMPLE,
            kind=NO_ANSWERS,
        )
    return text, start


def _truth(context: str, row: _Row) -> tuple[Truth, bool, bool]:
    """The answers of a row, each once; whether any start was moved, and any text changed.

    Raises BadRowError.
    """
    answers = _answers(row.answers, row.where)
    placed = [_placed(context, text, start, row.where) for text, start in answers]
    pairs = list(zip(answers, placed, strict=True))
    moved = any(start not in (None, place) for (_, start), (_, place) in pairs)
    changed = any(text != found for (text, _), (found, _) in pairs)
    return tuple(dict.fromkeys(placed)), moved, changed


def _placed(context: str, text: str, start: int | None, where: str) -> tuple[str, int]:
    """An answer as it stands in the context, white space and all, and where.

    Some tools count an emoji as two. Raises BadRowError.
    """
    if start is not None and start >= 0 and context.startswith(text, start):
        return text, start
    pattern = re.compile(r"\s+".join(map(re.escape, text.split())))
    first = pattern.search(context)
    if first is None:
        raise BadRowError(
            f"{where}: the answer {visible(text)} does not stand in the context.",
            hint="An answer is a part of its context, letter by letter.",
            kind="an answer that is not in the context",
        )
    if start is None:
        return first[0], first.start()
    if start >= 0:
        units = context.encode("utf-16-le", "surrogatepass")
        for at in (start, len(units[: 2 * start].decode("utf-16-le", "replace"))):
            if found := pattern.match(context, at):
                return found[0], at
    raise BadRowError(
        f"{where}: the answer {visible(text)} is said to begin at {start}, where the context has "
        f"{visible(context[max(start, 0) :][: len(text)])}.",
        hint=f"Starts count characters from 0. It stands at {first.start()}: correct the start, or "
        "leave it out.",
        kind="an answer that is not where it says",
    )
