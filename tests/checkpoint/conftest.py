from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Change = Callable[[dict[str, Any]], dict[str, Any]]


@pytest.fixture(scope="session")
def encoder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A two-layer BERT encoder without a head."""
    from tests import tiny

    return tiny.encoder(tmp_path_factory.mktemp("encoder") / "tiny")
