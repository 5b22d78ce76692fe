"""Bundles of the tasks that only a server's tests ask in one process beside all others."""

from collections.abc import Callable
from pathlib import Path

import pytest

Make = Callable[[str, Callable[[Path], object]], Path]


@pytest.fixture(scope="session")
def encoder_bundle(made_once: Make) -> Path:
    """A tiny text encoder with two prompts, its vectors of length 1, as a bundle."""
    from tests import tiny
    from tests.exporting import ExportConfig, export

    checkpoint = made_once("encoder-checkpoint", tiny.sentences)
    return made_once("encoder-bundle", lambda out: export(ExportConfig(str(checkpoint), out)))


@pytest.fixture(scope="session")
def scorer_bundle(made_once: Make) -> Path:
    """A tiny model that gives a text or a pair one number, as a bundle."""
    from tests import tiny
    from tests.exporting import ExportConfig, export

    checkpoint = made_once("scorer-checkpoint", tiny.scorer)
    return made_once("scorer-bundle", lambda out: export(ExportConfig(str(checkpoint), out)))
