"""Students and cascades against their teachers: `python -m benchmarks.cascades WORK CASE…`.

A CASE is a folder called NAME-SEED with `teacher`, a checkpoint, and train.csv, choose.csv and
test.csv: the student learns from the first, the threshold is set on the second, figures are of the
third. Of the lines of unlabelled.txt, where there is one, the student learns what the teacher says.
Where there is `half`, a checkpoint of half the teacher's layers, it stands beside, too. Each
cascade is the quickest whose loss is proven to be within the bar; where the rows cannot prove that,
as of a bar of no loss at all, the safest that is as quick as the bar asks. It is made once, in
WORK. Speed is that of fresh processes which take turns, on the unique texts of test.csv; cascade,
student and fp32 are of one bundle. With --peers cascades also take turns with others that run the
teacher, each at its own best batch size.
"""

import argparse
import json
import statistics
import tempfile
from collections import defaultdict
from contextlib import ExitStack, suppress
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from benchmarks.compare import RESULTS, Row, Side, alternate, latency, row, write_texts
from benchmarks.model import plain_graph
from benchmarks.peers import PEERS
from benchmarks.peers.__main__ import best_batch
from edgeft import load
from edgeft.bench.machine import describe_machine
from edgeft.bundle import read_manifest
from edgeft.cascade.run import CascadeConfig, cascade
from edgeft.distill.run import DistillConfig, distill
from edgeft.errors import GateError
from edgeft.export.run import ExportConfig, export
from edgeft.proof.battery import evaluate
from edgeft.tasks import task_named
from edgeft.tasks.reading import read_examples
from edgeft.train.config import DataConfig
from edgeft.train.recipe import RecipeChoice

# By data: how many times as quick as fp32 the cascade is to be, and the points that it may lose.
BARS = {"banking77": (6.0, 0.0), "sms_spam": (10.0, 0.2), "bbc": (8.0, 0.3), "sst2": (2.0, 0.5)}
ROOM = 1.05  # more speed than the bar is asked for, as texts differ
SINGLE = 0.4  # of fp32's time for a single text
STUDENT = 20.0  # times fp32's speed
HALF = (1.8, 1.0)  # half the layers: times fp32's speed, and the points that it may lose
AGAINST = {"transformers": 10.0, "openvino-int8": 3.0}  # times their speed, the geometric mean
PEERS_TEXTS, SEARCH_TEXTS = 400, 100  # that peers answer, and those by which a batch size is found
CALIBRATION = 400  # texts of train that OpenVINO's int8 is set by
FULL = "main"


def made(case: Path, work: Path, last: str) -> Path:
    """The cascade's bundle for a case, made where it is not there; its last stage is ``last``."""
    name, _, seed = case.name.rpartition("-")
    folder = work / case.name
    student, full, bundle = folder / "student", folder / "full", folder / f"cascade-{last}"
    if not student.exists():
        data = DataConfig(str(case / "train.csv"))
        more = case / "unlabelled.txt"
        distill(DistillConfig(str(case / "teacher"), student, data,
                              unlabelled=(more,) if more.exists() else (),
                              recipe=RecipeChoice(seed=int(seed))))  # fmt: skip
    for checkpoint, out, variants in (
        (student, folder / "student-bundle", ("int8-vectors",)),
        (case / "teacher", full, tuple(dict.fromkeys(("fp32", last)))),
    ):
        if not out.exists():
            export(ExportConfig(str(checkpoint), out, data=case / "choose.csv",
                                variants=variants, max_drop=100))  # fmt: skip
    if not bundle.exists():
        stages = (f"{folder / 'student-bundle'}=int8-vectors", f"{full}={last}")
        asked = CascadeConfig(stages, bundle, data=case / "choose.csv", test=case / "test.csv")
        times, points = BARS[name]
        quick = 0.0
        if points:
            with suppress(GateError):
                quick = cascade(replace(asked, max_drop=points)).times_as_fast
        if quick < times:
            cascade(replace(asked, speedup=times * ROOM, force=True))
    return bundle


def halved(case: Path, work: Path, texts: Path, threads: int, rounds: int) -> dict[str, Any]:
    """Half the layers against the whole, both in fp32: accuracy on the test rows and throughput."""
    folder = work / case.name / "halved"
    bundle, full = folder / "bundle", work / case.name / "full"
    if not bundle.exists():
        export(ExportConfig(str(case / "half"), bundle, data=case / "choose.csv",
                            variants=("fp32",), max_drop=100))  # fmt: skip
    with tempfile.TemporaryDirectory() as scratch:
        whole = Path(scratch)
        (whole / "bundle").symlink_to(full.resolve())
        with (
            Side("edgeft", folder, texts, threads) as ours,
            Side("edgeft", whole, texts, threads) as theirs,
        ):
            ours.seconds(), theirs.seconds()
            pairs = alternate(ours.seconds, theirs.seconds, rounds)
    with load(bundle, device="cpu", variant="fp32") as model:
        finding = evaluate(model, read_examples(case / "test.csv", model.task))
    assert finding.scores is not None
    times = row(f"{case.name}, throughput of half the layers", pairs, unit="s", at_least=HALF[0])
    return {"accuracy": finding.scores.figure("accuracy"), "throughput": asdict(times)}


def against(
    case: Path, bundle: Path, work: Path, last: str, threads: int, rounds: int
) -> dict[str, Row]:
    """Throughput of the cascade against the peers that run its teacher."""
    folder = work / case.name / f"peers-{last}"
    if not folder.exists():
        folder.mkdir(parents=True)
        (folder / "checkpoint").symlink_to((case / "teacher").resolve())
        (folder / "bundle").symlink_to(bundle.resolve())
        plain_graph(folder / "checkpoint", folder / "plain")
        write_texts(folder, case / "train.csv", CALIBRATION)[1].rename(folder / "calibration.json")
    rows = {}
    with tempfile.TemporaryDirectory() as scratch:
        _, search = write_texts(Path(scratch), case / "test.csv", SEARCH_TEXTS)
        best = {name: best_batch(name, folder, search, threads) for name in AGAINST}
        _, texts = write_texts(Path(scratch), case / "test.csv", PEERS_TEXTS)
        for name, bar in AGAINST.items():
            with (
                Side("edgeft", folder, texts, threads, "cascade") as ours,
                Side(name, folder, texts, threads, PEERS[name].variant) as theirs,
            ):
                pairs = alternate(
                    ours.seconds, lambda side=theirs, at=best[name]: side.seconds(at), rounds
                )
            rows[name] = row(f"{case.name}, {PEERS[name].title}", pairs, unit="s", at_least=bar,
                             note=f"batches of {best[name]}")  # fmt: skip
    return rows


def accuracies(bundle: Path, test: Path) -> dict[str, Any]:
    """Accuracy on the test rows of the cascade, the student and the teacher's fp32."""
    manifest = read_manifest(bundle)
    student = manifest.stages[0]
    examples = read_examples(test, task_named(manifest.model.task))
    found: dict[str, Any] = {"rows": len(examples)}
    for title, variant in (("cascade", "cascade"), ("student", student), ("fp32", "fp32")):
        with load(bundle, device="cpu", variant=variant) as model:
            finding = evaluate(model, examples)
            assert finding.scores is not None
            found[title] = finding.scores.figure("accuracy")
            if title == "cascade":
                told = [one.stage for one in model.predict(examples.inputs)]
                found["stays"] = told.count(student) / len(told)
    return found


def measured(case: Path, bundle: Path, texts: Path, threads: int, rounds: int) -> list[Row]:
    """Throughput and single texts of the cascade against fp32, and the student's throughput."""
    name = case.name.rpartition("-")[0]
    student = read_manifest(bundle).stages[0]
    with tempfile.TemporaryDirectory() as scratch, ExitStack() as stack:
        place = Path(scratch)
        (place / "bundle").symlink_to(bundle.resolve())
        sides = {
            variant: stack.enter_context(Side("edgeft", place, texts, threads, variant))
            for variant in ("cascade", "fp32", student)
        }
        for side in sides.values():
            side.seconds()
        whole = sides["fp32"]
        times = [
            {name: side.seconds() for name, side in turn}
            for turn in (list(sides.items())[:: (1, -1)[at % 2]] for at in range(rounds))
        ]
        rows = [
            row(f"{case.name}, throughput of the {what}",
                [(one[variant], one["fp32"]) for one in times], unit="s", at_least=bar)
            for what, variant, bar in (
                ("cascade", "cascade", BARS[name][0]), ("student", student, STUDENT)
            )
        ]  # fmt: skip
        rows.append(latency(sides["cascade"], whole, f"{case.name}, single text of the cascade",
                            rounds, at_most=SINGLE))  # fmt: skip
    return rows


def main() -> None:
    """Make, measure, print the tables, keep them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("work", type=Path, help="folder for what is made")
    parser.add_argument("cases", type=Path, nargs="+", metavar="CASE")
    parser.add_argument("--last", default="fp32", help="the variant of the last stage")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--only-make", action="store_true", help="measure nothing yet")
    parser.add_argument("--peers", metavar="SEED", help="of which cases stand beside others, too")
    parser.add_argument("-o", "--out", type=Path, default=RESULTS / "cascades.json")
    chosen = parser.parse_args()
    found: list[dict[str, Any]] = []
    for case in chosen.cases:
        bundle = made(case, chosen.work, chosen.last)
        if chosen.only_make:
            continue
        with tempfile.TemporaryDirectory() as scratch:
            _, texts = write_texts(Path(scratch), case / "test.csv", None)
            rows = measured(case, bundle, texts, chosen.threads, chosen.rounds)
            half = (
                halved(case, chosen.work, texts, chosen.threads, chosen.rounds)
                if (case / "half").exists()
                else None
            )
        size = sum(one.bytes for one in read_manifest(bundle).files.values())
        accuracy = accuracies(bundle, case / "test.csv")
        one = {"case": case.name, "last": chosen.last, "bytes": size, **accuracy,
               "rows_of": [asdict(each) for each in rows], "half": half}  # fmt: skip
        if case.name.endswith(f"-{chosen.peers}"):
            others = against(case, bundle, chosen.work, chosen.last, chosen.threads, 3)
            one["peers"] = {name: asdict(each) for name, each in others.items()}
        found.append(one)
        print(_line(one), flush=True)
        document = {"machine": describe_machine().to_dict(), "method": __doc__, "cases": found}
        chosen.out.parent.mkdir(parents=True, exist_ok=True)
        chosen.out.write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")
    print_means(found)


COLUMNS = ("case", "stays with the student", "times as quick", "single text", "student alone",
           "accuracy", "fp32's", "student's")  # fmt: skip


def _line(one: dict[str, Any]) -> str:
    quick, student, single = (each["ratio"] for each in one["rows_of"])
    cells = [one["case"], f"{one['stays']:.1%}", f"{quick:.2f}", f"{single:.2f}", f"{student:.1f}",
             f"{one['cascade']:.4f}", f"{one['fp32']:.4f}", f"{one['student']:.4f}"]  # fmt: skip
    return f"| {' | '.join(cells)} |"


def print_means(found: list[dict[str, Any]]) -> None:
    """Over seeds: mean and spread of speed and of points lost, against the bars."""
    by_data = defaultdict(list)
    for one in found:
        by_data[one["case"].rpartition("-")[0]].append(one)
    print("\n| data | seeds | times as quick | bar | points lost | bar |")
    print("| --- | --- | --- | --- | --- | --- |")
    for name, some in by_data.items():
        quick = [one["rows_of"][0]["ratio"] for one in some]
        lost = [100 * (one["fp32"] - one["cascade"]) for one in some]
        print(f"| {name} | {len(some)} | {_spread(quick)} | at least {BARS[name][0]:g} | "
              f"{_spread(lost)} | at most {BARS[name][1]:g} |")  # fmt: skip
        halves = [one for one in some if one["half"]]
        if halves:
            quick = [one["half"]["throughput"]["ratio"] for one in halves]
            lost = [100 * (one["fp32"] - one["half"]["accuracy"]) for one in halves]
            print(f"| {name}, half the layers | {len(halves)} | {_spread(quick)} | at least "
                  f"{HALF[0]:g} | {_spread(lost)} | at most {HALF[1]:g} |")  # fmt: skip
    for peer, bar in AGAINST.items():
        ratios = [one["peers"][peer]["ratio"] for one in found if peer in one.get("peers", {})]
        if ratios:
            told = ", ".join(f"{one:.1f}" for one in ratios)
            mean = statistics.geometric_mean(ratios)
            print(f"\nAgainst {PEERS[peer].title}: {mean:.1f} times as quick (geometric mean of "
                  f"{told}; at least {bar:g}).")  # fmt: skip


def _spread(some: list[float]) -> str:
    return f"{statistics.mean(some):.2f} ({min(some):.2f} to {max(some):.2f})"


if __name__ == "__main__":
    main()
