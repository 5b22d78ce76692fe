"""Any graph that takes token ids: it is only timed, so nothing is made of what it gives."""

from collections.abc import Sequence
from typing import Any, NoReturn

import numpy as np

from edgeft.errors import UsageError
from edgeft.inputs import Input, group_of
from edgeft.tasks.builtin import parity_texts
from edgeft.tasks.encoded import Encoded
from edgeft.tasks.head import Head, Wish
from edgeft.tasks.outputs import Outputs
from edgeft.tasks.task import Answers, LabelNames, Noun, Rows, Task, Usage
from edgeft.tasks.usual import (
    always_plain,
    form_tells,
    no_thresholds,
    of_logits,
    of_one_form,
    unranked,
)

__all__ = ["TASK"]


def _join(outputs: Outputs, encoded: Sequence[Encoded]) -> Outputs:
    return outputs


def _decode(
    outputs: Outputs,
    encoded: Sequence[Encoded],
    inputs: Sequence[Input],
    labels: LabelNames,
    head: Head,
) -> list[Any]:
    return [None] * len(inputs)


def _no_answers(*_: Any) -> NoReturn:
    raise UsageError(
        "These graphs can be timed and nothing else: what they give is not known.",
        hint="Make a bundle of the model with: edgeft export",
    )


def _check(wish: Wish, labels: LabelNames) -> None:
    _no_answers()


def _answer(
    outputs: Outputs,
    encoded: Sequence[Encoded],
    inputs: Sequence[Input],
    labels: LabelNames,
    head: Head,
) -> Answers:
    _no_answers()


def _same(ones: Rows, others: Rows) -> "np.ndarray[Any, np.dtype[np.float64]]":
    return np.ones(len(ones))


TASK = Task(
    name="foreign",
    auto_class="AutoModel",
    problem="",
    export_task="feature-extraction",
    noun="model that is only timed",
    outputs={},
    unit=of_logits,
    takes=(str,),
    asks=Noun("text", "texts"),
    marks=Noun("row", "rows"),
    counted=Noun("row", "rows"),
    shares=None,
    group=group_of,
    sided=False,
    forms=(),
    suits=of_one_form,
    judged=Noun("text", "texts"),
    single=False,
    settings=frozenset(),
    metrics={},
    by_label="",
    provided="",
    alike="",
    alike_is="",
    schemes={},
    data="",
    example="",
    usage=Usage("None"),
    limits=_no_answers,
    rules=lambda head: (),
    cautions=lambda heads, bare: (),
    formats={},
    roles=(),
    detect=_no_answers,
    aloud=form_tells,
    read=_no_answers,
    labels=_no_answers,
    shown=_no_answers,
    truth_key=lambda one, truth: truth,
    strata=_no_answers,
    join=_join,
    answer=_answer,
    decode=_decode,
    sure=_no_answers,
    relevance=unranked,
    doubts=False,
    same=_same,
    score=_no_answers,
    figures=_no_answers,
    worst=_no_answers,
    further=_no_answers,
    unfitted=always_plain,
    suited=no_thresholds,
    fit=_no_answers,
    check=_check,
    show=lambda prediction, full: {},
    golden=(),
    parity=parity_texts,
)
