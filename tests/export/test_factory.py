from types import SimpleNamespace
from typing import Any

import pytest

from edgeft.export.factory import neighbours_count


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
    report: Any = SimpleNamespace(
        batch_flips=flips, batch_texts=60, batch_max_abs_logit_diff=difference
    )
    problem = neighbours_count(report)
    assert bool(problem) == bool(words)
    assert words in problem
