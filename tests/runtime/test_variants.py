"""The rule that picks a variant."""

from pathlib import Path

import pytest

from edgeft.bundle import read_manifest
from edgeft.errors import UsageError
from edgeft.runtime.variants import choose_variant

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
