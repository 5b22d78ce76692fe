"""A short trial of variants, on a clock of its own."""

import json
import os
from dataclasses import replace
from pathlib import Path

import pytest

from edgeft import load
from edgeft.bundle import read_manifest
from edgeft.bundle.integrity import FileRecord
from edgeft.runtime import trial
from edgeft.runtime.trial import BUDGET_S, LEAST, MOST_BYTES, candidates, try_out


class Machine:
    """Sides take the time that they are told to."""

    def __init__(self) -> None:
        self.now = 0.0
        self.texts: list[str] = []

    def clock(self) -> float:
        return self.now

    def take(self, seconds: float, first: float = 0.0) -> object:
        began = [first]

        def side(text: str) -> None:
            self.texts.append(text)
            self.now += seconds + (began.pop() if began else 0.0)

        return side


def test_each_side_gets_its_median_and_the_first_text_is_not_counted() -> None:
    machine = Machine()
    sides = {"fp32": machine.take(0.004, first=1e-4), "int8": machine.take(0.003, first=0.05)}
    found = try_out(sides, ["a", "b"], clock=machine.clock)  # type: ignore[arg-type]
    assert found == {"fp32": pytest.approx(4.0), "int8": pytest.approx(3.0)}
    assert BUDGET_S < machine.now < BUDGET_S + 0.1


def test_a_slow_machine_answers_few_texts_and_all_sides_the_same() -> None:
    machine = Machine()
    sides = {"fp32": machine.take(1.0), "int8": machine.take(2.0)}
    found = try_out(sides, ["a", "b"], clock=machine.clock)  # type: ignore[arg-type]
    assert found == {"fp32": pytest.approx(1000.0), "int8": pytest.approx(2000.0)}
    assert len(machine.texts) == 2 * (LEAST + 1)
    assert machine.texts.count("a") == machine.texts.count("b")


def test_what_is_tried(tiny_bundle: Path) -> None:
    manifest = read_manifest(tiny_bundle)
    assert candidates(manifest, "cpu") == ("fp32", "int8")
    assert candidates(manifest, "cuda") == ()
    path = manifest.model.variants["fp32"].files["model"]
    large = {**manifest.files, path: FileRecord("", MOST_BYTES + 1)}
    assert candidates(replace(manifest, files=large), "cpu") == ()


# --- at a first load -------------------------------------------------------------------


def kept(cache: Path) -> list[str]:
    """The variants of each trial that a cache holds."""
    files = (cache / "measurements").glob("*.json")
    return [one["variant"] for path in files for one in json.loads(path.read_text())["trial"]]


@pytest.mark.parametrize("quicker", ["fp32", "int8"])
def test_the_first_load_tries_and_later_ones_know(
    tiny_bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, quicker: str
) -> None:
    monkeypatch.setenv("EDGEFT_CACHE", str(tmp_path))
    tried: list[set[str]] = []

    def on_this_machine(sides: dict[str, object], texts: object) -> dict[str, float]:
        tried.append(set(sides))
        return {name: 1.0 if name == quicker else 2.0 for name in sides}

    monkeypatch.setattr(trial, "try_out", on_this_machine)
    for _ in range(2):
        with load(tiny_bundle) as model:
            assert model.variant == quicker
            assert model.predict("the cat").label in model.labels
    assert tried == [{"fp32", "int8"}]
    assert sorted(kept(tmp_path)) == ["fp32", "int8"]


def test_the_real_trial_takes_one_of_the_two_and_keeps_its_times(
    tiny_bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EDGEFT_CACHE", str(tmp_path))
    with load(tiny_bundle) as model:
        assert model.variant in ("fp32", "int8")
    assert sorted(kept(tmp_path)) == ["fp32", "int8"]


def test_a_named_variant_and_a_place_without_a_cache_try_nothing(
    tiny_bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trial, "try_out", lambda sides, texts: pytest.fail("tried"))
    monkeypatch.setenv("EDGEFT_CACHE", str(tmp_path / "cache"))
    load(tiny_bundle, variant="fp32").close()
    assert not (tmp_path / "cache").exists()
    monkeypatch.setenv("EDGEFT_CACHE", os.devnull)
    load(tiny_bundle).close()
