import numpy as np

from edgeft.cascade.choose import PATH
from edgeft.cascade.speed import below_for, speedups
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
    assert below_for(1.5, fast) == next(below for below in PATH if below <= 0.92)
    assert below_for(11, fast) is None


def test_long_texts_that_go_on_take_their_time() -> None:
    some = told([10, 10, 10, 70])
    fast = speedups([0.1, 1.0], np.array([[0.95, 0.95, 0.95, 0.4]]), [some, some])
    assert dict(zip(PATH, fast.tolist(), strict=True))[
        next(one for one in PATH if one < 0.9)
    ] == 1 / (0.1 + 0.7)
