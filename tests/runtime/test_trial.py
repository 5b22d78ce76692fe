"""A short trial of variants, on a clock of its own."""

from dataclasses import replace
from pathlib import Path

import pytest

from edgeft.bundle import read_manifest
from edgeft.integrity import FileRecord
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
