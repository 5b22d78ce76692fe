"""One row of outputs for each input, of those of its parts. numpy only."""

from collections.abc import Sequence

import numpy as np

from edgeft.tasks.encoded import Encoded
from edgeft.tasks.outputs import Outputs, dense

__all__ = ["mean_of_parts"]


def mean_of_parts(outputs: Outputs, encoded: Sequence[Encoded], name: str) -> Outputs:
    """The mean of (R, C) rows of a text's parts, each weighted by its fresh tokens: (N, C).

    So every token of the text counts once. Texts of one part each stay the array they are.
    """
    rows = dense(outputs, name)  # (R, C)
    if len(rows) == len(encoded):
        return outputs
    joined = np.empty((len(encoded), rows.shape[1]), np.float32)  # (N, C)
    begin = 0
    for at, one in enumerate(encoded):
        some = rows[begin : begin + len(one.parts)]  # (P, C)
        weights = [part.fresh for part in one.parts] if len(some) > 1 else [1]
        joined[at] = np.average(some, axis=0, weights=weights)
        begin += len(some)
    return {name: joined}
