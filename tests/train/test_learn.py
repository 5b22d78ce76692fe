from dataclasses import replace
from pathlib import Path

import pytest

from edgeft.errors import FormatError
from edgeft.train.config import config_from
from edgeft.train.hardware import resolve_hardware
from edgeft.train.learn import Learned, learn
from edgeft.train.models import build_model
from edgeft.train.objectives import objective_named
from edgeft.train.prepare import Prepared, prepare
from edgeft.train.run import TrainResult


def learned_from(prepared: Prepared, root: Path) -> Learned:
    model = build_model(
        prepared.base, prepared.objective, prepared.labels, seed=prepared.recipe.seed
    )
    return learn(prepared, model, root)


def test_what_was_prepared_once_is_learned_from_many_times(
    options: dict[str, object], finished: TrainResult, tmp_path: Path
) -> None:
    prepared = prepare(config_from(options), resolve_hardware("cpu", "fp32", 1))
    first = learned_from(prepared, tmp_path / "first")
    slower = replace(prepared, recipe=replace(prepared.recipe, learning_rate=1e-4))
    other = learned_from(slower, tmp_path / "other")
    again = learned_from(prepared, tmp_path / "again")
    losses = [
        [point.train_loss for point in one.curve] for one in (finished.learned, first, other, again)
    ]
    assert losses[0] == losses[1] == losses[3] != losses[2]
    assert (first.validation, first.test) == (again.validation, again.test)
    assert (first.validation, first.test) == (finished.learned.validation, finished.learned.test)
    assert {path.name for path in tmp_path.iterdir()} == {"first", "other", "again"}


def test_a_task_that_nothing_trains() -> None:
    with pytest.raises(FormatError, match="no training for the task 'summarization'"):
        objective_named("summarization")
