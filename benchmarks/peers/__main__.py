"""The runtime against other ways to run the same model: `make bench-peers DATA=FILE`.

The same checkpoint, texts and threads on all sides, each peer at its own best
batch size; every round in fresh processes, which take turns. A pipeline is used
as its documentation shows, also in batches of 32. A folder with the checkpoint and
the bundle of an entity tagger is measured by the peers of TAGGERS.
"""

import argparse
import json
import math
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import asdict
from pathlib import Path
from typing import Any

from benchmarks.compare import (
    RESULTS,
    Row,
    Side,
    alternate,
    options,
    p50_ms,
    peak_mb,
    row,
    scratch,
    write_texts,
)
from benchmarks.peers import ALL_PEERS, PEERS, TAGGERS
from benchmarks.tables import replace_table
from edgeft.bench.machine import describe_machine
from edgeft.bundle import read_manifest

BATCHES = (1, 4, 8, 16, 32, 64, 128)
USUAL = 32
PIPELINES = ("transformers", "optimum")
SEARCH_TEXTS = 400  # on which each peer's best batch size is looked for
ALIKE = 0.999  # cosine of two embeddings that are the same but for rounding
README = Path(__file__).parents[1] / "README.md"


def main() -> None:
    """Measure, print the table, keep it."""
    parser = options(__doc__)
    parser.add_argument("--only", choices=[name for name in PEERS if name != "edgeft"],
                        action="append", help="repeatable; else all")  # fmt: skip
    parser.add_argument("--readme", action="store_true", help="put the table into README.md")
    chosen = parser.parse_args()
    if len(chosen.data or []) > 1 or (chosen.only and chosen.readme):
        parser.error("one --data file, and --readme only with all peers")
    task = read_manifest(chosen.folder / "bundle").model.task
    known = TAGGERS if task == "token-classification" else [*PEERS][1:]
    names, out = chosen.only or known, chosen.out or RESULTS / "peers.json"
    if missing := set(names) - set(known):
        parser.error(f"no {task} by {', '.join(sorted(missing))}")
    with scratch() as folder:
        data = (chosen.data or [None])[0]
        texts = write_texts(Path(folder), data, chosen.limit, task)
        _, search = write_texts(Path(folder), data, SEARCH_TEXTS, task)
        reference = _answers("edgeft", chosen.folder, texts[1], chosen.threads, "fp32", None)
        embedded: list[list[float]] = []
        found = []
        for name in names:
            one = measure(name, chosen, texts[1], search, reference, embedded)
            found.append(one)
            print(_line(one), flush=True)
            document = {
                "machine": describe_machine().to_dict(),
                "method": __doc__,
                "task": task,
                "texts": texts[0],
                "threads": chosen.threads,
                "rounds": chosen.rounds,
                "peers": found,
            }
            out.parent.mkdir(parents=True, exist_ok=True)  # each peer takes minutes
            out.write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")
    if chosen.readme:
        replace_table(README, "peers", table(found))


def measure(
    name: str,
    chosen: argparse.Namespace,
    texts: Path,
    search: Path,
    reference: Sequence[Any],
    embedded: list[list[float]],
) -> dict[str, Any]:
    """All figures of one peer beside edgeft's, in fresh processes each round."""
    peer = PEERS[name]
    best = best_batch(name, chosen.folder, search, chosen.threads)
    answers: list[Any] = []
    own: list[Any] = []
    pairs: dict[str, list[tuple[float, float]]] = {}
    versions: dict[str, str] = {}
    for number in range(chosen.rounds):
        sides = [("edgeft", peer.ours), (name, peer.variant)]
        opened = {}
        with ExitStack() as stack:
            for kind, variant in sides if number % 2 == 0 else sides[::-1]:
                side = Side(kind, chosen.folder, texts, chosen.threads, variant)
                opened[kind] = stack.enter_context(side)
            ours, side = opened["edgeft"], opened[name]
            own = ours.ask("all", labels=True)["labels"]  # which warms it up, too
            answers = side.ask("all", batch=best, labels=True)["labels"]
            versions = side.versions
            found = _round(ours, side, best, number, usual=name in PIPELINES)
        for key, pair in found.items():
            pairs.setdefault(key, []).append(pair)
    rows = {key: _row(key, some) for key, some in pairs.items()}
    if peer.embeds:
        same = agreement_of_vectors(answers, embedded) if embedded else None
        embedded[:] = embedded or answers
    else:
        same = agreement(answers, reference)
    return {
        "peer": name,
        "title": peer.title,
        "versions": versions,
        "best_batch": best,
        "ours": peer.ours,
        "embeds": peer.embeds,
        "agreement": same,
        "our_agreement": agreement(own, reference),
        "rows": {key: asdict(one) for key, one in rows.items()},
    }


def best_batch(name: str, folder: Path, search: Path, threads: int) -> int:
    """The batch size at which a peer is the quickest: the better of two runs of each, warmed up."""
    with Side(name, folder, search, threads, ALL_PEERS[name].variant) as side:
        times = {}
        for batch in BATCHES:
            side.seconds(batch)
            times[batch] = min(side.seconds(batch), side.seconds(batch))
    return min(times, key=times.__getitem__)


def _round(
    ours: Side, side: Side, best: int, number: int, *, usual: bool
) -> dict[str, tuple[float, float]]:
    """(ours, theirs) of each figure; who begins changes from round to round."""
    found = {"start": (ours.start_s, side.start_s)}
    found["throughput"] = alternate(ours.seconds, lambda: side.seconds(best), 1, first=number)[0]
    if usual:
        pair = alternate(ours.seconds, lambda: side.seconds(USUAL), 1, first=number)[0]
        found["usual"] = pair
    found["p50"] = alternate(lambda: p50_ms(ours), lambda: p50_ms(side), 1, first=number)[0]
    found["memory"] = (peak_mb(ours), peak_mb(side))
    return found


def _row(key: str, pairs: Sequence[tuple[float, float]]) -> Row:
    units = {"p50": "ms", "memory": "MB"}
    quicker = key in ("throughput", "usual")
    return row(key, pairs, unit=units.get(key, "s"), at_least=1.0 if quicker else None,
               at_most=None if quicker else 1.0)  # fmt: skip


def agreement(ones: Sequence[Any], others: Sequence[Any]) -> float:
    """The share of texts with an equal answer."""
    return sum(a == b for a, b in zip(ones, others, strict=True)) / len(ones)


def agreement_of_vectors(
    ones: Sequence[Sequence[float]], others: Sequence[Sequence[float]]
) -> float:
    """The share of normalized vectors that are the same but for rounding."""
    alike = 0
    for one, other in zip(ones, others, strict=True):
        lengths = math.sqrt(sum(a * a for a in one) * sum(b * b for b in other))
        alike += sum(a * b for a, b in zip(one, other, strict=True)) / lengths >= ALIKE
    return alike / len(ones)


def table(found: Sequence[dict[str, Any]]) -> str:
    """The Markdown table: a line for each peer."""
    head = ["peer", "its best batch", "throughput", f"at batch {USUAL}", "p50", "start", "memory",
            "same answer"]  # fmt: skip
    lines = [f"| {' | '.join(head)} |", "| --- " * len(head) + "|"]
    return "\n".join([*lines, *map(_line, found)])


def _line(one: dict[str, Any]) -> str:
    def told(name: str) -> str:
        figure = one["rows"].get(name)
        if figure is None:
            return ""
        text = f"{figure['ratio']:.2f}"
        return text + (f" ({figure['low']:.2f} to {figure['high']:.2f})" if figure["low"] else "")

    title = one["title"] + (f", edgeft {one['ours']}" if one["ours"] != "fp32" else "")
    same = "-" if one["agreement"] is None else f"{one['agreement']:.4f}"
    if one["ours"] == "int8":
        same += f" (edgeft {one['our_agreement']:.4f})"
    cells = [title, str(one["best_batch"]), told("throughput"), told("usual"), told("p50"),
             told("start"), told("memory"), same]  # fmt: skip
    return f"| {' | '.join(cells)} |"


def _answers(
    name: str, folder: Path, texts: Path, threads: int, variant: str, batch: int | None
) -> list[Any]:
    with Side(name, folder, texts, threads, variant) as side:
        return list(side.ask("all", batch=batch, labels=True)["labels"])


if __name__ == "__main__":
    main()
