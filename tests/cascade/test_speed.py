import numpy as np
import pytest

from edgeft.cascade.choose import PATH
from edgeft.cascade.speed import LEAST_TEXTS, TEXTS, fast_enough, sample, speedups
from edgeft.inputs import Input
from edgeft.proof.told import Told
from edgeft.tasks.classification import TASK
from tests.encoded import encoded


def told(lengths: list[int]) -> Told:
    inputs: list[Input] = ["x"] * len(lengths)
    return Told(TASK, ("a",), inputs, [encoded(list(range(one))) for one in lengths], {})


def test_speed_follows_what_goes_on() -> None:
    # Of four texts two go on below 0.9, and all below 1; the first stage takes a tenth.
    some = told([10, 10, 10, 10])
    fast = speedups([0.1, 1.0], np.array([[0.95, 0.92, 0.6, 0.4]]), [some, some])
    by = dict(zip(PATH, fast.tolist(), strict=True))
    assert by[PATH[0]] == 1 / 1.1
    half = next(below for below in PATH if below <= 0.9)
    assert by[half] == 1 / (0.1 + 0.5)
    assert by[0.0] == 1 / 0.1


def test_long_texts_that_go_on_take_their_time() -> None:
    some = told([10, 10, 10, 70])
    fast = speedups([0.1, 1.0], np.array([[0.95, 0.95, 0.95, 0.4]]), [some, some])
    assert dict(zip(PATH, fast.tolist(), strict=True))[
        next(one for one in PATH if one < 0.9)
    ] == 1 / (0.1 + 0.7)


def test_the_sample_is_of_every_sureness_and_less_of_long_texts() -> None:
    sure = np.random.default_rng(0).random(5000)
    places = sample(sure, told([10] * 5000))
    assert len(places) == TEXTS
    assert places == sorted(set(places))
    for below in (0.1, 0.5, 0.9):
        assert abs((sure[places] < below).mean() - (sure < below).mean()) < 2 / TEXTS
    assert len(sample(sure, told([400] * 5000))) == 65536 // 400
    assert len(sample(sure, told([5000] * 5000))) == LEAST_TEXTS
    assert sample(sure[:7], told([10] * 7)) == list(range(7))


EXPECTED = np.linspace(1, 9, 81)  # times, a tenth more at each place


@pytest.mark.parametrize("right", [0.7, 1.0, 1.4])
def test_the_safest_threshold_is_timed_to_be_so_fast(right: float) -> None:
    timed: dict[int, float] = {}

    def clock(at: int) -> float:
        timed[at] = float(EXPECTED[at]) * right * (1 - 0.003 * at)  # wrong by more, further down
        return timed[at]

    at, times = fast_enough(4.0, EXPECTED, clock)
    assert at is not None
    assert times == timed[at] >= 4
    assert len(timed) <= 6
    slower = [one for one in timed if timed[one] < 4]
    assert max(slower, default=-1) < at <= min(one for one in timed if timed[one] >= 4)
    true = next(one for one in range(81) if EXPECTED[one] * right * (1 - 0.003 * one) >= 4)
    assert at - true <= 1


def test_no_threshold_is_so_fast_by_the_clock() -> None:
    at, most = fast_enough(8.0, EXPECTED, lambda at: float(EXPECTED[at]) / 2)
    assert (at, most) == (None, 4.5)
