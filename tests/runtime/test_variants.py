"""The rule that picks a variant."""

import json
from pathlib import Path

import pytest

from edgeft.bundle import read_manifest
from edgeft.errors import UsageError
from edgeft.runtime import variants as room
from edgeft.runtime.variants import (
    TRIAL,
    Measurement,
    choose_variant,
    read_measurements,
    save_measurements,
)

VNNI = frozenset({"avx2", "vnni"})
OLD = frozenset({"avx2"})


@pytest.mark.parametrize(
    ("has", "device", "features", "expected"),
    [
        (["fp32", "int8"], "cpu", VNNI, "int8"),
        (["fp32", "int8"], "cpu", frozenset({"dotprod"}), "int8"),
        (["fp32", "int8"], "cpu", OLD, "fp32"),
        (["fp32", "int8"], "cpu", frozenset(), "fp32"),
        (["fp32"], "cpu", VNNI, "fp32"),
        (["int8"], "cpu", OLD, "int8"),
        (["fp32", "int8", "fp16"], "cuda", VNNI, "fp16"),
        (["fp32", "int8"], "cuda", VNNI, "fp32"),
    ],
)
def test_auto(
    tiny_bundle: Path, has: list[str], device: str, features: frozenset[str], expected: str
) -> None:
    any_variant = read_manifest(tiny_bundle).model.variants["fp32"]
    variants = dict.fromkeys(has, any_variant)
    assert choose_variant(variants, "auto", device, features) == expected


@pytest.mark.parametrize(
    ("fp32_ms", "int8_ms", "expected"),
    [(5.0, 3.0, "int8"), (3.0, 5.0, "fp32"), (5.0, 4.9, "fp32"), (5.0, 4.8, "int8")],
)
def test_auto_follows_what_was_measured_but_not_its_noise(
    tiny_bundle: Path, fp32_ms: float, int8_ms: float, expected: str
) -> None:
    variants = read_manifest(tiny_bundle).model.variants
    measured = {"fp32": fp32_ms, "int8": int8_ms}
    for features in (VNNI, OLD):
        assert choose_variant(variants, "auto", "cpu", features, measured) == expected


def test_a_named_variant_is_taken_or_refused(tiny_bundle: Path) -> None:
    variants = read_manifest(tiny_bundle).model.variants
    assert choose_variant(variants, "int8", "cpu", OLD) == "int8"
    with pytest.raises(UsageError, match="'fp16'") as caught:
        choose_variant(variants, "fp16", "cpu", OLD)
    assert "fp32, int8" in caught.value.hint


def both(fp32_ms: float, int8_ms: float, *devices: str) -> list[Measurement]:
    times = {"fp32": fp32_ms, "int8": int8_ms}
    return [
        Measurement(device, name, 1, ms)
        for device in devices or ("cpu",)
        for name, ms in times.items()
    ]


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("EDGEFT_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.mark.usefixtures("cache")
def test_what_was_measured_is_kept_with_the_gpus_name(monkeypatch: pytest.MonkeyPatch) -> None:
    def here(name: str) -> None:  # as the driver tells it
        monkeypatch.setattr(room, "nvidia_gpu", lambda index: name)

    here("Big, red, CUDA 12080")
    save_measurements("sha", "1", both(1.0, 9.0, "cpu", "cuda:0"))
    here("Small, CUDA 12080")
    assert read_measurements("sha", "1", "cuda:0", 1) == {}
    save_measurements("sha", "1", both(2.0, 9.0, "cpu", "cuda:0"))
    assert read_measurements("sha", "1", "cuda:0", 1) == {"fp32": 2.0, "int8": 9.0}
    here("Big, red, CUDA 13000")  # a new driver, the same GPU
    assert read_measurements("sha", "1", "cuda:0", 1) == {"fp32": 1.0, "int8": 9.0}
    assert read_measurements("sha", "1", "cpu", 1) == {"fp32": 2.0, "int8": 9.0}


def _file(**changes: object) -> str:
    """Two measurements, the first with something else in a field."""
    one = {"device": "cpu", "variant": "fp32", "threads": 1, "p50_ms": 1.0, "gpu": ""}
    return json.dumps({"measurements": [{**one, **changes}, {**one, "variant": "int8"}]})


@pytest.mark.usefixtures("cache")
@pytest.mark.parametrize(
    "content",
    [
        "{",
        "[" * 100_000,
        '{"measurements": [1]}',
        "[]",
        '{"measurements": [{"device": "cpu", "variant": "fp32", "threads": 1, "p50_ms": NaN}]}',
        _file(p50_ms=10**400),
        _file(variant=["fp32"]),
        _file(variant=None),
        _file(device={}),
        _file(threads="1"),
        _file(gpu=0),
    ],
)
def test_a_file_of_measurements_that_is_damaged_is_none(content: str) -> None:
    save_measurements("sha", "1", both(3.0, 4.0)).write_text(content)
    assert read_measurements("sha", "1", "cpu", 1) == {}
    save_measurements("sha", "1", both(3.0, 4.0))
    assert read_measurements("sha", "1", "cpu", 1) == {"fp32": 3.0, "int8": 4.0}


@pytest.mark.usefixtures("cache")
def test_what_bench_saved_counts_more_than_a_trial_and_is_never_mixed_with_it() -> None:
    def read() -> dict[str, float]:
        return read_measurements("sha", "1", "cpu", 1)

    save_measurements("sha", "1", both(1.0, 2.0)[:1])  # one variant decides nothing
    assert read() == {}
    save_measurements("sha", "1", both(8.0, 7.0), section=TRIAL)
    assert read() == {"fp32": 8.0, "int8": 7.0}
    save_measurements("sha", "1", both(1.0, 2.0)[1:])
    assert read() == {"fp32": 1.0, "int8": 2.0}
