"""What predictions of every task tell alike of how an input was read."""

import numpy as np
import pytest

from edgeft.tasks.classification import Classification
from edgeft.tasks.embeddings import Embedding, Similarity
from edgeft.tasks.encoded import Encoded
from edgeft.tasks.entities import Entities
from edgeft.tasks.labels import Labels
from edgeft.tasks.number_metrics import score_numbers
from edgeft.tasks.numbers import Number
from edgeft.tasks.similarity_metrics import score_similarities
from edgeft.tasks.usual import reading_told


@pytest.mark.parametrize(
    "prediction",
    [
        Classification("a", 1.0, {}),
        Labels((), {}),
        Number(1.0),
        Embedding(np.zeros(2, np.float32)),
        Entities(()),
    ],
)
def test_nothing_unusual_is_told(prediction: object) -> None:
    assert reading_told(prediction) == {"truncated": False, "unknown_share": 0}


def test_what_is_not_as_usual() -> None:
    one = Similarity(0.5, True, 1 / 3, 2, "", (4, 0))
    wanted = {"truncated": True, "unknown_share": 0.3333, "cut": [4, 0]}
    assert reading_told(one, usual_windows=2) == wanted
    assert reading_told(one) == {**wanted, "windows": 2}
    assert reading_told(Number(0.0, stage="small"))["stage"] == "small"


def test_only_a_truncated_pair_has_lost_tokens() -> None:
    assert Encoded((), True, cuts=(4, 0)).lost == (4, 0)
    assert Encoded((), False, cuts=(0, 0)).lost == ()
    assert Encoded((), True).lost == ()


def test_cosines_are_counted_as_numbers_are() -> None:
    truths, answers = [3.0, 1, 2, 2, 5, 4], [0.2, 0.1, 0.3, 0.2, 0.9, 0.5]
    numbers, cosines = score_numbers(truths, answers), score_similarities(truths, answers)
    assert (numbers.spearman, numbers.pearson) == (cosines.spearman, cosines.pearson)
    assert [one[:3] for one in numbers.parts] == [one[:3] for one in cosines.parts]
    for truth, answer in (([], []), ([1.0], [1.0, 2.0])):
        for score in (score_numbers, score_similarities):
            with pytest.raises(ValueError, match="the same length, at least 1"):
                score(truth, answer)
