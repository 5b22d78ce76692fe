"""What a word is: the same where a tagger is taught and where it answers."""

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from edgeft.runtime.places import word_rules
from edgeft.tasks.entities import TASK
from edgeft.tasks.head import PLAIN, Head
from edgeft.tasks.words import word_tokens, words_of
from edgeft.train.objectives.classes import IGNORED
from edgeft.train.objectives.entities import OBJECTIVE
from tests import tiny
from tests.encoded import in_pieces
from tests.runtime.test_pairs import KINDS, Both
from tests.tagged import LABELS, told

TEXT = "\n in New\nYork, Los  Angeles \t\r\n and\u3000Rome \u00a0 \n"
NAMES = ("New\nYork", "Los  Angeles", "Rome")
TRUTH = tuple((TEXT.index(name), TEXT.index(name) + len(name), 1) for name in NAMES)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("aggregation", ["first", "average", "max"])
@pytest.mark.parametrize(("most", "overlap"), [(999, None), (12, 3)])
def test_entities_over_white_space_are_taught_and_found_whole(
    tmp_path: Path, kind: str, aggregation: str, most: int, overlap: int | None
) -> None:
    both = Both(KINDS[kind](tmp_path))
    one = both.encoder(most, overlap).encode_one(TEXT)
    words = words_of(one, TEXT)
    assert all(TEXT[word.start : word.end].strip() for word in words)
    assert [one.token for one in words] == sorted({one.token for one in words})
    ((*rows,),) = OBJECTIVE.targets([TEXT], [one], [TRUTH], LABELS)
    taught = [target for _, targets in rows for target in targets if target != IGNORED]
    assert len(taught) >= len(words)  # more where windows overlap
    teaches = {id(part): target for part, target in rows}
    logits = [
        np.eye(len(LABELS), dtype=np.float32)[
            np.maximum(teaches.get(id(part), [0] * len(part.ids)), 0)
        ]
        * 30
        for part in one.parts
    ]
    joined = TASK.join({"logits": logits}, [one])
    head = Head(aggregation=aggregation)
    if aggregation == "first":
        (found,) = TASK.decode(joined, [one], [TEXT], LABELS, head)
        assert told(found) == [("LOC", name) for name in NAMES]
    answers = TASK.answer(joined, [one], [TEXT], LABELS, head)
    assert all(a[1] <= b[0] for a, b in pairwise(answers.given[0]))


def test_what_is_no_word_tells_nothing(tmp_path: Path) -> None:
    one = Both(KINDS["bytes"](tmp_path)).encoder(99).encode_one("a\n\nb")
    tokens = sum(part.fresh for part in one.parts)
    found = word_tokens([one, in_pieces(""), one])
    assert [found.text[found.firsts].tolist(), found.place[found.firsts].tolist()] == [
        [0, 0, 2, 2], [0, 3, 0, 3],
    ]  # fmt: skip
    rows = np.zeros((tokens, len(LABELS)), np.float32)
    rows[:, 0] = 9.0
    rows[2] = 0.0  # of the line's end nothing is clear
    sure = TASK.answer({"logits": [rows]}, [one], ["a\n\nb"], LABELS, PLAIN).margin
    assert (len(sure), sure.min() > 0.9) == (2, True)
    nothing = word_tokens([])
    assert len(nothing.firsts) == len(nothing.lasts) == 0


@pytest.mark.parametrize("aggregation", ["first", "average", "max"])
def test_a_text_of_white_space_alone(tmp_path: Path, aggregation: str) -> None:
    one = Both(KINDS["bytes"](tmp_path)).encoder(99).encode_one(" \n ")
    rows = sum(part.fresh for part in one.parts)
    assert rows > 0
    assert OBJECTIVE.targets([" \n "], [one], [()], LABELS) == [[]]
    logits = {"logits": [np.ones((rows, len(LABELS)), np.float32)]}
    answers = TASK.answer(logits, [one], [" \n "], LABELS, Head(aggregation=aggregation))
    assert (list(answers.given), list(answers.margin)) == ([()], [])


def test_tokenizers_that_know_no_words_of_white_space_need_no_rules(tmp_path: Path) -> None:
    assert not word_rules(tiny.wordpiece(tmp_path).backend_tokenizer)
    rules = {kind: word_rules(KINDS[kind](tmp_path)) for kind in KINDS}
    assert [rules[kind].blank for kind in ("WordPiece", "bytes", "Unigram")] == [False, True, True]
    assert [rules[kind].glued for kind in ("WordPiece", "bytes", "Unigram")] == [False, False, True]
