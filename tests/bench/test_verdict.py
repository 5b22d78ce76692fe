from dataclasses import replace

import pytest

from edgeft.bench.cell import Measured
from edgeft.bench.machine import Machine
from edgeft.bench.measure import Latency
from edgeft.bench.verdict import CellResult, verdicts, warnings

VNNI = ("avx2", "vnni")


def measured(
    p50_ms: float, texts_per_s: float, *, spread: float = 0.01, **other: object
) -> Measured:
    """Figures whose rounds differ by ``spread`` to both sides."""
    sides = (1 - spread, 1.0, 1 + spread)
    one = Measured(
        latency=Latency(p50_ms, 2 * p50_ms, 3 * p50_ms, samples=300),
        texts_per_s=texts_per_s,
        load_ms=100.0,
        first_ms=300.0,
        peak_rss_bytes=200_000_000,
        warmup_calls=30,
        steady=True,
        threads=2,
        round_p50_ms=tuple(p50_ms * side for side in sides),
        round_texts_per_s=tuple(texts_per_s * side for side in sides),
        labels=("a", "b"),
    )
    return replace(one, **other)  # type: ignore[arg-type]


def cell(variant: str, one: Measured | None, *, device: str = "cpu", **other: object) -> CellResult:
    size = 90_000_000 if variant == "fp32" else 23_000_000
    result = CellResult(device, variant, size, one, agreement=0.994)
    return replace(result, **other)  # type: ignore[arg-type]


def machine(*, host_cores: int = 2, load_average: float | None = 0.0) -> Machine:
    return Machine("a CPU", VNNI, 2, host_cores, 1 << 34, "Linux x", "3.11", {}, (), load_average)


def test_a_faster_variant_is_said_to_be_faster_with_its_price() -> None:
    fast = cell("int8", measured(5.0, 300.0))
    (sentence,) = verdicts([cell("fp32", measured(7.0, 150.0)), fast], VNNI)
    assert sentence == (
        "On cpu, int8 against fp32: 1.4× as fast for single texts, 2.0× as fast for the whole "
        "file, 23.0 MB instead of 90.0 MB, the same label on 99.4% of the texts."
    )


def test_a_slower_variant_is_said_to_be_slower_and_why() -> None:
    cells = [cell("fp32", measured(5.0, 200.0)), cell("int8", measured(10.0, 100.0))]
    (without,) = verdicts(cells, ("avx2",))
    assert (
        "slower (0.50× as fast) for single texts, slower (0.50× as fast) for the whole" in without
    )
    assert without.endswith("This CPU has no int8 dot products, so that is to be expected.")
    (with_dot,) = verdicts(cells, VNNI)
    assert "to be expected" not in with_dot


def test_rounds_that_overlap_make_no_difference() -> None:
    cells = [
        cell("fp32", measured(7.0, 150.0, spread=0.3)),
        cell("int8", measured(5.0, 180.0, spread=0.3)),
    ]
    (sentence,) = verdicts(cells, VNNI)
    assert "no clear difference for single texts, no clear difference for the whole" in sentence


def test_no_agreement_is_not_total_disagreement() -> None:
    base = cell("fp32", measured(7.0, 150.0))
    (none,) = verdicts([base, cell("int8", measured(5.0, 300.0), agreement=None)], VNNI)
    (zero,) = verdicts([base, cell("int8", measured(5.0, 300.0), agreement=0.0)], VNNI)
    assert "label" not in none
    assert "the same label on 0.0% of the texts" in zero


def test_without_fp32_or_after_a_failure_nothing_is_claimed() -> None:
    int8 = cell("int8", measured(5.0, 300.0))
    assert list(verdicts([int8], VNNI)) == []
    assert list(verdicts([int8, cell("fp32", None, error="broken")], VNNI)) == []


def test_devices_are_compared_by_the_figure_that_matters() -> None:
    cells = [
        cell("int8", measured(1.0, 300.0)),
        cell("fp16", measured(2.0, 9000.0), device="cuda:0"),
    ]
    (sentence,) = verdicts(cells, VNNI)
    assert sentence == (
        "Quickest for a single text: int8 on cpu; most texts a second: fp16 on cuda:0."
    )


def test_a_quiet_machine_has_no_warnings() -> None:
    assert list(warnings([cell("fp32", measured(5.0, 100.0))], machine(), 0.1)) == []


@pytest.mark.parametrize(
    ("host_cores", "others", "warns"),
    [(2, 0.2, False), (2, 0.4, True), (8, 5.0, False), (8, 7.0, True)],
)
def test_work_of_others_matters_where_it_takes_our_cores(
    host_cores: int, others: float, warns: bool
) -> None:
    cells = [cell("fp32", measured(5.0, 100.0))]
    found = list(warnings(cells, machine(host_cores=host_cores), others))
    assert any("Other processes kept" in one for one in found) == warns


def test_the_load_average_counts_where_nothing_better_is_known() -> None:
    cells = [cell("fp32", measured(5.0, 100.0))]
    (found,) = warnings(cells, machine(load_average=1.5), None)
    assert found.startswith("The load average was 1.5 on 2 cores")
    assert list(warnings(cells, machine(load_average=None), None)) == []


def test_unsteady_times_and_few_samples_are_told() -> None:
    one = measured(5.0, 100.0, steady=False, latency=Latency(1.0, 2.0, 3.0, samples=20))
    unsteady, few = warnings([cell("fp32", one)], machine(), 0.0)
    assert unsteady == "fp32 on cpu was not steady after 100 warm-up calls."
    assert few.startswith("p99 of 20 samples")
