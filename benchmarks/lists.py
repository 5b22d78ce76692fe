"""A list of inputs of any task: `python -m benchmarks.lists BUNDLE DATA`.

``Model.predict`` of a list against a bare loop with tokenizers and onnxruntime alone: the same
graph, threads and sleep of idle threads, all inputs tokenized at once, sorted by their tokens, so
many a batch, padded to its longest, and decoded by the very function of the task. The two take
turns, and who begins changes; a ratio is that of one round, and the row tells the median, the least
and the most. How many answers are equal is told, too: int8's depend on neighbours in a batch.

Inputs are distinct, and those that need more tokens than the model reads at once are left out. A
model of vectors is asked the texts of pairs one by one.
"""

import argparse
import json
import time
from collections.abc import Sequence
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

import edgeft
from benchmarks.bare import bare_session, bare_tokenizer
from benchmarks.compare import RESULTS
from edgeft.bench.machine import describe_machine
from edgeft.bundle import ModelRecord, read_manifest
from edgeft.data import distinct
from edgeft.inputs import Input, Question, columns_of
from edgeft.runtime.model import Model
from edgeft.tasks import task_named
from edgeft.tasks.encoded import Encoded, Part
from edgeft.tasks.reading import read_inputs

LEAST = 0.95  # times as fast, which was to be reached
PAD_TYPE = 0


class Loop:
    """Inputs in batches of like length."""

    def __init__(self, bundle: Path, record: ModelRecord, variant: str, threads: int) -> None:
        self.task = task_named(record.task, record.takes)
        self.labels, self.head, self.pad = record.labels, record.head_of(variant), record.pad_id
        asked = Question in self.task.takes
        self.tokenizer = bare_tokenizer(bundle, record, "only_second" if asked else "longest_first")
        self.session = bare_session(bundle, record, variant, threads)
        self.names = [one.name for one in self.session.get_inputs()]

    def predict(self, inputs: Sequence[Input], batch: int) -> list[Any]:
        """The predictions of N inputs."""
        given = [one if isinstance(one, str) else columns_of(one) for one in inputs]
        encode = self.tokenizer.encode_batch if self.task.by_token else \
            self.tokenizer.encode_batch_fast  # fmt: skip
        rows = encode(given)
        order = sorted(range(len(rows)), key=lambda at: -len(rows[at].ids))
        found: list[Any] = [None] * len(rows)
        for begin in range(0, len(order), batch):
            places = order[begin : begin + batch]
            some = [rows[at] for at in places]
            encoded = [Encoded((self._part(row),)) for row in some]
            outputs = self.task.join(self._run(some), encoded)
            asked = [inputs[at] for at in places]
            answers = self.task.decode(outputs, encoded, asked, self.labels, self.head)
            for at, answer in zip(places, answers, strict=True):
                found[at] = answer
        return found

    def _part(self, row: Any) -> Part:
        """What decoding asks for: where there is text, and of tokens their places and words."""
        if not self.task.by_token:
            return Part(row.ids, range(len(row.ids)), len(row.ids))
        sides = row.sequence_ids
        last = max(one for one in sides if one is not None)
        own = [at for at, one in enumerate(sides) if one == last]
        words = [-1 if word is None else word for word in row.word_ids]
        span = range(own[0], own[-1] + 1)
        return Part(row.ids, span, len(span), row.type_ids, row.offsets, words)

    def _run(self, rows: Sequence[Any]) -> dict[str, Any]:
        shape = len(rows), max(len(row.ids) for row in rows)
        columns = {
            "input_ids": np.full(shape, self.pad, np.int64),
            "attention_mask": np.zeros(shape, np.int64),
            "token_type_ids": np.full(shape, PAD_TYPE, np.int64),
        }
        for at, row in enumerate(rows):
            count = len(row.ids)
            columns["input_ids"][at, :count] = row.ids
            columns["attention_mask"][at, :count] = 1
            columns["token_type_ids"][at, :count] = row.type_ids
        names = list(self.task.outputs)
        found = self.session.run(names, {name: columns[name] for name in self.names})
        return {
            name: [one[: len(row.ids)] for one, row in zip(values, rows, strict=True)]
            if "tokens" in self.task.outputs[name]
            else values
            for name, values in zip(names, found, strict=True)
        }


def asked_of(model: Model, inputs: Sequence[Input], most: int | None) -> list[Input]:
    """Distinct inputs that are read whole and at once."""
    some: list[Input] = [*inputs]
    if model.task.embeds:
        some = [
            text for one in some for text in ([one] if isinstance(one, str) else columns_of(one))
        ]
    some = list(distinct(some))[:most]
    encoded = model.runner.encode(some)  # type: ignore[union-attr]
    return [
        one
        for one, its in zip(some, encoded, strict=True)
        if its.windows == 1 and not its.truncated and len(its.parts[0].own)
    ]


def same(model: Model, ones: Sequence[Any], others: Sequence[Any]) -> float:
    """The share of predictions that are shown alike, scores aside."""

    def bare(prediction: Any) -> str:
        shown = model.task.show(prediction, False)
        numbers = ("score", "value", "vector", "scores", "unknown_share", "truncated")
        if "entities" in shown:
            shown["entities"] = [
                {name: one for name, one in each.items() if name not in numbers}
                for each in shown["entities"]
            ]
        return json.dumps({name: one for name, one in shown.items() if name not in numbers})

    equal = [bare(one) == bare(other) for one, other in zip(ones, others, strict=True)]
    return sum(equal) / len(equal)


def main() -> None:
    """Run both in turn, print the table, keep the rows beside those of other tasks."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("bundle", type=Path)
    parser.add_argument("data", type=Path, help="inputs as edgeft predict reads them, labelled too")
    parser.add_argument("--count", type=int, help="take the first so many  [all]")
    parser.add_argument("--batch", type=int, action="append", help="inputs; repeatable  [32]")
    parser.add_argument("--variant", default="fp32")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("-o", "--out", type=Path, default=RESULTS / "lists.json")
    chosen = parser.parse_args()
    record = read_manifest(chosen.bundle).model
    loop = Loop(chosen.bundle, record, chosen.variant, chosen.threads)
    rows: list[dict[str, Any]] = []
    with edgeft.load(
        chosen.bundle, variant=chosen.variant, device="cpu", threads=chosen.threads, spin=False
    ) as model:
        inputs = asked_of(model, list(read_inputs(chosen.data, model.task)), chosen.count)
        if not inputs:
            raise SystemExit(f"{chosen.data} has no input that the model reads whole and at once.")
        for batch in chosen.batch or [32]:
            rows.append(measured(model, loop, inputs, batch, chosen.rounds))
    print("| task | variant | inputs | a batch | predict | loop | times as fast | equal |\n"
          + "| --- " * 8 + "|")  # fmt: skip
    for row in rows:
        row |= {"task": record.task, "variant": chosen.variant, "threads": chosen.threads}
        times = f"{row['ratio']:.2f} ({row['ratio_low']:.2f} to {row['ratio_high']:.2f})"
        print(
            f"| {row['task']} | {row['variant']} | {row['inputs']:,} | {row['batch']} | "
            f"{row['edgeft_s']:.3f} s | {row['loop_s']:.3f} s | {times} | {row['equal']:.2%} |"
        )
    met = all(row["ratio"] >= LEAST for row in rows)
    print(f"At least {LEAST} times as fast: {'met' if met else 'missed'}.")
    keep(chosen.out, rows)


def measured(
    model: Model, loop: Loop, inputs: Sequence[Input], batch: int, rounds: int
) -> dict[str, Any]:
    """Both in turns; the first round warms them and tells which answers are equal."""
    seconds: dict[str, list[float]] = {"edgeft": [], "loop": []}
    asks = {"edgeft": lambda: model.predict(inputs), "loop": lambda: loop.predict(inputs, batch)}
    equal = same(model, asks["edgeft"](), asks["loop"]())
    for number in range(rounds):
        for side in [*asks][:: -1 if number % 2 else 1]:
            begin = time.perf_counter()
            asks[side]()
            seconds[side].append(time.perf_counter() - begin)
    ratios = [b / a for a, b in zip(*seconds.values(), strict=True)]
    return {
        "inputs": len(inputs), "batch": batch, "ratio": median(ratios), "ratio_low": min(ratios),
        "ratio_high": max(ratios), "equal": equal,
        **{f"{side}_s": median(some) for side, some in seconds.items()},
    }  # fmt: skip


def keep(out: Path, rows: Sequence[dict[str, Any]]) -> None:
    """Write the rows beside those of other tasks, variants, threads and batches."""

    def which(row: dict[str, Any]) -> tuple[Any, ...]:
        return tuple(row[name] for name in ("task", "variant", "threads", "batch"))

    new = {which(row) for row in rows}
    kept = json.loads(out.read_text(encoding="utf-8"))["rows"] if out.exists() else []
    machine = describe_machine().to_dict()
    every = [one for one in kept if which(one) not in new] + [
        {**row, "machine": machine} for row in rows
    ]
    out.parent.mkdir(parents=True, exist_ok=True)
    content = {"method": __doc__, "rows": every}
    out.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
