"""What a run records, and its repetition."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from edgeft.errors import DataError, ModelError, UsageError
from edgeft.train.folder import free_sibling
from edgeft.train.record import changes_since, check_repeats, read_training
from edgeft.train.run import TrainResult, train
from tests.train.conftest import weights_of


def test_a_recorded_run_repeats_to_the_same_weights(finished: TrainResult, tmp_path: Path) -> None:
    recorded = read_training(finished.out / "training.json")
    config = recorded.config
    assert train(config, tmp_path / "again", repeats=recorded).document[
        "weights_sha256"
    ] == weights_of(finished.out)
    other = replace(config, recipe=replace(config.recipe, seed=1))
    assert train(other, tmp_path / "other").document["weights_sha256"] != weights_of(finished.out)


def test_a_repetition_starts_from_what_was_settled_then(
    finished: TrainResult, tmp_path: Path
) -> None:
    path = tmp_path / "training.json"
    document = json.loads(json.dumps(finished.document))
    document["recipe"]["warmup_share"] = 0.25  # as if the defaults had been others
    document["hold_out"] = 0.3
    path.write_text(json.dumps(document), encoding="utf-8")
    config = read_training(path).config
    assert document["config"]["warmup_share"] is None
    assert (config.recipe.warmup_share, config.data.hold_out) == (0.25, 0.3)
    assert config.recipe.max_length == document["recipe"]["max_length"]


def test_a_repetition_with_other_data_or_another_model_is_refused(finished: TrainResult) -> None:
    recorded = read_training(finished.out / "training.json")
    data, model = finished.document["data"]["fingerprint"], recorded.base_sha256 or ""
    check_repeats(recorded, recorded.config, data, model)
    with pytest.raises(DataError, match="are not those that") as caught:
        check_repeats(recorded, recorded.config, "sha256:0", model)
    assert "without --from: edgeft train" in caught.value.hint
    with pytest.raises(ModelError, match="is not the one that"):
        check_repeats(recorded, recorded.config, data, "0")
    check_repeats(recorded.without({"data", "model"}), recorded.config, "sha256:0", "0")
    with pytest.raises(DataError):  # neither of these changes which rows are read
        check_repeats(recorded.without({"seed", "hold_out"}), recorded.config, "sha256:0", model)


def test_other_versions_are_told(finished: TrainResult) -> None:
    recorded = read_training(finished.out / "training.json")
    assert changes_since(recorded) == []
    older = replace(recorded, packages={**recorded.packages, "torch": "1.0", "numpy": "1.0"})
    assert [one.split(", now ")[0] for one in changes_since(older)] == ["torch 1.0"]


def test_the_next_free_name(tmp_path: Path) -> None:
    (tmp_path / "b77-2").mkdir()
    (tmp_path / "b77-3.partial").mkdir()
    assert free_sibling(tmp_path / "b77") == tmp_path / "b77-4"


def test_a_record_of_another_version(finished: TrainResult, tmp_path: Path) -> None:
    """A field that is not there yet takes its default, one that is not there any more is told."""
    path = tmp_path / "training.json"
    for name in finished.document["recipe"]:
        document = json.loads(json.dumps(finished.document))
        del document["recipe"][name]
        document["config"].pop(name, None)
        path.write_text(json.dumps(document), encoding="utf-8")
        recorded = read_training(path)
        assert getattr(recorded.config.recipe, name) is None
        assert changes_since(recorded) == []
    for name in set(finished.document["config"]) - {"data"}:
        document = json.loads(json.dumps(finished.document))
        del document["config"][name]
        path.write_text(json.dumps(document), encoding="utf-8")
        read_training(path)
    document["recipe"]["momentum"] = 0.5
    document["config"]["colour"] = None
    path.write_text(json.dumps(document), encoding="utf-8")
    recorded = read_training(path)
    assert changes_since(recorded) == [
        "--colour None, unknown now", "--momentum 0.5, unknown now",
    ]  # fmt: skip
    assert recorded.config.recipe.seed == document["recipe"]["seed"]


def test_what_is_no_record(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text("{}")
    (tmp_path / "b.json").write_text("[]")
    (tmp_path / "c.json").write_text("[" * 100_000)
    for name, reason in {
        "a.json": "it has no 'config'",
        "b.json": "it is no JSON object",
        "c.json": "maximum recursion depth",
        "missing.json": "No such file",
    }.items():
        with pytest.raises(UsageError, match=f"is no record of a training run: {reason}"):
            read_training(tmp_path / name)
