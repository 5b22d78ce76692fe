from dataclasses import replace

import pytest

from edgeft.bench.result import Quality
from edgeft.bench.verdict import cell_verdict, crossing, device_verdicts, warnings
from tests.bench.makers import QUIET, VNNI, cell, measured, run, singles


def test_a_faster_variant_is_said_to_be_faster_with_its_price() -> None:
    base = cell("fp32", measured(7.0, 150.0), drop=0.0)
    fast = cell("int8", measured(5.0, 300.0), quality=Quality(0.9, 0.2, "accuracy", 0.4))
    text = cell_verdict(fast, [base, fast], VNNI)
    assert text.startswith(
        "quickest for single texts; most texts a second; smallest within 0.5 points (proven); "
        "against fp32 1.40× as fast (1.3"
    )
    assert "2.00× as fast (1.9" in text
    assert text.endswith("23.0 MB instead of 90.0 MB; same label as fp32: 99.4%")
    assert cell_verdict(base, [base, fast], VNNI) == "what the others are compared with"
    assert cell_verdict(base, [base], VNNI) == "measured on its own"


def test_a_slower_variant_is_said_to_lose_and_why() -> None:
    base, slow = cell("fp32", measured(5.0, 200.0)), cell("int8", measured(10.0, 100.0))
    without = cell_verdict(slow, [base, slow], ("avx2",))
    assert without.startswith(
        "int8 loses to fp32 here: 0.50× as fast for single texts and 0.50× as fast in batches (a "
        "CPU without int8 dot products)"
    )
    assert "dot" not in cell_verdict(slow, [base, slow], VNNI)
    assert "dot" not in cell_verdict(slow, [base, slow], ())  # where the system tells nothing
    assert cell_verdict(base, [base, slow], VNNI).startswith("quickest for single texts; most")


def test_processes_that_overlap_make_no_difference() -> None:
    base = cell("fp32", measured(7.0, 150.0, spread=0.3))
    other = cell("int8", measured(6.5, 155.0, spread=0.3))
    text = cell_verdict(other, [base, other], VNNI)
    assert "quickest for single texts (no clear difference to fp32 on cpu)" in text
    assert "against fp32 no clear difference for single texts and no clear difference in" in text


def test_three_processes_claim_nothing() -> None:
    from edgeft.bench.cell import summarize

    base = cell("fp32", summarize([run(9.0)] * 3))
    other = cell("int8", summarize([run(1.0)] * 3))
    assert "against fp32 no clear difference" in cell_verdict(other, [base, other], VNNI)


def test_the_smallest_is_one_that_may_be_used() -> None:
    base = cell("fp32", measured(5.0, 100.0), drop=0.0)
    wrong = cell("int4", measured(5.0, 100.0), drop=0.9, file_bytes=15_000_000)
    right = cell("int8", measured(5.0, 100.0), drop=0.5)
    unknown = cell("q", measured(5.0, 100.0), file_bytes=1_000_000)
    cells = [base, wrong, right, unknown]
    small = [one.cell.variant for one in cells
             if "smallest within 0.5 points" in cell_verdict(one, cells, VNNI)]  # fmt: skip
    assert small == ["int8"]
    assert "(as measured, not proven)" in cell_verdict(right, cells, VNNI)


def test_what_is_proven_within_the_points_is_told_from_what_was_only_measured() -> None:
    base = cell("fp32", measured(5.0, 100.0), quality=Quality(0.9, 0.0, "accuracy", 0.0))
    small = cell(
        "int4", measured(5.0, 100.0), quality=Quality(0.9, 0.1, "accuracy", 5.9),
        file_bytes=15_000_000,
    )  # fmt: skip
    sure = cell("int8", measured(5.0, 100.0), quality=Quality(0.9, 0.2, "macro F1", 0.4))
    cells = [base, small, sure]
    assert "smallest within 0.5 points (as measured, not proven)" in cell_verdict(
        small, cells, VNNI
    )
    assert "smallest within 0.5 points (proven)" in cell_verdict(sure, cells, VNNI)
    assert "smallest" not in cell_verdict(base, cells, VNNI)


def test_no_agreement_is_not_total_disagreement() -> None:
    base = cell("fp32", measured(7.0, 150.0))
    none = cell("int8", measured(5.0, 300.0), agreement=None)
    zero = cell("int8", measured(5.0, 300.0), agreement=0.0)
    assert "label" not in cell_verdict(none, [base, none], VNNI)
    assert "same label as fp32: 0.0%" in cell_verdict(zero, [base, zero], VNNI)


def test_without_fp32_or_after_a_failure_nothing_is_claimed() -> None:
    int8, broken = cell("int8", measured(5.0, 300.0)), cell("fp32", None, error="broken")
    assert cell_verdict(int8, [int8, broken], VNNI) == "measured on its own"
    assert cell_verdict(broken, [int8, broken], VNNI) == ""


def test_a_crossing_lies_between_the_lengths_around_it() -> None:
    cpu = {16: 2.0, 64: 8.0, 256: 32.0}
    gpu = {16: 4.0, 64: 4.0, 256: 4.0}
    # Twice the time at 16, half of it at 64: the same in the middle, on a logarithmic scale.
    assert crossing(cpu, gpu) == pytest.approx(32.0)
    assert crossing(gpu, cpu) is None
    assert crossing(cpu, {16: 1.0, 64: 1.0}) is None  # quicker from the start
    assert crossing({16: 1.0}, {64: 1.0}) is None
    # Quicker for a moment is not quicker from there on.
    flat = dict.fromkeys((16, 32, 64, 128), 1.0)
    assert crossing(flat, {16: 2.0, 32: 0.5, 64: 2.0, 128: 0.5}) == pytest.approx(90.5, abs=0.1)
    assert crossing(flat, {16: 2.0, 32: 0.5, 64: 0.5, 128: 2.0}) is None


def test_devices_are_compared_by_their_quickest_variant_at_each_length() -> None:
    times = {
        ("cpu", "fp32"): (3.0, 9.0),
        ("cpu", "int8"): (2.0, 8.0),
        ("cuda:0", "fp32"): (4.0,) * 2,
    }
    cells = [
        cell(variant, measured(p50, 100.0), device=device, length=length)
        for (device, variant), both in times.items()
        for length, p50 in zip((16, 64), both, strict=True)
    ]
    assert list(device_verdicts(cells)) == [
        "From 32 tokens on, cuda:0 is quicker for a single text than cpu."
    ]
    assert list(device_verdicts(cells[:2])) == []
    slow = [cell("fp32", measured(99.0, 1.0), device="cuda:0", length=at) for at in (16, 64)]
    assert list(device_verdicts([*cells[:2], *slow])) == [
        "At every length measured, cpu is the quicker of cpu and cuda:0."
    ]


def test_a_quiet_machine_and_samples_enough_have_no_warnings() -> None:
    assert list(warnings([cell("fp32", measured(5.0, 100.0))], QUIET, 600)) == []


def test_unsteady_times_few_samples_and_few_rounds_are_told() -> None:
    from edgeft.bench.cell import summarize

    one = summarize([run(5.0, steady=False)])
    unsteady, few, rounds = warnings([cell("fp32", one)], QUIET, 3000)
    assert unsteady == "fp32 on cpu was not steady after 100 warm-up calls."
    assert few == (
        "Too few single texts, 100, to tell p99 and p99.9: it takes 2,995 --samples, and "
        "--seconds enough for them."
    )
    (_, fewer, _) = warnings([cell("fp32", one)], QUIET, 100)  # who did not ask for p99.9
    assert fewer.startswith("Too few single texts, 100, to tell p99: it takes 299 --samples")
    (none, _) = warnings([cell("fp32", summarize([run(5.0, singles=singles(5.0))]))], QUIET, 1)
    assert none.startswith("Too few single texts, 1, to tell p50, p90 and p99: ")
    assert rounds == "No interval can be told from fewer than 5 --rounds."
    busy = replace(QUIET, busy_cores=1.0)
    assert len(list(warnings([cell("fp32", one)], busy, 3000))) == 4
