import pytest

from edgeft.export.factory import neighbours_count
from edgeft.proof.finding import Neighbours


@pytest.mark.parametrize(
    ("flips", "difference", "words"),
    [
        (0, 1e-6, ""),
        (2, 0.4, "it answers 2 of 60 texts otherwise alone than in a batch"),
        (0, 0.01, "logits differ by up to 0.01"),
    ],
)
def test_an_exact_variant_whose_answers_depend_on_neighbours(
    flips: int, difference: float, words: str
) -> None:
    problem = neighbours_count(Neighbours(60, flips, difference))
    assert bool(problem) == bool(words)
    assert words in problem
