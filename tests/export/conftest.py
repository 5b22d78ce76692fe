"""What tests of the export share: labelled rows, and a model that plain int8 ruins."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import edgeft
import edgeft.export.factory
import edgeft.export.ladder
import edgeft.export.run
from edgeft.checkpoint.open import open_checkpoint
from edgeft.export.run import ExportConfig
from tests import tiny
from tests.originals import torch_logits
from tests.train.conftest import rows, write_csv

SECRET = "zebra quartz"


def config(checkpoint: Path, out: Path, **changes: object) -> ExportConfig:
    return replace(ExportConfig(str(checkpoint), out), **changes)  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory, tiny_bundle: Path) -> Path:
    """90 rows with the labels that fp32 gives, and a text that must not be told."""
    texts = [text for text, _ in rows(89)] + [SECRET]
    with edgeft.load(tiny_bundle, device="cpu", variant="fp32") as model:
        labels = [one.label for one in model.predict(texts)]
    path = tmp_path_factory.mktemp("private") / "d.csv"
    return write_csv(path, zip(texts, labels, strict=True))


@pytest.fixture
def outlier(tiny_checkpoint: Path, tmp_path: Path) -> Path:
    return tiny.outlier(tiny_checkpoint, tmp_path / "outlier")


@pytest.fixture
def exact(outlier: Path, tmp_path: Path) -> Path:
    """Rows with the very labels that the outlier model's original gives, each a clear answer."""
    texts = [text for text, _ in rows(4000)]
    checkpoint = open_checkpoint(str(outlier))
    logits = torch_logits(checkpoint, texts)
    low, high = np.sort(logits, axis=1)[:, -2:].T
    clear = np.flatnonzero(high - low > 0.4)
    assert len(clear) > 300
    best = [checkpoint.labels[at] for at in logits.argmax(axis=1)]
    return write_csv(tmp_path / "exact.csv", [(texts[at], best[at]) for at in clear])
