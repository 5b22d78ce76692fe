"""Which threshold is taken of those that are proven, and what is said where none is."""

import numpy as np
import pytest

from edgeft.cascade.choose import PATH, Judged, Limit, Reach
from edgeft.cascade.decide import (
    check_full,
    check_use,
    limits_of_promises,
    proven,
    threshold_notes,
)
from edgeft.errors import GateError, UsageError
from tests.cascade.synthetic import drawn

NAMES = ("quick", "main")
EVEN = Judged(np.linspace(0.3, 0.999, 2000)[None], np.ones((1, 2000)), None)


def reached(kind: str, passed: int, needed: int | None = None) -> Reach:
    return Reach(Limit(kind, 0.01), 2000, passed, needed, 300)  # type: ignore[arg-type]


def test_of_two_promises_the_safer_threshold_is_taken() -> None:
    reaches = [reached("drop", 200), reached("disagreement", 150, 9000)]
    assert proven(reaches) == 150
    assert threshold_notes(NAMES, reaches, EVEN, PATH[149]) == [
        "2,000 rows set the threshold; about 9,000 new ones like them would mostly let more texts "
        "stay."
    ]
    assert threshold_notes(NAMES, reaches, EVEN, PATH[120]) == []  # a speed took a safer one
    assert proven([]) == len(PATH)


def test_what_is_of_no_use_is_refused_and_what_would_do_alone_noted() -> None:
    with pytest.raises(GateError, match=r"No threshold of use is proven: .* 1% .* 0\.0%"):
        check_use(NAMES, [reached("disagreement", 1)], EVEN, PATH[0])
    with pytest.raises(GateError, match=r"At that speed 0\.0% of the texts stay"):
        check_use(NAMES, [], EVEN, PATH[0])
    check_use(NAMES, [], EVEN, PATH[-1])
    assert threshold_notes(NAMES, [], EVEN, PATH[-1]) == [
        "quick answers nearly all texts within what is promised: it would do alone."
    ]


def test_not_proven_for_want_of_rows_or_whatever_the_rows() -> None:
    with pytest.raises(GateError, match=r"100 rows are too few .* about 300 would do"):
        proven([Reach(Limit("drop", 0.01), 100, 0, 300, 300)])
    with pytest.raises(GateError, match="Not proven at any threshold") as found:
        proven([Reach(Limit("disagreement", 0.01), 2000, 0, None, 300)])
    assert "rows like these" not in str(found.value)
    with pytest.raises(GateError, match="About 7,000 new rows like these mostly would"):
        proven([Reach(Limit("drop", 0.01), 2000, 0, 7000, 300)])


def test_what_is_promised_unless_told() -> None:
    def told(*asked: float | None, labelled: bool, wanted: bool = True) -> list[Limit]:
        return limits_of_promises(*asked, labelled=labelled, wanted=wanted)

    assert told(None, None, labelled=True) == [Limit("drop", 0.005)]
    assert told(None, None, labelled=False) == [Limit("disagreement", 0.01)]
    assert told(None, 2.0, labelled=True) == [Limit("disagreement", 0.02)]
    assert told(1.0, 2.0, labelled=True) == [Limit("drop", 0.01), Limit("disagreement", 0.02)]
    assert told(None, None, labelled=True, wanted=False) == []  # a speed is asked for
    with pytest.raises(UsageError, match="seen on labelled rows"):
        told(1.0, None, labelled=False)


def test_a_full_model_may_be_as_good_but_not_worse() -> None:
    judged, _ = drawn(3000, full_right=0.85)  # the first stage is right for 85%, too
    check_full(NAMES, judged)
    worse, _ = drawn(3000, full_right=0.7)
    with pytest.raises(GateError, match="wrong more often than quick"):
        check_full(NAMES, worse)
