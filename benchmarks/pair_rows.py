"""What the benchmarks of pairs share: their rows, and the run of both sides over them."""

import argparse
import csv
import shutil
import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from benchmarks.smaller import int8_against_fp32, told
from benchmarks.training import Bars, keep, run_both
from edgeft.data import Examples
from edgeft.inputs import Input, columns_of
from edgeft.tasks.reading import read_examples
from edgeft.tasks.task import Task

__all__ = ["CHOOSING", "MAX_LENGTH", "both_sides", "pair_options", "texts_of"]

MAX_LENGTH = 128  # tokens
CHOOSING = 20  # every so many-th row of train ranks the epochs, where no file does


def pair_options(parser: Any) -> None:
    """The options of all that train on pairs."""
    parser.add_argument("data", type=Path, help="labelled pairs")
    parser.add_argument("--test", type=Path, required=True)
    parser.add_argument("--choose", type=Path, help="ranks the epochs; else a part of the data")
    parser.add_argument("--first", help="column of the first text, or its number; else found")
    parser.add_argument("--second", help="column of the second text")
    parser.add_argument("--label", help="column of the label")
    parser.add_argument("--rows", type=int, help="train on the first so many rows")


def texts_of(inputs: Sequence[Input]) -> list[list[str]]:
    """The first texts, and the second ones."""
    return [list(column) for column in zip(*map(columns_of, inputs), strict=True)]


def both_sides(
    chosen: argparse.Namespace, method: str, task: Task, script: str, bars: Bars
) -> dict[str, Any]:
    """Train both sides, hold edgeft's int8 against its fp32, print and keep the row."""
    columns = {"text": chosen.first, "other": chosen.second, "label": chosen.label}
    with tempfile.TemporaryDirectory(prefix="edgeft-bench-") as folder:
        work = Path(folder)

        def read(path: Path) -> Examples:
            # One that is called .txt is separated by tabs.
            if path.suffix.lower() == ".txt":
                path = Path(shutil.copyfile(path, work / f"{path.stem}.tsv"))
            return read_examples(path, task, columns)

        given, test = read(chosen.data), read(chosen.test)
        taken: Iterable[int] = range(len(given))[: chosen.rows]
        choosing = read(chosen.choose) if chosen.choose else None
        if choosing is None:
            choosing = given.subset(at for at in taken if at % CHOOSING == 0)
            taken = [at for at in taken if at % CHOOSING]
        rows = {
            part: _write(work / f"{part}.csv", some)
            for part, some in (
                ("train", given.subset(taken)), ("choose", choosing), ("report", test)
            )
        }  # fmt: skip
        runs = run_both(script, work, chosen)
        int8 = int8_against_fp32(chosen, work, "csv", task)
    row = keep(chosen, method, bars, runs, rows=rows, max_length=MAX_LENGTH, int8=int8)
    print(told(int8))
    return row


def _write(path: Path, examples: Examples) -> int:
    """Write the rows as a CSV file; how many they are."""
    truths = examples.named() if examples.labels else examples.truths
    with path.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.writer(stream)
        writer.writerow(["first", "second", "label"])
        for one, truth in zip(examples.inputs, truths, strict=True):
            writer.writerow([*columns_of(one), truth])
    return len(examples)
