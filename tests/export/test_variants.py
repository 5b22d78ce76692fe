import pytest

from edgeft.errors import UsageError
from edgeft.export.kinds import VARIANT_KINDS, choose_kinds
from edgeft.export.targets import TARGETS, resolve_target
from edgeft.proof.limits import EXACT


@pytest.mark.parametrize(
    ("target", "features", "resolved", "reduces"),
    [
        ("avx2", {"vnni"}, "avx2", True),
        ("avx512", {"avx512f"}, "avx512", True),
        ("vnni", {"avx2"}, "vnni", False),
        ("amx", {"avx2"}, "amx", False),
        ("arm64", set(), "arm64", False),
        ("this", {"avx2", "fma"}, "avx2", True),
        ("this", {"avx2", "vnni"}, "vnni", False),
        ("this", {"neon", "dotprod"}, "arm64", False),
    ],
)
def test_the_range_is_reduced_where_products_saturate(
    target: str, features: set[str], resolved: str, reduces: bool
) -> None:
    assert resolve_target(target, features) == resolved
    assert TARGETS[resolved].reduce_range is reduces


def test_every_target_has_fp32_and_what_exists() -> None:
    for target in TARGETS.values():
        assert target.variants[0] == "fp32"
        assert set(target.variants) <= set(VARIANT_KINDS)
    assert TARGETS["tensorrt"].symmetric


@pytest.mark.parametrize(
    ("named", "target", "chosen"),
    [
        ((), "avx2", ["fp32", "int8"]),
        ((), "cuda", ["fp32", "fp16"]),
        ((), "web", ["fp32", "portable", "int8", "int4"]),
        (("int4", "int8"), "cuda", ["fp32", "int8", "int4"]),
        (("fp32",), "avx2", ["fp32"]),
        (("all",), "avx2", list(VARIANT_KINDS)),
    ],
)
def test_names_go_before_the_target(named: tuple[str, ...], target: str, chosen: list[str]) -> None:
    assert choose_kinds(named, TARGETS[target]) == chosen


def test_a_static_model_has_variants_of_its_own() -> None:
    for target in TARGETS.values():
        assert choose_kinds((), target, static=True) == ["fp32", "int8-vectors"]
        assert "int8-vectors" not in choose_kinds((), target)
    assert choose_kinds(("int8",), TARGETS["avx2"], static=True) == ["fp32", "int8"]


def test_what_does_not_exist() -> None:
    with pytest.raises(UsageError, match="no variant 'int3'"):
        choose_kinds(("int3",), TARGETS["avx2"])
    with pytest.raises(UsageError, match="no target 'z80'"):
        resolve_target("z80")


def test_a_bundle_without_its_export_knows_which_variants_are_exact() -> None:
    assert tuple(name for name, kind in VARIANT_KINDS.items() if kind.exact) == EXACT
