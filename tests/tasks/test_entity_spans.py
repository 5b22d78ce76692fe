"""Logits of tokens to the places of entities."""

import random
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from edgeft.errors import RunError, UsageError
from edgeft.tasks.encoded import Encoded, Part
from edgeft.tasks.entities import TASK, Entities
from edgeft.tasks.head import PLAIN, Head
from tests.encoded import in_pieces
from tests.tagged import LABELS, decoded, framed, logits_of, told


@pytest.mark.parametrize(
    ("tags", "expected"),
    [
        # A tag that goes on with nothing of its type begins an entity.
        (["I-PER", "I-PER", "O"], [("PER", "a b")]),
        (["B-LOC", "I-PER", "I-PER"], [("LOC", "a"), ("PER", "b c")]),
        (["O", "I-LOC", "I-PER"], [("LOC", "b"), ("PER", "c")]),
        (["B-PER", "B-PER", "I-PER"], [("PER", "a"), ("PER", "b c")]),
        (["B-PER", "O", "I-PER"], [("PER", "a"), ("PER", "c")]),
    ],
)
def test_impossible_sequences_are_repaired(tags: list[str], expected: list) -> None:
    assert told(decoded("a b c", logits_of(tags))) == expected


def test_plain_labels_join_neighbours_and_others_end_entities() -> None:
    plain = ("LOC", "O", "PER")
    rows = logits_of(["PER", "PER", "LOC", "O"], plain)
    assert told(decoded("a b c d", rows, plain)) == [("PER", "a b"), ("LOC", "c")]
    bioes = ("O", "B-X", "I-X", "E-X", "S-X")
    rows = logits_of(["B-X", "E-X", "I-X", "S-X", "S-X"], bioes)
    expected = [("X", "a b"), ("X", "c"), ("X", "d"), ("X", "e")]
    assert told(decoded("a b c d e", rows, bioes)) == expected


def test_aggregation_as_transformers_names_it() -> None:
    text, labels = "abcdefghi", ("O", "X")  # one word of three pieces
    scores = np.array([[0.6, 0.4], [0.05, 0.95], [0.7, 0.3]], np.float32)
    one = in_pieces(text)

    def found(aggregation: str) -> list[float]:
        head = Head(aggregation=aggregation)
        return [e.score for e in decoded(text, np.log(scores), labels, head, one)]

    assert found("first") == []
    assert found("average") == pytest.approx([0.55])
    assert found("max") == pytest.approx([0.95])
    with pytest.raises(UsageError, match="no aggregation 'simple'"):
        found("simple")


def test_texts_without_any_token() -> None:
    one = in_pieces("")
    joined = TASK.join({"logits": [framed(logits_of([]))]}, [one])
    assert TASK.decode(joined, [one], [""], LABELS, PLAIN) == [Entities(())]
    answers = TASK.answer(joined, [one], [""], LABELS, PLAIN)
    assert (list(answers.given), list(answers.margin)) == ([()], [])
    # Between others it shifts nothing.
    three = [in_pieces("a"), one, in_pieces("a b")]
    rows = [framed(logits_of(tags)) for tags in (["B-LOC"], [], ["O", "B-PER"])]
    joined = TASK.join({"logits": rows}, three)
    found = TASK.decode(joined, three, ["a", "", "a b"], LABELS, PLAIN)
    assert [told(some) for some in found] == [[("LOC", "a")], [], [("PER", "b")]]


def test_a_logit_that_is_no_number_is_no_answer() -> None:
    rows = logits_of(["O", "B-PER"])
    rows[1, 0] = np.nan
    with pytest.raises(RunError, match="no numbers"):
        decoded("a b", rows)


def test_white_space_and_characters_of_two_words_are_no_part_of_entities() -> None:
    part = Part([0, 1, 2, 3], range(4), 4, None, [(0, 3), (3, 6), (6, 7), (6, 7)], [0, 1, 2, 3])
    one = Encoded((part,))
    rows = logits_of(["B-PER", "I-PER", "B-LOC", "B-PER"])
    text = " Al Bo½"  # the space before a word is its token's; one character became two words
    (found,) = TASK.decode({"logits": [rows]}, [one], [text], LABELS, PLAIN)
    assert told(found) == [("PER", "Al Bo"), ("LOC", "½")]


ALPHABET = "ab \t\n.,-éñ\u0301\u200d👍🏽👨‍👩‍👧中文אבعَ½İﬁ"


def test_entities_stand_where_they_say_in_any_text_and_windows_change_nothing() -> None:
    chance = random.Random(3)
    numbers = np.random.default_rng(3)
    for _ in range(400):
        text = "".join(chance.choice(ALPHABET) for _ in range(chance.randint(0, 60)))
        whole = in_pieces(text)
        rows = numbers.normal(size=(len(whole.parts[0].own), len(LABELS))).astype(np.float32)
        head = Head(aggregation=chance.choice(["first", "average", "max"]))
        found = decoded(text, rows, head=head, encoded=whole)
        assert all(one.text == one.text.strip() != "" for one in found)
        assert all(a.end <= b.start for a, b in pairwise(found))
        most = chance.randint(2, 8)
        windows = in_pieces(text, most=most, overlap=chance.randint(0, most - 1))
        assert sum(part.fresh for part in windows.parts) == len(rows)
        split, begin = [], 0
        for part in windows.parts:
            begin -= len(part.own) - part.fresh
            split.append(framed(rows[begin : begin + len(part.own)]))
            begin += len(part.own)
        joined = TASK.join({"logits": split}, [windows])
        (same,) = TASK.decode(joined, [windows], [text], LABELS, head)
        assert same == replace(found, windows=len(windows.parts))
