"""Which columns of a table hold its inputs: one of texts, or two of pairs of them."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from edgeft.data.bad import BadRowError, BadRows
from edgeft.data.labels import visible
from edgeft.data.notes import Sightings, Tell
from edgeft.data.table import PAIR_COLUMNS, TEXT_COLUMNS, Cells, Table, columns_found, find_column
from edgeft.errors import DataError
from edgeft.inputs import Input, Pair

__all__ = [
    "InputColumns", "find_inputs", "holds_pairs", "inputs_of", "lone_surrogate", "no_text",
    "tell_broken", "usual_pair",
]  # fmt: skip

READ = "Only strings, numbers and truth values can be read."
PAIRS_ALONE = (("text", "other"),)  # usual only where pairs are wanted; a server takes them so
TEXTS = (str,)  # what a task takes that is asked single texts alone


@dataclass
class InputColumns:
    """The columns of inputs: their places in the table, and their names.

    ``read`` makes inputs of their cells, and counts what ``settle`` then tells.
    """

    source: str
    places: tuple[int, ...]
    names: tuple[str, ...]
    broken: Sightings = field(default_factory=Sightings)
    bare: Sightings = field(default_factory=Sightings)

    @property
    def columns(self) -> dict[str, str]:
        """The name of the column of each role: "text", and "other" of pairs."""
        return dict(zip(("text", "other"), self.names, strict=False))

    def read(self, line: int, cells: Cells, bad: BadRows) -> Input | None:
        """The input of a row, None where that is left out.

        A row is bad that has no text in a cell, and one of a pair with an empty side. Raises
        DataError where all inputs are wanted and there is none.
        """
        texts = [cell for cell in cells if cell is not None]
        if len(texts) < len(cells):
            bad.unread(line, no_text(self.source, line, self.names[cells.index(None)]))
            return None
        if len(texts) == 1:
            one: Input = texts[0]
        else:
            for name, text in zip(self.names, texts, strict=True):
                if text.strip():
                    continue
                if not bad.add(line, _empty_side(self.source, line, name)):
                    return None
                self.bare.add(line)
                break
            one = Pair(*texts)
        if any(map(lone_surrogate, texts)):
            self.broken.add(line)
        return one

    def settle(self, tell: Tell) -> None:
        """Tell what was odd in the rows that were read."""
        rest = "with an empty side, which is judged all the same"
        self.bare.tell(tell, self.source, "row is a pair", "rows are pairs", rest)
        tell_broken(self.broken, self.source, tell)


def find_inputs(
    table: Table,
    columns: Mapping[str, str | None],
    tell: Tell,
    takes: Sequence[type] = (str, Pair),
) -> InputColumns:
    """The columns that hold the inputs of a task that takes these kinds.

    Those that are named: "text", and for pairs "other" as well. Else two that are usual for pairs,
    where the task takes such and no other column has a usual name of texts, which is told; else
    one by its usual name. Raises DataError.
    """
    named, other = columns.get("text"), columns.get("other")
    names: Sequence[str | None] = (named,) if other is None else (named, other)
    if named is None and other is None and Pair in takes:
        usual = usual_pair(table.columns, PAIR_COLUMNS + PAIRS_ALONE * (str not in takes))
        if usual is not None:
            names = usual
            tell(
                f"{table.source}: pairs of texts are read, from {visible(usual[0])} and "
                f"{visible(usual[1])}; --text-column names one column, or given twice two."
            )
    if str not in takes and len(names) == 1:
        raise DataError(
            f"{table.source}: pairs of texts are wanted, and "
            + (
                "no two columns have usual names of such."
                if named is None
                else "one column is named."
            ),
            hint=f"{columns_found(table)} Name two: --text-column ONE --text-column OTHER",
        )
    places = tuple(find_column(table, name, TEXT_COLUMNS, "text", tell) for name in names)
    if len(set(places)) < len(places):
        raise DataError(
            f"{table.source}: {visible(table.columns[places[0]])} cannot be both texts of a pair.",
            hint="Name two columns: --text-column ONE --text-column OTHER",
        )
    return InputColumns(table.source, places, tuple(table.columns[at] for at in places))


def usual_pair(
    columns: Sequence[str], usual: Sequence[tuple[str, str]] = PAIR_COLUMNS
) -> tuple[str, str] | None:
    """The two columns whose names are usual for pairs; None where another may hold the text."""
    lowered = {name.lower(): name for name in reversed(columns)}
    for first, second in usual:
        if first in lowered and second in lowered:
            others = lowered.keys() & set(TEXT_COLUMNS) - {first, second}
            return None if others else (lowered[first], lowered[second])
    return None


def holds_pairs(columns: Sequence[str], named: Mapping[str, str | None]) -> bool:
    """Whether ``find_inputs`` finds two columns of texts among these, or two are ``named``."""
    if named.get("text") is not None or named.get("other") is not None:
        return named.get("other") is not None
    return usual_pair(columns) is not None


def inputs_of(
    table: Table,
    columns: Mapping[str, str | None],
    tell: Tell,
    takes: Sequence[type] = (str, Pair),
) -> Iterator[Input]:
    """The inputs of a table, read as they are asked for. Raises DataError."""
    where = find_inputs(table, columns, tell, takes)

    def inputs() -> Iterator[Input]:
        every = BadRows("keep")
        found = False
        for line, cells in table.pick(where.places):
            found = True
            one = where.read(line, cells, every)
            assert one is not None, "of inputs that are all wanted none is left out"
            yield one
        if not found:
            raise DataError(f"{table.source} has a header but no rows.")
        where.settle(tell)

    return inputs()


def no_text(source: str, line: int, column: str) -> BadRowError:
    """The error of a cell without text."""
    return BadRowError(
        f"{source}, line {line}: {visible(column)} is missing or holds no text.",
        hint=f"{READ} A pair of texts is a list of two under 'text', in every row.",
        kind="no text",
    )


def _empty_side(source: str, line: int, column: str) -> BadRowError:
    return BadRowError(
        f"{source}, line {line}: {visible(column)} is empty, and a pair has two texts.",
        hint="Write the text that is missing, or remove the row.",
        kind="an empty side of a pair",
    )


def lone_surrogate(text: str) -> bool:
    """Whether half a surrogate pair stands in the text, as broken JSON leaves it."""
    if text.isascii():
        return False
    try:
        text.encode()
    except UnicodeEncodeError:
        return True
    return False


def tell_broken(texts: Sightings, source: str, tell: Tell) -> None:
    """Tell of texts with half a surrogate pair, which no tokenizer takes."""
    texts.tell(tell, source, "text holds", "texts hold", 'half a surrogate pair, read as "?"')
