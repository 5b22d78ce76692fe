"""Questions about contexts with their answers: SQuAD's JSON, and objects one a line or row."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, nullcontext
from dataclasses import dataclass, replace
from typing import Any

from edgeft.data.bad import BadRowError, BadRows, OnBad
from edgeft.data.examples import Examples
from edgeft.data.gold import EXAMPLE, Gold, Truth, gold_of
from edgeft.data.input_columns import lone_surrogate
from edgeft.data.kinds import Document, Source, keys_of, records_of, table_of, unit_of
from edgeft.data.labels import visible
from edgeft.data.notes import Sightings, Tell
from edgeft.data.table import LABEL_COLUMNS
from edgeft.errors import DataError
from edgeft.inputs import Question

__all__ = ["answers_or_questions", "holds_answers", "question_columns"]

QUESTIONS, CONTEXTS = ("question", "query"), ("context", "passage", "paragraph")
ANSWERS = ("answers", "answer")
STARTS, IMPOSSIBLE = ("answer_start", "answer_starts", "start"), ("is_impossible",)
WANTED = {"question": QUESTIONS, "context": CONTEXTS, "answers": ANSWERS}
BESIDE = {"start": STARTS, "is_impossible": IMPOSSIBLE}  # what may stand beside answers


@dataclass(frozen=True, slots=True)
class _Row:
    """A question as it is written; ``answers`` is None where none are told.

    ``start`` and ``impossible`` stand beside the answers, None where they do not.
    """

    number: int
    where: str
    question: Any
    context: Any
    answers: Any
    start: Any = None
    impossible: Any = None


def holds_answers(source: Source) -> bool:
    """Whether a source is of a form in which questions with their answers are written.

    Also one that has questions and contexts, and nothing by a usual name that is true of them.
    """
    match source:
        case Document(content={"data": [{"paragraphs": list()}, *_]}):
            return True
    names = {name.lower() for name in keys_of(source)}
    if all(names & set(usual) for usual in WANTED.values()):
        return True
    return names >= {"question", "context"} and not names & set(LABEL_COLUMNS)


def answers_or_questions(
    source: Source, columns: Mapping[str, str | None], tell: Tell, on_bad: OnBad = "error"
) -> Examples | Sequence[Question]:
    """Questions with their answers, or alone where no row tells any.

    A truth is the tuple of (text, start) of its answers, () where it has none. Starts that count
    as UTF-16 does are brought to where their words stand, and the white space in answers to that
    of the context; of an answer without a start, the first place is taken. All this is told.
    Raises DataError.
    """
    names, rows, close = _opened(source, columns)
    unit = unit_of(source)
    bad = BadRows(on_bad, unit)
    shifted, padded, spaced, several, broken = (Sightings(unit) for _ in range(5))
    inputs: list[Question] = []
    truths: list[Truth | None] = []  # None where none is told
    lines: list[int] = []
    with close:
        for row in rows:
            try:
                question = _text(row.question, "question", names["question"], row.where)
                context = _text(row.context, "context", names["context"], row.where)
            except BadRowError as error:
                bad.unread(row.number, error)
                continue
            empty = _empty(question, "question", names, row) or _empty(
                context, "context", names, row
            )
            if empty and not bad.add(row.number, empty):
                continue
            gold = Gold(())
            told = row.answers is not None or _is_true(row.impossible)
            if told and not empty and not _is_true(row.impossible):
                try:
                    gold = gold_of(context, row.answers, row.start, row.where)
                except BadRowError as error:
                    if not bad.add(row.number, error):
                        continue
            for seen, sightings in (
                (gold.moved, shifted), (gold.padded, padded), (gold.spaced, spaced),
                (gold.guessed, several),
            ):  # fmt: skip
                if seen:
                    sightings.add(row.number)
            if lone_surrogate(question) or lone_surrogate(context):
                broken.add(row.number)
            inputs.append(Question(question, context))
            truths.append(gold.truth if told else None)
            lines.append(row.number)
    found = Examples(
        source.source,
        list(inputs),
        truths,
        lines,
        (),
        {role: names[role] for role in WANTED},
        unit=unit,
    )
    labelled = any(truth is not None for truth in truths)
    if labelled:
        found = _told(found, bad)
    skipped = bad.settle(source.source, len(found), tell)
    if not len(found):
        raise DataError(f"{source.source} holds no questions.", hint=EXAMPLE)
    rest = "counted in UTF-16, and moved to where their words stand"
    shifted.tell(tell, source.source, "question has answers", "questions have answers", rest)
    rest = "with white space at the ends, which is taken off"
    padded.tell(tell, source.source, "question has answers", "questions have answers", rest)
    rest = "with other white space than the context, whose is taken"
    spaced.tell(tell, source.source, "question has answers", "questions have answers", rest)
    rest = "that stand several times in the context, without a start; the first place is taken"
    several.tell(tell, source.source, "question has answers", "questions have answers", rest)
    rest = 'half a surrogate pair, read as "?"'
    broken.tell(tell, source.source, "question holds", "questions hold", rest)
    return replace(found, skipped=skipped) if labelled else inputs


def _is_true(found: Any) -> bool:
    """Whether a cell says yes, as JSON or as text."""
    return str(found).strip().lower() in ("true", "1")


def _told(found: Examples, bad: BadRows) -> Examples:
    """The rows that tell whether there is an answer; see ``BadRows`` for the rest."""
    kept = []
    for at, (truth, line) in enumerate(zip(found.truths, found.lines, strict=True)):
        name = found.columns["answers"]
        where = f"{found.source}, {found.unit} {line}"
        if truth is not None or bad.add(line, _untold(where, name)):
            kept.append(at)
    found = found.subset(kept)
    return replace(found, truths=[truth or () for truth in found.truths])


def _untold(where: str, name: str) -> BadRowError:
    return BadRowError(
        f"{where}: {visible(name)} is missing, which other rows have.",
        hint="A question without an answer has an empty list.",
        kind="no answers",
    )


def _opened(
    source: Source, columns: Mapping[str, str | None]
) -> tuple[Mapping[str, str], Iterator[_Row], Any]:
    """The name of each role's column, the rows, and what closes them."""
    if isinstance(source, Document) and isinstance(source.content, dict):
        return {role: role for role in WANTED}, _squad(source), nullcontext()
    records = records_of(source)
    if records is not None:
        unit = unit_of(source)
        names = _names(source.source, keys_of(source), columns)
        rows = (
            _Row(number, f"{source.source}, {unit} {number}", *map(one.get, names.values()))
            for number, one in records
        )
        return names, rows, closing(records)
    table = table_of(source, "questions with their answers")
    names = _names(source.source, table.columns, columns)
    # Of what the table does not have, a cell that is there anyway is picked, and not looked at.
    there = [name in table.columns for name in names.values()]
    places = [table.columns.index(name) if here else 0
              for name, here in zip(names.values(), there, strict=True)]  # fmt: skip
    cells = (
        _Row(line, f"{source.source}, line {line}",
             *(cell if here else None for cell, here in zip(row, there, strict=True)))
        for line, row in table.pick(places)
    )  # fmt: skip
    return names, cells, nullcontext()


def _names(
    source: str, found: Sequence[str], columns: Mapping[str, str | None]
) -> Mapping[str, str]:
    """The column of each role, those of WANTED first; the usual name where there is none."""
    lowered = {name.lower(): name for name in reversed(found)}
    names = {}
    for role, usual in (*WANTED.items(), *BESIDE.items()):
        named = columns.get(role)
        if named is not None and named not in found:
            raise DataError(
                f"{source} has no column {visible(named)}.",
                hint=f"Columns found: {', '.join(map(visible, found))}.",
            )
        name = named or next((lowered[one] for one in usual if one in lowered), None)
        if name is None and role in ("question", "context"):
            raise DataError(
                f"{source} has no {role} column under a usual name.",
                hint=f"Columns found: {', '.join(map(visible, found)) or 'none'}. "
                f"Name one with --{role}-column. {EXAMPLE}",
            )
        names[role] = name or usual[0]
    return names


def question_columns(
    source: str, found: Sequence[str], columns: Mapping[str, str | None]
) -> tuple[str, str]:
    """The columns of questions and of their contexts, of those ``found``. Raises DataError."""
    names = _names(source, found, columns)
    return names["question"], names["context"]


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
    return found


def _empty(found: str, role: str, names: Mapping[str, str], row: _Row) -> BadRowError | None:
    """What is wrong with a text that holds nothing; it may be asked all the same."""
    if found.strip():
        return None
    return BadRowError(
        f"{row.where}: {visible(names[role])} is empty.",
        hint="Remove the row; an answer is asked for in a context.",
        kind=f"an empty {role}",
    )
