"""How answers are scored: exact match and F1 by the rules of SQuAD 1.1 and 2.0. numpy only.

Rajpurkar, Zhang, Lopyrev and Liang 2016; Rajpurkar, Jia and Liang 2018, and the scripts that they
published with the data.
"""

import re
import string
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgeft.tasks.head import Head
from edgeft.tasks.task import Rows
from edgeft.tasks.usual import none_withheld

__all__ = ["AnswerScores", "exact", "f1_of", "official_form", "row_scores", "score_answers"]

DIGITS = 6
ARTICLES = re.compile(r"\b(a|an|the)\b")
PUNCTUATION = str.maketrans("", "", string.punctuation)

Truth = tuple[tuple[str, int], ...]  # each gold answer and where it stands; () for none
Given = tuple[str, int, int]  # an answer's text, "" for none, and where it stands
Grid = tuple[str, list[str], list[list[object]]]  # title, columns, rows
Floats = NDArray[np.float64]


@lru_cache(maxsize=1 << 16)
def official_form(text: str) -> str:
    """In small letters, without ASCII punctuation, articles, and white space beyond one blank."""
    return " ".join(ARTICLES.sub(" ", text.lower().translate(PUNCTUATION)).split())


def golds(truth: Truth) -> list[str]:
    """The answers that count; [""] where there is none."""
    return [text for text, _ in truth if official_form(text)] or [""]


def exact(truth: Truth, answer: Given) -> bool:
    """Whether an answer is one of the gold ones when normalized."""
    return official_form(answer[0]) in map(official_form, golds(truth))


def f1_of(truth: Truth, answer: Given) -> float:
    """The overlap of words with the gold answer that it is greatest with, 0 to 1."""
    return max(_f1(gold, answer[0]) for gold in golds(truth))


def _f1(gold: str, answer: str) -> float:
    wanted, given = official_form(gold).split(), official_form(answer).split()
    if not wanted or not given:
        return float(wanted == given)
    same = (Counter(wanted) & Counter(given)).total()
    return 2 * same / (len(wanted) + len(given))


@dataclass(frozen=True)
class AnswerScores:
    """All scores of ``rows`` answers, from 0 to 1, to the digits in which they are told anywhere.

    Those of rows that have an answer, and of those that have none, stand apart as (rows, exact
    match, F1). given: rows that got an answer.
    """

    rows: int
    exact_match: float
    f1: float
    given: int
    with_answer: tuple[int, float, float]
    without: tuple[int, float, float]

    @property
    def support(self) -> dict[str, int]:
        """Empty: there are no labels."""
        return {}

    def figure(self, metric: str) -> float:
        """Exact match or F1."""
        return {"exact_match": self.exact_match, "f1": self.f1}[metric]

    def headline(self) -> dict[str, float]:
        """The few figures that head a table."""
        return {
            "exact_match": self.exact_match,
            "f1": self.f1,
            "rows": self.rows,
        }

    def summary(self) -> dict[str, str]:
        """Both figures."""
        return {"exact match": f"{self.exact_match:.4f}", "F1": f"{self.f1:.4f}"}

    def to_dict(self) -> dict[str, Any]:
        """A JSON-ready dictionary of everything."""
        kinds = {"with_answer": self.with_answer, "without_answer": self.without}
        return {
            **self.headline(),
            "answered": self.given,
            **{
                name: {
                    "rows": rows,
                    "exact_match": exact_match,
                    "f1": f1,
                }
                for name, (rows, exact_match, f1) in kinds.items()
            },
        }

    def outcome(self, head: Head) -> dict[str, float | None]:
        """What is left where "none" may be the answer, and the share of rows that got another."""
        if head.null_margin is None:
            return {}
        return {
            "exact_match": self.exact_match,
            "f1": self.f1,
            "answered": round(self.given / self.rows, DIGITS),
        }

    selective = none_withheld

    def tables(self, title: str) -> list[Grid]:
        """Questions that have an answer, and those that have none."""
        kinds = {"with an answer": self.with_answer, "without one": self.without}
        rows: list[list[object]] = [
            [name, f"{exact_match:.4f}", f"{f1:.4f}", rows]
            for name, (rows, exact_match, f1) in kinds.items()
            if rows
        ]
        return [(f"{title}: questions", ["", "exact match", "F1", "rows"], rows)]


def row_scores(truths: Rows, answers: Rows) -> tuple[Floats, Floats]:
    """(N,) exact match, 0 or 1, and (N,) F1 of each row."""
    pairs = list(zip(truths, answers, strict=True))
    return (
        np.array([exact(truth, answer) for truth, answer in pairs], np.float64),
        np.array([f1_of(truth, answer) for truth, answer in pairs], np.float64),
    )


def score_answers(truths: Rows, answers: Rows) -> AnswerScores:
    """Score N answers against N truths, by their texts.

    Raises ValueError where the lists are empty or differ in length.
    """
    if len(truths) != len(answers) or not len(truths):
        raise ValueError("truths and answers must have the same length, at least 1")
    matches, overlaps = row_scores(truths, answers)
    has = np.array([golds(truth) != [""] for truth in truths])

    def means(rows: NDArray[np.bool_]) -> tuple[int, float, float]:
        if not rows.any():
            return 0, 0.0, 0.0
        exact_match, f1 = (round(float(one[rows].mean()), DIGITS) for one in (matches, overlaps))
        return int(rows.sum()), exact_match, f1

    given = sum(bool(text) for text, *_ in answers)
    rows, exact_match, f1 = means(np.ones(len(has), np.bool_))
    return AnswerScores(rows, exact_match, f1, given, means(has), means(~has))


def best_margin(leads: Sequence[float], answered: Floats, unanswered: Floats) -> float:
    """The margin by which "none" must lead so that the sum of scores is greatest.

    leads: (N,) how far "none" lies before the best answer. answered, unanswered: (N,) what a row
    scores with that answer, and with none.
    """
    order = np.argsort(leads, kind="stable")
    sorted_leads = np.asarray(leads, np.float64)[order]
    # With the margin behind the first k rows, these are answered and the others not.
    gain = np.append(0.0, np.cumsum((answered - unanswered)[order]))  # (N + 1,)
    # Between equal leads no margin can stand.
    apart = np.ones(len(gain), np.bool_)
    apart[1:-1] = sorted_leads[1:] > sorted_leads[:-1]
    k = int(np.argmax(np.where(apart, gain, -np.inf)))
    below = sorted_leads[k - 1] if k else sorted_leads[0] - 2.0
    above = sorted_leads[k] if k < len(sorted_leads) else sorted_leads[-1] + 2.0
    middle = float(below + above) / 2
    rounded = round(middle, 3)
    return rounded if below <= rounded < above else middle
