import pytest

from edgeft.bench.statistics import spread
from edgeft.bench.wording import choices_of, confidence_of, figure_text

FIVE = spread([1.0, 2.0, 3.0, 4.0, 5.0]).to_dict()
SIX = spread([1.0, 2.0, 3.0, 4.0, 5.0, 6.0]).to_dict()
TWO = spread([1.0, 2.0]).to_dict()


def test_a_figure_is_its_median_with_the_interval_where_one_is_known() -> None:
    assert figure_text(FIVE, 1) == "3.0 (1.0 to 5.0)"
    assert figure_text(FIVE, 0, 1000, interval=False) == "3,000"
    assert figure_text(TWO, 2) == "1.50"
    assert figure_text(None, 2) == ""


@pytest.mark.parametrize(
    ("figures", "told"),
    [([FIVE], "94%"), ([SIX, SIX], "97%"), ([SIX, TWO, FIVE], "94% and 97%"), ([TWO], "")],
)
def test_intervals_are_as_sure_as_their_rounds_allow(
    figures: list[dict[str, float]], told: str
) -> None:
    assert confidence_of(figures) == told


def test_only_parts_that_differ_are_named() -> None:
    one = {"threads": 1, "batch_tokens": None, "length": None}
    assert choices_of([one]) == {}
    assert choices_of([one, {**one, "threads": 2}, {**one, "batch_tokens": 64}]) == {
        "threads": "threads", "batch_tokens": "batch",
    }  # fmt: skip
