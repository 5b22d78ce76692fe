"""What training runs reached: `python benchmarks/summary.py RUN… -o results/recipes.json`.

Each RUN is a folder that `edgeft train` wrote. Prints a Markdown table and keeps
the figures; run it on the machine that trained, since it describes its own.
"""

import argparse
import json
from pathlib import Path
from typing import Any

from edgeft.bench.machine import describe_machine

COLUMNS = ("run", "train rows", "classes", "epochs", "kept", "test rows", "accuracy", "macro F1",
           "minutes", "threads")  # fmt: skip
TEST_FIGURES = ("rows", "accuracy", "accuracy_interval_95", "macro_f1")


def summary(run: Path) -> dict[str, Any]:
    """The figures of one run's training.json."""
    training = json.loads((run / "training.json").read_text(encoding="utf-8"))
    test = training["test"]
    return {
        "name": run.name,
        "recipe": training["recipe"],
        "rows": training["data"]["report"]["rows"],
        "classes": len(training["labels"]),
        "curve": training["curve"],
        "best_epoch": training["best_epoch"],
        "test": {key: test[key] for key in TEST_FIGURES},
        "seconds": training["seconds"],
        "threads": training["threads"],
        "device": training["device"],
        "packages": training["packages"],
        "weights_sha256": training["weights_sha256"],
    }


def row(one: dict[str, Any]) -> list[str]:
    """One run's line of the table."""
    test = one["test"]
    return [
        one["name"],
        f"{one['rows']['train']:,}",
        str(one["classes"]),
        str(len(one["curve"])),
        str(one["best_epoch"]),
        f"{test['rows']:,}",
        f"{test['accuracy']:.4f}",
        f"{test['macro_f1']:.4f}",
        f"{one['seconds'] / 60:.1f}",
        str(one["threads"]),
    ]


def main() -> None:
    """Print the table and write the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("runs", nargs="+", type=Path)
    parser.add_argument("-o", "--out", type=Path, required=True)
    arguments = parser.parse_args()
    runs = [summary(run) for run in arguments.runs]
    for line in (list(COLUMNS), ["---"] * len(COLUMNS), *map(row, runs)):
        print("| " + " | ".join(line) + " |")
    document = {"machine": describe_machine().to_dict(), "runs": runs}
    arguments.out.parent.mkdir(parents=True, exist_ok=True)
    arguments.out.write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
