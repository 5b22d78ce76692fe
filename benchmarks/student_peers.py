"""Other projects' students beside the static student and the cascade:
`python -m benchmarks.student_peers WORK CASE…`.

A CASE is a folder as benchmarks.cascades takes it, and what that makes is taken from WORK. Each
peer starts from the same MiniLM, learns from the rows of train.csv as its documentation shows, in
an environment of its own, and is trained once, in WORK. Accuracy is of test.csv, which chooses
nothing. Throughput is on its unique texts, in fresh processes each round, which take turns, on as
many threads; SetFit's batch size is the best for it, model2vec's its default.
"""

import argparse
import json
import operator
import os
import subprocess
import tempfile
from contextlib import ExitStack
from dataclasses import asdict
from pathlib import Path
from typing import Any

from benchmarks.cascades import accuracies, made
from benchmarks.compare import RESULTS, ROOT, Row, Side, row, write_texts
from benchmarks.peers import STUDENT_PEERS
from benchmarks.peers.__main__ import best_batch
from edgeft.bench.machine import describe_machine
from edgeft.bundle import read_manifest
from edgeft.tasks.classification import TASK
from edgeft.tasks.reading import read_examples
from edgeft.train.embedded import minilm_folder

SEARCH_TEXTS = 100  # by which a batch size is found
LONG = 128  # tokens
STEPS, LONG_STEPS = 100, 25  # of each of SetFit's trainings: some minutes on two cores
KEPT = ("teacher", "alone", "released")  # what SetFit's training leaves beside its student


def trained(name: str, case: Path, work: Path, threads: int, *, released: bool) -> dict[str, Any]:
    """What the training of a peer told, which runs where its record is not there."""
    out = work / case.name / name
    record = out.with_name(f"{name}.json")
    if not record.exists():
        peer = STUDENT_PEERS[name]
        length = json.loads((case / "teacher" / "training.json").read_text())["max_length"]
        command = [
            ROOT / peer.environment / "bin" / "python",
            ROOT / "benchmarks" / "peers" / f"{name}_train.py",
            minilm_folder(), case / "train.csv", out, "--threads", threads,
            "--seed", case.name.rpartition("-")[2], "--length", length,
            "--steps", LONG_STEPS if length > LONG else STEPS,
            *(["--released"] if released else []),
        ]  # fmt: skip
        out.parent.mkdir(parents=True, exist_ok=True)
        done = subprocess.run(
            [str(one) for one in command], check=True, text=True, stdout=subprocess.PIPE,
            env={**os.environ, "HF_HUB_OFFLINE": "1"},
        )  # fmt: skip
        record.write_text(done.stdout.splitlines()[-1] + "\n", encoding="utf-8")
    told: dict[str, Any] = json.loads(record.read_text(encoding="utf-8"))
    return told


def accuracy(name: str, folder: Path, variant: str, test: Path, threads: int) -> float:
    """The share of a file's rows that a peer labels right."""
    examples = read_examples(test, TASK)
    with tempfile.TemporaryDirectory() as scratch:
        texts = Path(scratch) / "texts.json"
        texts.write_text(json.dumps(list(examples.texts)), encoding="utf-8")
        with Side(name, folder, texts, threads, variant) as side:
            answers = side.ask("all", batch=None, labels=True)["labels"]
    wanted = examples.named()
    return float(sum(map(operator.eq, answers, wanted)) / len(wanted))


def measured(
    case: Path, folder: Path, student: str, threads: int, rounds: int
) -> tuple[dict[str, Row], dict[str, str]]:
    """How many times as quick as each peer the cascade and the student are; versions."""
    ours = {"cascade": ("edgeft", "cascade"), "student": ("edgeft", student)}
    theirs = {name: (name, peer.variant) for name, peer in STUDENT_PEERS.items()}
    seconds: dict[str, list[float]] = {name: [] for name in {**ours, **theirs}}
    versions: dict[str, str] = {}
    with tempfile.TemporaryDirectory() as scratch:
        _, search = write_texts(Path(scratch), case / "test.csv", SEARCH_TEXTS)
        _, texts = write_texts(Path(scratch), case / "test.csv", None)
        best = {"setfit": best_batch("setfit", folder, search, threads)}
        for number in range(rounds):
            turn = list({**ours, **theirs}.items())[:: (1, -1)[number % 2]]
            with ExitStack() as stack:
                sides = {
                    name: stack.enter_context(Side(kind, folder, texts, threads, variant))
                    for name, (kind, variant) in turn
                }
                for name, side in sides.items():
                    side.seconds(best.get(name))  # which warms it up
                    seconds[name].append(side.seconds(best.get(name)))
                    versions.update(side.versions)
    rows = {
        f"{our}, {their}": row(
            f"{case.name}, {our}, {STUDENT_PEERS[their].title}",
            list(zip(seconds[our], seconds[their], strict=True)), unit="s", at_least=1.0,
            note=f"batches of {best[their]}" if their in best else "",
        )
        for their in theirs for our in ours
    }  # fmt: skip
    return rows, versions


def figures(case: Path, work: Path, threads: int, rounds: int, last: str) -> dict[str, Any]:
    """Everything about one case; the peers are trained."""
    bundle = made(case, work, last)
    student = read_manifest(bundle).stages[0]
    test, place = case / "test.csv", work / case.name
    ours = json.loads((place / "student" / "training.json").read_text(encoding="utf-8"))
    found: dict[str, Any] = {
        "case": case.name,
        "last": last,
        "edgeft": {**accuracies(bundle, test), "student_seconds": ours["seconds"]},
    }
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        (folder / "bundle").symlink_to(bundle.resolve())
        for one in place.iterdir():
            if one.name.partition("-")[0] in STUDENT_PEERS and one.is_dir():
                (folder / one.name).symlink_to(one.resolve())
        for name, peer in STUDENT_PEERS.items():
            told = json.loads((place / f"{name}.json").read_text(encoding="utf-8"))
            told["accuracy"] = accuracy(name, folder, peer.variant, test, threads)
            for kept in KEPT:
                if (folder / f"{name}-{kept}").exists():
                    told[f"accuracy_{kept}"] = accuracy(
                        name, folder, f"{name}-{kept}", test, threads
                    )
            found[name] = told
        rows, found["versions"] = measured(case, folder, student, threads, rounds)
    found["rows_of"] = {name: asdict(one) for name, one in rows.items()}
    return found


def main() -> None:
    """Train, measure, print the table, keep it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("work", type=Path, help="folder for what is made")
    parser.add_argument("cases", type=Path, nargs="+", metavar="CASE")
    parser.add_argument("--last", default="fp32", help="the variant of the cascade's last stage")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--released", action="store_true",
                        help="train SetFit's student also as setfit 1.2.0 does")  # fmt: skip
    parser.add_argument("--only", choices=list(STUDENT_PEERS), action="append",
                        help="train these peers and measure nothing; repeatable")  # fmt: skip
    parser.add_argument("-o", "--out", type=Path, default=RESULTS / "student-peers.json")
    chosen = parser.parse_args()
    found: list[dict[str, Any]] = []
    for case in chosen.cases:
        for name in chosen.only or STUDENT_PEERS:
            trained(name, case, chosen.work, chosen.threads, released=chosen.released)
        if chosen.only:
            continue
        one = figures(case, chosen.work, chosen.threads, chosen.rounds, chosen.last)
        found.append(one)
        print(table([one]) if len(found) == 1 else _lines(one), flush=True)
        document = {"machine": describe_machine().to_dict(), "method": __doc__,
                    "threads": chosen.threads, "cases": found}  # fmt: skip
        chosen.out.parent.mkdir(parents=True, exist_ok=True)
        chosen.out.write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")


COLUMNS = ("case", "peer", "accuracy", "the cascade's", "the student's", "training",
           "the cascade is quicker", "the student is quicker")  # fmt: skip


def table(found: list[dict[str, Any]]) -> str:
    """The Markdown table: a line for each case and peer."""
    head = [f"| {' | '.join(COLUMNS)} |", "| --- " * len(COLUMNS) + "|"]
    return "\n".join([*head, *map(_lines, found)])


def _lines(one: dict[str, Any]) -> str:
    ours, lines = one["edgeft"], []
    for name, peer in STUDENT_PEERS.items():
        quicker = [_told(one["rows_of"][f"{our}, {name}"]) for our in ("cascade", "student")]
        cells = [one["case"], peer.title, f"{one[name]['accuracy']:.4f}",
                 f"{ours['cascade']:.4f}", f"{ours['student']:.4f}",
                 f"{one[name]['seconds']:.0f} s", *quicker]  # fmt: skip
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def _told(figure: dict[str, Any]) -> str:
    text = f"{figure['ratio']:.2f}"
    return text + (f" ({figure['low']:.2f} to {figure['high']:.2f})" if figure["low"] else "")


if __name__ == "__main__":
    main()
