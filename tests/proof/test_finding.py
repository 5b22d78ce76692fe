"""What is found of answers, from logits alone."""

import numpy as np

from edgeft.inputs import Question
from edgeft.proof.finding import compare
from edgeft.proof.told import Told
from edgeft.tasks.answers import TASK
from edgeft.tasks.head import PLAIN, Head
from tests.encoded import in_pieces

CONTEXT = "Ada met Bo in Rome"
WORDS = in_pieces(CONTEXT, piece=99)
ROME, NONE = (("Rome", 14),), ()


def answering(*rows: tuple[float, float]) -> Told:
    """Of each question how loud "none" is, and Rome."""
    found: dict[str, list[np.ndarray]] = {"start_logits": [], "end_logits": []}
    for none, rome in rows:
        for some in found.values():
            some.append(np.array([none, 0, 0, 0, 0, rome, 0], np.float32))
    size = len(rows)
    asked, encoded = [Question("Where?", CONTEXT)] * size, [WORDS] * size
    return Told(TASK, (), asked, encoded, TASK.join(found, encoded))


def test_where_there_is_always_an_answer_its_scores_are_those_of_what_is_answered() -> None:
    told = answering((4, 3), (2, 3))  # "none" is louder in the first, and never given
    found = compare(told, answering((2, 3), (2, 3)), [ROME, ROME])
    assert found.scores is not None
    assert found.scores.headline() == {"exact_match": 1.0, "f1": 1.0, "rows": 2}
    assert found.scored()["without_thresholds"] is None
    assert not found.decided
    assert found.agreement is not None
    assert found.agreement.agreement == 1.0
    assert found.drop is not None
    assert (found.drop.worst.points, found.drop.newly_wrong) == (0.0, 0)


def test_where_none_may_be_given_both_are_compared_by_their_sums() -> None:
    told, other = answering((4, 3), (2, 3)), answering((2, 3), (2, 3))
    found = compare(told, other, [NONE, ROME], head=Head(null_margin=9.0))
    assert found.decided
    assert found.scored()["exact_match"] == 0.5  # what is given: always Rome
    assert found.scored()["without_thresholds"]["exact_match"] == 1.0
    assert found.agreement is not None
    assert found.agreement.different == 1
    assert found.drop is not None
    assert (found.drop.worst.points, found.drop.newly_right) == (-50.0, 1)
    assert told.answers(PLAIN).given == other.answers(PLAIN).given
