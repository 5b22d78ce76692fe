"""Where training runs, as launchers and shells say it."""

import pytest

from edgeft.errors import UsageError
from edgeft.train.hardware import alone, is_main_process, resolve_hardware

LAUNCHER = ("RANK", "WORLD_SIZE", "LOCAL_RANK", "LOCAL_WORLD_SIZE", "MASTER_ADDR", "MASTER_PORT")


@pytest.fixture(autouse=True)
def without_a_launcher(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in LAUNCHER:
        monkeypatch.delenv(name, raising=False)


def test_empty_variables_are_none(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in LAUNCHER:
        monkeypatch.setenv(name, "")
    found = resolve_hardware("cpu", "auto")
    assert (found.rank, found.processes, found.is_main) == (0, 1, True)
    assert found.threads >= 1
    assert is_main_process()


@pytest.mark.parametrize(
    ("features", "precision"),
    [({"avx2", "avx512f", "amx_bf16"}, "bf16"), ({"avx2", "avx512f", "vnni"}, "fp32")],
)
def test_a_cpu_trains_in_bf16_where_it_multiplies_in_it(
    monkeypatch: pytest.MonkeyPatch, features: set[str], precision: str
) -> None:
    monkeypatch.setattr("edgeft.train.hardware.cpu_features", lambda: features)
    assert resolve_hardware("cpu", "auto").precision == precision
    assert resolve_hardware("cpu", "fp32").precision == "fp32"


def test_libraries_are_told_what_empty_variables_stand_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert alone() == {}
    monkeypatch.setenv("RANK", "")
    monkeypatch.setenv("LOCAL_RANK", " ")
    monkeypatch.setenv("WORLD_SIZE", "1")
    # As accelerate reads them where they are not set.
    assert alone() == {"RANK": "0", "LOCAL_RANK": "-1"}


@pytest.mark.parametrize("name", LAUNCHER[:4])
@pytest.mark.parametrize("value", ["x", "-1", "1.5", "9" * 5000, "٣x"])
def test_what_is_no_number_is_refused_by_name(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(UsageError, match=f"variable {name} is ") as caught:
        resolve_hardware("cpu", "auto")
    assert "unset" in caught.value.hint


@pytest.mark.parametrize("name", ["WORLD_SIZE", "LOCAL_WORLD_SIZE"])
def test_no_process_at_all_is_no_number_of_them(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setenv(name, "0")
    with pytest.raises(UsageError, match=name):
        resolve_hardware("cpu", "auto")


@pytest.mark.parametrize("lacking", ["RANK", "MASTER_ADDR", "MASTER_PORT"])
def test_half_a_launcher_is_refused(monkeypatch: pytest.MonkeyPatch, lacking: str) -> None:
    for name, value in zip(LAUNCHER, ("1", "2", "1", "2", "localhost", "29500"), strict=True):
        monkeypatch.setenv(name, value)
    assert resolve_hardware("cpu", "auto").processes == 2
    assert not is_main_process()
    monkeypatch.setenv(lacking, "")
    with pytest.raises(UsageError, match=f"2 processes, but {lacking} is not set"):
        resolve_hardware("cpu", "auto")


def test_a_rank_beyond_the_last_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RANK", "1")
    with pytest.raises(UsageError, match="RANK is 1"):
        resolve_hardware("cpu", "auto")
