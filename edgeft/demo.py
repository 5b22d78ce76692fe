"""The whole road on the embedded model and data: train, export, check, measure, compute less."""

import csv
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edgeft.data import Examples, stratified_split
from edgeft.errors import GateError, OutputError
from edgeft.folders import BUNDLE, CHECKPOINT, FolderKind, new_folder, write_json
from edgeft.folders.kinds import files_below
from edgeft.progress import Progress, silent

if TYPE_CHECKING:
    from edgeft.bench.run import BenchResult
    from edgeft.cascade.run import CascadeResult
    from edgeft.export.result import ExportResult
    from edgeft.train.run import TrainResult

__all__ = ["DemoResult", "run_demo"]

HELD_OUT = 0.2  # of the articles; they are reported on and choose nothing
MAX_LENGTH = 64  # tokens: an article's headline and first sentences tell its topic
EPOCHS = 3
MAX_DROP = 2.0  # points: a few hundred articles cannot settle half a one
ANY_DROP = 100.0  # points: a few dozen settle nothing at all
SMALL_DROP = 50.0  # points, which they can settle of a cascade
SMALL_SHARE = 0.1  # of the articles, for a demo that only shows that all works
SEED = 0
TRAIN, TEST = "train.csv", "test.csv"
RESULT, OF_CASCADE = "bench.json", "bench-cascade.json"
CHECKPOINTS, BUNDLES = ("checkpoint", "student"), ("bundle", "cascade")


@dataclass(frozen=True)
class DemoResult:
    """What each stage gave; everything lies in ``out``.

    cascade: of a student and the model, and its own ``cascade_bench``; None with the reason where
    there is none that keeps what is asked.
    """

    out: Path
    train: "TrainResult"
    export: "ExportResult"
    bench: "BenchResult"
    cascade: "CascadeResult | None" = None
    cascade_bench: "BenchResult | None" = None
    no_cascade: str = ""

    def to_dict(self) -> dict[str, Any]:
        """A JSON-ready dictionary of the stages' own."""
        return {
            "out": str(self.out),
            "train": self.train.document,
            "export": self.export.to_dict(),
            "bench": self.bench.to_dict(),
            "cascade": self.cascade.to_dict() if self.cascade else None,
            "cascade_bench": self.cascade_bench.to_dict() if self.cascade_bench else None,
            "no_cascade": self.no_cascade,
        }


def run_demo(
    out: Path, *, small: bool = False, force: bool = False, progress: Progress = silent
) -> DemoResult:
    """Fine-tune MiniLM on BBC News, export, quantize, verify and benchmark it in ``out``, and put a
    student of it before it.

    Duplicates are dropped first; then a fifth of the articles, in proportion to
    the topics, goes to test.csv and the rest to train.csv. ``small`` takes few
    articles and one epoch. Raises what the stages raise, and then leaves nothing.
    """
    from edgeft.train.embedded import bbc_news

    articles = bbc_news()
    if small:
        articles = articles.subset(stratified_split(articles.named(), SMALL_SHARE, seed=SEED)[1])
    kept, held = stratified_split(articles.named(), HELD_OUT, seed=SEED)
    with new_folder(out, DEMO, force=force) as folder:
        _write_csv(folder / TRAIN, articles.subset(kept))
        _write_csv(folder / TEST, articles.subset(held))
        try:
            return _stages(folder, out, small=small, progress=progress)
        except OutputError as error:  # of a hidden folder, which is gone by now
            raise OutputError(
                error.message.replace(str(folder), str(out)),
                hint="Nothing was changed. Free some space or name another place with -o.",
            ) from error


def _stages(folder: Path, out: Path, *, small: bool, progress: Progress) -> DemoResult:
    """Run all stages in ``folder``, which is to become ``out``."""
    from edgeft.bench.run import BenchConfig, bench
    from edgeft.export.run import ExportConfig, export
    from edgeft.train.config import DataConfig, TrainConfig
    from edgeft.train.recipe import RecipeChoice
    from edgeft.train.run import train
    from edgeft.train.save import TRAINING_FILE

    train_csv, test_csv = folder / TRAIN, folder / TEST
    config = TrainConfig(
        data=DataConfig(data=str(train_csv), test=str(test_csv)),
        recipe=RecipeChoice(epochs=1 if small else EPOCHS, max_length=MAX_LENGTH, seed=SEED),
    )
    trained = train(config, folder / "checkpoint", progress=progress)
    exported = export(
        ExportConfig(
            checkpoint=str(folder / "checkpoint"),
            out=folder / "bundle",
            data=test_csv,
            max_drop=ANY_DROP if small else MAX_DROP,
        ),
        progress,
    )
    measured = bench(
        BenchConfig(
            bundle=folder / "bundle",
            data=test_csv,
            rounds=1 if small else 6,
            samples=300 if small else 1200,
        ),
        progress,
    )
    write_json(folder / RESULT, measured.to_dict())
    trained = _where_it_will_lie(trained, folder, out)
    write_json(folder / "checkpoint" / TRAINING_FILE, trained.document)
    result = DemoResult(
        out,
        trained,
        replace(exported, out=out / "bundle"),
        replace(measured, config=replace(measured.config, bundle=out / "bundle")),
    )
    try:
        return _with_cascade(result, folder, small=small, progress=progress)
    except GateError as error:
        return replace(result, no_cascade=error.message)


def _with_cascade(
    result: DemoResult, folder: Path, *, small: bool, progress: Progress
) -> DemoResult:
    """Distil a student, and let it answer what it is sure of. Raises GateError where that is of no
    use.
    """
    from edgeft.bench.run import BenchConfig, bench
    from edgeft.cascade.run import CascadeConfig, cascade
    from edgeft.distill.run import DistillConfig, distill
    from edgeft.train.config import DataConfig
    from edgeft.train.recipe import RecipeChoice

    distill(
        DistillConfig(
            str(folder / "checkpoint"),
            folder / "student",
            DataConfig(data=str(folder / TRAIN), test=str(folder / TEST)),
            recipe=RecipeChoice(epochs=1 if small else None, seed=SEED),
        ),
        progress=progress,
    )
    both = cascade(
        CascadeConfig(
            (str(folder / "student"), f"{folder / 'bundle'}=fp32"),
            folder / "cascade",
            data=folder / TEST,
            max_drop=SMALL_DROP if small else MAX_DROP,
            seed=SEED,
        ),
        progress,
    )
    measured = bench(
        BenchConfig(
            bundle=folder / "cascade",
            data=folder / TEST,
            variants=("cascade",),
            rounds=1 if small else 6,
            samples=300 if small else 1200,
        ),
        progress,
    )
    write_json(folder / OF_CASCADE, measured.to_dict())
    place = result.out / "cascade"
    return replace(
        result,
        cascade=replace(both, out=place),
        cascade_bench=replace(measured, config=replace(measured.config, bundle=place)),
    )


def _where_it_will_lie(trained: "TrainResult", folder: Path, out: Path) -> "TrainResult":
    """The training's record with the paths that its data have when all is done."""
    data = {"data": str(out / TRAIN), "test": str(out / TEST)}
    document = {**trained.document, "config": {**trained.document["config"], **data}}
    return replace(trained, out=out / trained.out.relative_to(folder), document=document)


def _write_csv(path: Path, examples: Examples) -> None:
    with path.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(["text", "label"])
        writer.writerows(zip(examples.texts, examples.named(), strict=True))


def _foreign(folder: Path) -> list[str] | None:
    """What in a demo's folder no demo wrote."""
    found = []
    for kind, names in ((CHECKPOINT, CHECKPOINTS), (BUNDLE, BUNDLES)):
        for name in names:
            if name not in NEEDED and not (folder / name).exists():
                continue
            inside = kind.foreign(folder / name)
            if inside is None:
                return None
            found += [f"{name}/{one}" for one in inside]
    known = tuple(f"{one}/" for one in (*CHECKPOINTS, *BUNDLES))
    rest = (one for one in files_below(folder) if not one.startswith(known))
    return [*found, *(one for one in rest if one not in (TRAIN, TEST, RESULT, OF_CASCADE))]


NEEDED = (CHECKPOINTS[0], BUNDLES[0])  # a demo may find no cascade
DEMO = FolderKind("a demo's folder", _foreign)
