from typing import Any

import pytest

from edgeft.compress.frontier import Limits, MeasuredCandidate, best, choose, measured_from
from edgeft.compress.ship import notes_of
from edgeft.errors import GateError, UsageError


def one(
    name: str, mb: float, texts_per_s: float, lost: float, *, p50: float = 1.0, high: float = 9.0
) -> MeasuredCandidate:
    drop: dict[str, Any] = {
        "points": lost, "low": lost - 1, "high": high, "metric": "accuracy", "rows": 500,
        "proven": high <= 0.5, "allowed": 0.5, "verdict": f"verdict of {name}",
    }  # fmt: skip
    figures = {"scores": {"accuracy": 0.9}, "drop": drop}
    return MeasuredCandidate(
        name, name, int(mb * 1e6), texts_per_s, p50, texts_per_s / 100, figures, figures, {}, {}
    )


FAMILY = [
    one("whole fp32", 90, 100, 0.0, p50=5, high=0.4),
    one("whole int8", 23, 120, 0.2, p50=4, high=0.5),
    one("half fp32", 68, 190, 0.4, p50=2.5),
    one("static", 8, 5000, 3.0, p50=0.1),
    one("cascade", 98, 800, 0.3, p50=0.5, high=0.5),
    one("lucky", 98, 900, 0.3, p50=0.5),
]


@pytest.mark.parametrize(
    ("limits", "name"),
    [
        (Limits(0.5), "cascade"),
        (Limits(0.2), "whole int8"),
        (Limits(0.0), "whole fp32"),
        (Limits(5, min_texts_per_s=4000), "static"),
        (Limits(0.5, max_bytes=70_000_000), "whole int8"),
        (Limits(0.5, min_texts_per_s=150, max_bytes=70_000_000), "half fp32"),  # none is proven
        (Limits(0.5, max_bytes=30_000_000), "whole int8"),
        (Limits(5, max_bytes=10_000_000, max_p50_ms=0.2, min_texts_per_s=4000), "static"),
        (Limits(0.5, max_p50_ms=2), "cascade"),
    ],
)
def test_the_quickest_that_keeps_every_limit(limits: Limits, name: str) -> None:
    assert choose(FAMILY, limits).name == name


@pytest.mark.parametrize(
    ("limits", "told"),
    [
        (Limits(5, max_bytes=1_000_000),
         ["--max-bytes 1MB: nothing has at most 1 MB; static comes nearest, which has 8.00 MB"]),
        (Limits(5, min_texts_per_s=9000), ["--min-texts-per-s 9000: nothing answers 9,000 texts",
                                           "static comes nearest, which answers 5,000"]),
        (Limits(5, max_p50_ms=0.01), ["--max-p50-ms 0.01", "static", "0.10 ms"]),
        (Limits(0.5, max_bytes=10_000_000),
         ["Each limit can be met, but not all at once", "whole int8 comes nearest",
          "loses 0.20 points", "has 23.00 MB"]),
    ],
)  # fmt: skip
def test_what_cannot_be_met_and_what_comes_nearest(limits: Limits, told: list[str]) -> None:
    with pytest.raises(GateError) as found:
        choose(FAMILY, limits)
    for part in told:
        assert part in str(found.value)
    assert "Nothing was written" in found.value.hint


def test_limits_that_make_no_sense() -> None:
    for limits, option in (
        (Limits(-1), "--max-drop"), (Limits(float("nan")), "--max-drop"),
        (Limits(1, max_bytes=0), "--max-bytes"), (Limits(1, max_p50_ms=-2), "--max-p50-ms"),
        (Limits(1, min_texts_per_s=float("inf")), "--min-texts-per-s"),
    ):  # fmt: skip
        with pytest.raises(UsageError, match=option):
            limits.check()


def test_what_no_other_beats() -> None:
    kept = best(FAMILY, lambda each: -each.texts_per_s, lambda each: -each.lost)
    assert [each.name for each in kept] == ["static", "lucky", "whole int8", "whole fp32"]


def test_notes_say_what_is_not_proven_and_what_is() -> None:
    told = notes_of(FAMILY[5], FAMILY, Limits(0.5))
    assert told[0] == "lucky: verdict of lucky"
    assert told[1].startswith("It seemed to keep 0.5 points on the 500 rows that chose")
    assert told[2].startswith("The quickest of which it is shown that it loses at most 0.5 points")
    assert "is cascade, 8.0 times as fast" in told[2]
    assert notes_of(FAMILY[4], FAMILY, Limits(0.5)) == ["cascade: verdict of cascade"]
    assert "the whole model as it is" in notes_of(FAMILY[0], FAMILY, Limits(0.0))[0]


def test_it_comes_back_from_json() -> None:
    assert measured_from(FAMILY[0].to_dict()) == FAMILY[0]
