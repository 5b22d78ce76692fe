import pytest

from edgeft.bench.statistics import spread
from edgeft.bench.wording import (
    agreement_told,
    choices_of,
    confidence_of,
    figure_of,
    figure_text,
    lost_text,
    texts_text,
)

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


def test_what_was_asked_says_what_its_length_counts_and_what_was_done_with_long_ones() -> None:
    texts = {"count": 1200, "source": "a.csv", "tokens_p50": 9, "tokens_p90": 20, "tokens_max": 64}
    told = "1,200 (a.csv), tokens p50 9, p90 20, longest 64"
    assert texts_text(texts) == told  # of an older document, which says no more
    assert texts_text({**texts, "kind": "texts", "truncated": 0, "windowed": 0}) == told
    cut = texts_text({**texts, "truncated": 3, "windowed": 0})
    assert cut == f"{told}; 3 cut to the longest that the model reads"
    asked = texts_text({**texts, "kind": "questions", "truncated": 0, "windowed": 1})
    assert "tokens of question and context p50 9" in asked
    assert asked.endswith("; 1 in several windows, of which all tokens count")


def test_losses_name_what_may_not_get_worse() -> None:
    quality = {"drop_points": 0.25, "drop_metric": "entity F1", "proven_points": 0.4}
    one = {"quality": {"metrics": ["entity F1"], "figure": 0.9, **quality}}
    assert lost_text(one) == "0.25 of entity F1, at most 0.40"
    assert figure_of(one["quality"]) == ("entity F1", 0.9)
    two = {"quality": {**one["quality"], "metrics": ["exact match", "F1"]}}
    assert lost_text(two) == "0.25 of entity F1, of either at most 0.40"
    assert figure_of({"accuracy": 0.8, **quality}) == ("accuracy", 0.8)
    assert lost_text({"quality": quality}) == "0.25 of entity F1, of either at most 0.40"


def test_older_documents_tell_of_labels() -> None:
    assert agreement_told({"label_agreement": 0.9}) == ("same label", 0.9)
    assert agreement_told({"alike": "same answer", "agreement": None}) == ("same answer", None)
