import pytest

from edgeft.export.factory import neighbours_count, tolerance
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


@pytest.mark.parametrize(
    ("name", "largest", "lost", "allowed"),
    [
        ("fp32", 9.0, 0.0, 1e-3),
        ("fp16", 0.2, 0.0, 0.01),  # never below what a machine may round
        ("fp16", 9.0, 0.004, 0.09),  # a GPU rounds every sum, by a share of the number
        ("int8", 9.0, 0.2, 0.2),
    ],
)
def test_golden_logits_may_differ_by_a_share_of_the_largest(
    name: str, largest: float, lost: float, allowed: float
) -> None:
    golden = {"start": ((0.1, -largest),), "end": ((0.0,),)}
    assert tolerance(name, golden, lost, Neighbours(60, 0, 0.0)) == allowed
