"""Vectors of texts against other ways to embed: `python -m benchmarks.vectors build/bench-model`.

`Model.embed` against sentence-transformers with its ONNX backend and against fastembed, both over
the encoder as optimum exports it: the same weights, texts and threads on all sides, mean pooling,
vectors of length 1. Texts are of uneven length: so many sentences of the built-in ones joined that
most are short and a few fill the model's 256 tokens; or those of --data. Each peer runs at its own
best batch size, edgeft as it is by default. Every round is in fresh processes, which take turns;
a ratio is that of one round, and the row tells the median, the least and the most. That vectors
are the same is checked.
"""

import json
import random
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import asdict
from itertools import cycle
from pathlib import Path
from typing import Any

from benchmarks.compare import RESULTS, Side, alternate, options, row, scratch, write_texts
from benchmarks.peers import ALL_PEERS
from benchmarks.peers.__main__ import agreement_of_vectors, best_batch
from edgeft.bench.machine import describe_machine
from edgeft.bench.texts import sentences

OURS, PEERS = "edgeft-vectors", ("sentence", "fastembed")
LEAST = 1.3  # times as fast, which was to be reached
SENTENCES = (1, 1, 1, 2, 2, 3, 5, 8, 13)  # of a text
MADE = 1500  # texts
SEARCHED = 300  # of them, on which each peer's best batch size is looked for
COMPARED = 64  # vectors


def uneven(count: int, seed: int = 0) -> list[str]:
    """So many texts of one sentence to thirteen."""
    chance, more = random.Random(seed), cycle(sentences())
    return [" ".join(next(more) for _ in range(chance.choice(SENTENCES))) for _ in range(count)]


def main() -> None:
    """Measure, print the table, keep it."""
    parser = options(__doc__)
    parser.add_argument("--only", choices=PEERS, action="append", help="repeatable; else both")
    parser.add_argument("--variant", default="fp32", help="of edgeft's")
    chosen = parser.parse_args()
    if len(chosen.data or []) > 1:
        parser.error("one --data file")
    rows: list[dict[str, Any]] = []
    with scratch() as folder:
        name, path = _texts(Path(folder), chosen.data, chosen.limit)
        texts = json.loads(path.read_text(encoding="utf-8"))
        search = Path(folder) / "search.json"
        search.write_text(json.dumps(_evenly(texts, SEARCHED)), encoding="utf-8")
        few = Path(folder) / "few.json"
        few.write_text(json.dumps(_evenly(texts, COMPARED)), encoding="utf-8")
        ours = _vectors(OURS, chosen.folder, few, chosen.threads, chosen.variant, None)
        for peer in chosen.only or PEERS:
            best = best_batch(peer, chosen.folder, search, chosen.threads)
            theirs = _vectors(peer, chosen.folder, few, chosen.threads, "fp32", best)
            pairs, versions = _rounds(peer, best, chosen, path)
            found = row(ALL_PEERS[peer].title, pairs, unit="s", at_least=LEAST)
            ratios = [their / our for our, their in pairs]
            rows.append({
                **asdict(found), "peer": peer, "best_batch": best, "versions": versions,
                "variant": chosen.variant, "ratio_low": min(ratios), "ratio_high": max(ratios),
                "same_vectors": agreement_of_vectors(ours, theirs),
            })  # fmt: skip
    _tell(rows, name)
    document = {
        "machine": describe_machine().to_dict(), "method": __doc__, "texts": name,
        "threads": chosen.threads, "rounds": chosen.rounds, "rows": rows,
    }  # fmt: skip
    out = chosen.out or RESULTS / "vectors.json"
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")
    if any(one["same_vectors"] < 1 for one in rows if one["variant"] == "fp32"):
        raise SystemExit("The sides do not give the same vectors.")


def _texts(folder: Path, data: Sequence[Path] | None, limit: int | None) -> tuple[str, Path]:
    if data:
        return write_texts(folder, data[0], limit, "feature-extraction")
    made = uneven(limit or MADE)
    path = folder / "made.json"
    path.write_text(json.dumps(made), encoding="utf-8")
    return f"built-in sentences, joined ({len(made):,} texts)", path


def _evenly(texts: Sequence[str], count: int) -> list[str]:
    count = min(count, len(texts))
    return [texts[at * len(texts) // count] for at in range(count)]


def _vectors(
    kind: str, folder: Path, texts: Path, threads: int, variant: str, batch: int | None
) -> list[list[float]]:
    with Side(kind, folder, texts, threads, variant) as side:
        return list(side.ask("all", batch=batch, labels=True)["labels"])


def _rounds(
    peer: str, best: int, chosen: Any, texts: Path
) -> tuple[list[tuple[float, float]], dict[str, str]]:
    """(ours, theirs) in seconds of each round, and the versions of the peer's packages."""
    pairs: list[tuple[float, float]] = []
    versions: dict[str, str] = {}
    for number in range(chosen.rounds):
        with ExitStack() as stack:
            opened = {}
            sides = [(OURS, chosen.variant), (peer, "fp32")]
            for kind, variant in sides if number % 2 == 0 else sides[::-1]:
                side = Side(kind, chosen.folder, texts, chosen.threads, variant)
                opened[kind] = stack.enter_context(side)
            ours, side = opened[OURS], opened[peer]
            ours.seconds(), side.seconds(best)  # which warms them
            pairs += alternate(ours.seconds, lambda: side.seconds(best), 1, first=number)  # noqa: B023
            versions = side.versions
    return pairs, versions


def _tell(rows: Sequence[dict[str, Any]], texts: str) -> None:
    print(f"{texts}\n\n| peer | its best batch | times as fast | edgeft | peer | same vectors |\n"
          + "| --- " * 6 + "|")  # fmt: skip
    for one in rows:
        print(f"| {one['what']} | {one['best_batch']} | {one['ratio']:.2f} ({one['ratio_low']:.2f} "
              f"to {one['ratio_high']:.2f}) | {one['ours']:.2f} s | {one['theirs']:.2f} s | "
              f"{one['same_vectors']:.4f} |")  # fmt: skip
    met = all(one["met"] for one in rows)
    print(f"At least {LEAST} times as fast: {'met' if met else 'missed'}.")


if __name__ == "__main__":
    main()
