import pytest

from edgeft.bench.ceiling import Ceiling, arithmetic_of, element_bytes, measure_ceiling
from edgeft.bench.operations import Operations
from edgeft.bench.roofline import roofline

MODEL = Operations(per_token=1e6, per_pair=0.0, per_text=0.0, weights=500_000)


def test_a_run_bound_by_arithmetic() -> None:
    # 1,000 tokens are 1e9 operations, a tenth of a second at the peak; the weights take 2e-4 s.
    one = roofline([[500, 500]], 0.2, MODEL, Ceiling(1e10, 1e10), weight_bytes=2e6)
    assert one.share == pytest.approx(0.5)
    assert one.bound == "arithmetic"
    assert one.operations == 1e9
    assert one.operations_per_s == pytest.approx(5e9)
    assert one.intensity == pytest.approx(500)


def test_a_run_bound_by_memory() -> None:
    # One token: 1e-4 s of arithmetic, but 1e-3 s to read the weights.
    one = roofline([[1], [1]], 0.004, MODEL, Ceiling(1e10, 2e9), weight_bytes=2e6)
    assert one.share == pytest.approx(0.5)
    assert one.bound == "memory"
    assert one.intensity == pytest.approx(0.5)


def test_the_bytes_and_the_arithmetic_of_a_weight() -> None:
    assert [element_bytes(one) for one in ("fp32", "fp16", "int8", "int4")] == [4, 2, 1, 0.5]
    assert arithmetic_of("int4") == "fp32"


@pytest.mark.parametrize("precision", ["fp32", "int8"])
def test_this_machine_can_multiply_and_read(precision: str) -> None:
    one = measure_ceiling("cpu", 1, precision, weights=1_000_000)
    # Bounds of what any CPU of this century does on one core, not of how quick this one is.
    assert 1e8 < one.operations_per_s < 1e14
    assert 1e7 < one.bytes_per_s < 1e13
