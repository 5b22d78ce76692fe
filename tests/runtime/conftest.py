from collections.abc import Sequence
from pathlib import Path

import pytest

from tests import tiny
from tests.cascades import Step, cascade
from tests.conftest import Make
from tests.exporting import ExportConfig, export
from tests.runtime.asking import middle


@pytest.fixture(scope="session")
def cheap_bundle(made_once: Make) -> Path:
    """Another model of the same labels, which knows less of a text: 32 tokens."""

    def write(out: Path) -> None:
        checkpoint = tiny.bert(out.parent / "checkpoint", seed=3, positions=32)
        export(ExportConfig(str(checkpoint), out))

    return made_once("cheap-bundle", write)


@pytest.fixture(scope="session")
def below(cheap_bundle: Path) -> float:
    return middle(cheap_bundle)


@pytest.fixture(scope="session")
def folder(made_once: Make, cheap_bundle: Path, tiny_bundle: Path, below: float) -> Path:
    """A cheap model where it is sure, else the full one."""
    steps: Sequence[Step] = [("cheap", "fp32", below), ("main", "fp32", None)]
    bundles = {"cheap": cheap_bundle, "main": tiny_bundle}
    return made_once("cascade-bundle", lambda out: cascade(out, bundles, steps))
