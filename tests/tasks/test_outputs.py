"""Outputs by name: one array, or an array for each input where they run along the tokens."""

import numpy as np
import pytest

from edgeft.errors import RunError
from edgeft.tasks.outputs import (
    Outputs,
    dense,
    finite,
    flat,
    in_a_row,
    picked,
    ragged,
    require_numbers,
)


def both(*tokens: int, at: int = 0) -> Outputs:
    """For each input a score, and so many tokens' scores; counted from ``at``."""
    rows = [np.arange(2 * size, dtype=np.float32).reshape(size, 2) for size in tokens]
    return {"score": np.arange(at, at + len(tokens), dtype=np.float32)[:, None], "tags": rows}


def test_groups_follow_each_other_and_inputs_are_picked() -> None:
    joined = in_a_row([both(1, 3), both(2, at=2)])
    assert dense(joined, "score").tolist() == [[0], [1], [2]]
    assert [len(one) for one in ragged(joined, "tags")] == [1, 3, 2]
    some = picked(joined, [2, 0, 2])
    assert dense(some, "score").tolist() == [[2], [0], [2]]
    assert [len(one) for one in ragged(some, "tags")] == [2, 1, 2]


def test_values_are_flat_by_name_and_input() -> None:
    assert flat(both(1, 2)) == {"score": [[0], [1]], "tags": [[0, 1], [0, 1, 2, 3]]}


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("name", ["score", "tags"])
def test_an_input_is_finite_where_all_its_outputs_are(name: str, value: float) -> None:
    outputs = both(2, 1, 3)
    require_numbers(outputs)
    outputs[name][1][0] = value
    assert finite(outputs).tolist() == [True, False, True]
    with pytest.raises(RunError, match="no numbers for 1 of 3 texts"):
        require_numbers(outputs)


def test_of_no_inputs_all_are_finite() -> None:
    assert finite({"score": np.zeros((0, 3), np.float32)}).tolist() == []
