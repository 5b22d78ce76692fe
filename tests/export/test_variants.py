import pytest

from edgeft.errors import UsageError
from edgeft.export.variants import KINDS, TARGETS, choose_kinds, reduces_range, target_of


@pytest.mark.parametrize(
    ("target", "features", "reduces"),
    [
        ("avx2", {"vnni"}, True),
        ("avx512", {"avx512f"}, True),
        ("vnni", {"avx2"}, False),
        ("amx", {"avx2"}, False),
        ("arm64", set(), False),
        ("this", {"avx2", "fma"}, True),
        ("this", {"avx2", "vnni"}, False),
        ("this", {"dotprod"}, False),
    ],
)
def test_the_range_is_reduced_where_products_saturate(
    target: str, features: set[str], reduces: bool
) -> None:
    assert reduces_range(target, features) is reduces


def test_every_target_has_fp32_and_what_exists() -> None:
    for target in TARGETS.values():
        assert target.variants[0] == "fp32"
        assert set(target.variants) <= set(KINDS)
    assert target_of("tensorrt").symmetric


@pytest.mark.parametrize(
    ("named", "target", "chosen"),
    [
        ((), "avx2", ["fp32", "int8"]),
        ((), "cuda", ["fp32", "fp16"]),
        ((), "web", ["fp32", "portable", "int8", "int4"]),
        (("int4", "int8"), "cuda", ["fp32", "int8", "int4"]),
        (("fp32",), "avx2", ["fp32"]),
    ],
)
def test_names_go_before_the_target(named: tuple[str, ...], target: str, chosen: list[str]) -> None:
    assert choose_kinds(named, target) == chosen


def test_what_does_not_exist() -> None:
    with pytest.raises(UsageError, match="no variant 'int3'"):
        choose_kinds(("int3",), "avx2")
    with pytest.raises(UsageError, match="no target 'z80'"):
        choose_kinds((), "z80")
