"""The stages as a program calls them: (files, out, progress), on files that a test made.

`python -m tests.stages FILES OUT` runs them one after the other in a process that has
imported nothing yet, and prints what each left changed.
"""

import asyncio
import contextlib
import json
import sys
from collections.abc import Callable
from pathlib import Path

import edgeft
from tests import process_state

__all__ = ["STAGES", "Progress", "Stage", "Stop", "goes_on", "left_changed", "small_demo", "stops"]


class Stop(BaseException):
    """What no stage expects, as Ctrl-C is."""


Progress = Callable[[str, int, int], None]
Stage = Callable[[Path, Path, Progress], object]


def goes_on(step: str, done: int, total: int) -> None: ...


def stops(step: str, done: int, total: int) -> None:
    raise Stop


def train(files: Path, out: Path, progress: Progress) -> None:
    import torch

    from edgeft.train.config import DataConfig, TrainConfig
    from edgeft.train.recipe import RecipeChoice
    from edgeft.train.run import train

    config = TrainConfig(
        data=DataConfig(data=str(files / "data.csv")),
        model=str(files / "encoder"),
        recipe=RecipeChoice(epochs=1, seed=3),
        threads=2 if torch.get_num_threads() == 1 else 1,
        precision="bf16",
    )
    train(config, out / "run", progress=progress)


def train_on_the_hub(files: Path, out: Path, progress: Progress) -> None:
    from edgeft.train.config import DataConfig, TrainConfig
    from edgeft.train.run import train

    train(TrainConfig(data=DataConfig(data="nobody/nothing")), out / "run", progress=progress)


def export(files: Path, out: Path, progress: Progress) -> None:
    from edgeft.export.run import ExportConfig, export

    config = ExportConfig(
        str(files / "checkpoint"),
        out / "bundle",
        variants=("all",),
        data=files / "data.csv",
        max_drop=100,
        single_file="fp32",
    )
    export(config, progress)


def trim(files: Path, out: Path, progress: Progress) -> None:
    from edgeft.trim.run import TrimConfig, trim

    config = TrimConfig(str(files / "checkpoint"), out / "small", files / "data.csv", max_drop=100)
    trim(config, progress)


def predict(files: Path, out: Path, progress: Progress) -> None:
    async def together(model: edgeft.Model) -> None:
        await asyncio.gather(*(model.apredict("the cat") for _ in range(3)))

    with edgeft.load(files / "bundle", device="cpu", variant="fp32") as model:
        assert len(list(model.stream(["rain fell"] * 5000))) == 5000
        for _ in model.stream(["rain fell"] * 5000):
            progress("predicting", 1, 2)
            break
        asyncio.run(together(model))
        model.predict(None)  # type: ignore[call-overload]


def verify(files: Path, out: Path, progress: Progress) -> None:
    from edgeft.proof.battery import verify

    assert verify(files / "bundle", device="cpu", progress=progress)


def bench(files: Path, out: Path, progress: Progress) -> None:
    from edgeft.bench.matrix import BenchConfig
    from edgeft.bench.run import bench

    bench(BenchConfig(files / "bundle", variants=("fp32",), samples=4, rounds=1), progress)


def small_demo(files: Path, out: Path, progress: Progress) -> None:
    from edgeft.demo import run_demo

    run_demo(out / "demo", small=True, progress=progress)


STAGES = (train, train_on_the_hub, export, trim, predict, verify, bench)


def left_changed(
    stage: Callable[[], object], look: Callable[[process_state.State | None], process_state.State]
) -> list[str]:
    """What differs for ``look`` after the stage, which may raise what callers expect."""
    before = look(None)
    with contextlib.suppress(edgeft.EdgeftError, Stop, TypeError):
        stage()
    return process_state.changes(before, look(before))


if __name__ == "__main__":
    print(
        json.dumps(
            {
                one.__name__: left_changed(
                    lambda one=one: one(Path(sys.argv[1]), Path(sys.argv[2]), goes_on),  # type: ignore[misc]
                    lambda _: process_state.everyday(),
                )
                for one in STAGES
            }
        )
    )
