"""Logits of tokens to named entities, and what these are worth."""

import json
import random
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

import edgeft
from edgeft.data import Examples
from edgeft.errors import RunError, UsageError
from edgeft.tasks import task_named
from edgeft.tasks.encoded import Encoded, Part
from edgeft.tasks.entities import TASK, Entities
from edgeft.tasks.tags import bio
from edgeft.tasks.task import PLAIN, Head, Wish
from edgeft.tasks.words import cut_spans
from tests.encoded import in_pieces

LABELS = bio(["LOC", "PER"])  # O, B-LOC, I-LOC, B-PER, I-PER


def logits_of(tags: list[str], labels: tuple[str, ...] = LABELS, sure: float = 0.9) -> np.ndarray:
    """(T, C) logits whose softmax gives each tag ``sure`` and the others the rest."""
    scores = np.full((len(tags), len(labels)), (1 - sure) / (len(labels) - 1), np.float32)
    for at, tag in enumerate(tags):
        scores[at, labels.index(tag)] = sure
    return np.log(scores)


def framed(rows: np.ndarray) -> np.ndarray:
    """With rows for the special tokens, of which nothing may come."""
    loud = np.zeros((1, rows.shape[1]), np.float32)
    loud[0, -1] = 50.0
    return np.concatenate([loud, rows, loud])


def decoded(
    text: str,
    rows: np.ndarray,
    labels: tuple[str, ...] = LABELS,
    head: Head = PLAIN,
    encoded: Encoded | None = None,
) -> Entities:
    one = encoded or in_pieces(text, piece=99)
    joined = TASK.join({"logits": [framed(rows)]}, [one])
    (found,) = TASK.decode(joined, [one], [text], labels, head)
    (answer,) = TASK.answer(joined, [one], [text], labels, head).given
    assert [one[:2] for one in answer] == [(entity.start, entity.end) for entity in found]
    assert all(text[one.start : one.end] == one.text for one in found)
    return found


def told(found: Entities) -> list[tuple[str, str]]:
    return [(one.label, one.text) for one in found]


def test_the_task_is_found_by_its_name_and_its_values_have_public_names() -> None:
    assert task_named("token-classification") is TASK
    assert (TASK.by_token, TASK.on_long) == (True, "window")
    assert TASK.ort_class == "ORTModelForTokenClassification"
    assert edgeft.Entities is Entities


def test_entities_are_a_sequence_of_what_stands_in_the_text() -> None:
    text = "Ada Lovelace met Babbage in London."
    tags = ["B-PER", "I-PER", "O", "B-PER", "O", "B-LOC", "O"]
    found = decoded(text, logits_of(tags))
    assert told(found) == [("PER", "Ada Lovelace"), ("PER", "Babbage"), ("LOC", "London")]
    assert len(found) == 3
    assert found[0] is found.entities[0]
    assert found[1:] == found.entities[1:]
    assert [one.score for one in found] == pytest.approx([0.9] * 3)
    assert TASK.sure(found) == pytest.approx(0.9)
    assert TASK.sure(decoded("Nobody", logits_of(["O"]))) == 1.0


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


def test_scores_below_the_least_are_not_given_but_stay_the_likeliest() -> None:
    rows = np.concatenate([logits_of(["B-PER"], sure=0.6), logits_of(["B-LOC"], sure=0.9)])
    head = Head(min_score=0.7)
    assert told(decoded("a b", rows, head=head)) == [("LOC", "b")]
    one = in_pieces("a b")
    answers = TASK.answer({"logits": [rows]}, [one], ["a b"], LABELS, head)
    assert list(answers.likeliest) == [((0, 1, 3), (2, 3, 1))]
    assert list(answers.given) == [((2, 3, 1),)]
    plain = TASK.answer({"logits": [rows]}, [one], ["a b"], LABELS, PLAIN)
    assert plain.given is plain.likeliest
    assert plain.margin == pytest.approx([0.5])  # of the less clear word


def test_texts_without_any_token() -> None:
    one = in_pieces("")
    joined = TASK.join({"logits": [framed(logits_of([]))]}, [one])
    assert TASK.decode(joined, [one], [""], LABELS, PLAIN) == [Entities(())]
    answers = TASK.answer(joined, [one], [""], LABELS, PLAIN)
    assert (list(answers.given), list(answers.margin)) == ([()], [1.0])
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


def test_shown_as_json() -> None:
    found = decoded("in Rome", logits_of(["O", "B-LOC"]))
    shown = TASK.show(found, True)
    assert json.loads(json.dumps(shown)) == {
        "entities": [{"label": "LOC", "text": "Rome", "start": 3, "end": 7, "score": 0.9}],
        "truncated": False,
        "unknown_share": 0.0,
    }
    assert TASK.show(replace(found, windows=2), False)["windows"] == 2


TRUTHS = [((0, 1, 1), (4, 6, 3)), ((0, 2, 1),), (), ((3, 5, 3),)]
ANSWERS = [((0, 1, 1), (4, 6, 1)), ((0, 1, 1),), ((7, 9, 3),), ()]


def test_scores_by_span_and_label() -> None:
    scores = TASK.score(TRUTHS, ANSWERS, LABELS)
    assert scores.rows == 4
    assert scores.support == {"LOC": 2, "PER": 2}
    assert scores.headline() == {"entity_f1": 0.25, "precision": 0.25, "recall": 0.25, "rows": 4}
    told = json.loads(json.dumps(scores.to_dict()))
    assert told["per_label"]["LOC"] == {
        "precision": 0.333333, "recall": 0.5, "f1": 0.4, "support": 2, "found": 3,
    }  # fmt: skip
    assert told["mistakes"] == {"other label": 1, "other span": 1, "missed": 1, "not there": 1}
    by_label, mistakes = scores.tables("test")
    assert by_label[2][0] == ["LOC", "0.3333", "0.5000", "0.4000", 2]
    assert mistakes[2][0] == ["other label", 1]
    assert scores.outcome(PLAIN) == {}
    assert scores.outcome(Head(min_score=0.5))["entity_f1"] == 0.25
    nothing = TASK.score([()], [()], LABELS)
    assert nothing.figure("entity_f1") == 0.0
    with pytest.raises(ValueError, match="same length"):
        TASK.score([], [], LABELS)


def test_figures_are_the_scores_of_rows_repeated_by_weight() -> None:
    weights = np.array([[1, 3], [1, 0], [1, 2], [1, 1]], np.float64)  # (M, D)
    figures = TASK.figures(TRUTHS, ANSWERS, LABELS, weights)["entity_f1"]

    def repeated(rows: list, times: np.ndarray) -> list:
        return [row for row, n in zip(rows, times, strict=True) for _ in range(int(n))]

    expected = [
        TASK.score(repeated(TRUTHS, one), repeated(ANSWERS, one), LABELS).figure("entity_f1")
        for one in weights.T
    ]
    assert figures == pytest.approx(expected)
    assert TASK.figures([()], [()], LABELS, np.ones((1, 1)))["entity_f1"] == [0.0]


# What seqeval 1.2.2 gives in its strict mode for IOB2: (F1, precision, recall).
SEQEVAL = [
    (["B-PER I-PER O B-LOC"], ["B-PER I-PER O B-LOC"], (1.0, 1.0, 1.0)),
    (["B-PER I-PER O B-LOC"], ["B-PER O O B-LOC"], (0.5, 0.5, 0.5)),
    (["B-PER I-PER O B-LOC", "O O"], ["B-PER B-PER O O", "B-LOC O"], (0.0, 0.0, 0.0)),
    (["B-PER B-PER I-PER", "B-LOC O"], ["B-PER B-PER O", "B-LOC O"], (2 / 3, 2 / 3, 2 / 3)),
    (["B-PER O B-LOC I-LOC"], ["O O B-LOC I-LOC"], (2 / 3, 1.0, 0.5)),
]


@pytest.mark.parametrize(("true", "predicted", "expected"), SEQEVAL)
def test_scores_are_those_of_seqeval(true: list, predicted: list, expected: tuple) -> None:
    def spans(line: str) -> tuple:
        tags = line.split()
        text = " ".join("w" for _ in tags)
        one = in_pieces(text)
        return next(
            iter(TASK.answer({"logits": [logits_of(tags)]}, [one], [text], LABELS, PLAIN).given)
        )

    scores = TASK.score([*map(spans, true)], [*map(spans, predicted)], LABELS)
    figures = (
        scores.headline()["entity_f1"],
        *(scores.headline()[n] for n in ("precision", "recall")),
    )
    assert figures == pytest.approx(expected, abs=1e-6)


def test_how_far_answers_agree() -> None:
    same = TASK.same([(), ((0, 1, 1),), ((0, 1, 1), (2, 3, 1))], [(), (), ((0, 1, 1),)])
    assert same == pytest.approx([1.0, 0.0, 2 / 3])


def test_the_worst_row_is_a_seen_one_and_costs_more_than_any_other() -> None:
    worst = TASK.worst(TRUTHS, ANSWERS, ANSWERS, LABELS, 3.7)
    assert worst is not None
    truth, answer, reference = worst
    assert truth == reference == TRUTHS[0]
    assert not set(answer) & set(truth)
    assert len(answer) == len(truth)
    assert TASK.worst([()], [()], [()], LABELS, 3.7) is None


def test_no_threshold_can_be_wished_for() -> None:
    with pytest.raises(UsageError, match="no thresholds"):
        TASK.check(Wish(right=0.9), LABELS)
    TASK.check(Wish(), LABELS)
    rows = {"logits": [logits_of(["O"])]}
    assert TASK.fit(rows, [], [], [()], LABELS, Wish(), "int8") == PLAIN
    assert TASK.further(rows, [()], LABELS, PLAIN) == {}


def test_strata_are_of_the_rarest_type_and_leave_none_alone_without_need() -> None:
    loc, per = (0, 1, 1), (2, 3, 3)
    assert TASK.strata([(loc,), (loc, per), (), (), (per,), (loc,)], LABELS) == [
        "LOC", "PER", "none", "none", "PER", "LOC",
    ]  # fmt: skip
    # The one text without entities goes where most are; so does one whose type others have.
    assert TASK.strata([(loc,), (loc,), ()], LABELS) == ["LOC"] * 3
    assert TASK.strata([(per,), (per, loc), (per, loc)], LABELS) == ["LOC"] * 3
    assert TASK.strata([(loc,), (loc,), (per,)], LABELS) == ["LOC", "LOC", "PER"]


def test_labels_are_the_tags_of_the_types_that_rows_show() -> None:
    truths = [((0, 1, 5),), ((0, 1, 1),)]
    examples = Examples("a", ["x", "y"], truths, [1, 2], bio(["A", "B", "C"]), {})
    assert TASK.labels(examples) == ("O", "B-A", "I-A", "B-C", "I-C")


def test_spans_that_cut_a_word_are_counted() -> None:
    text = "Ada Lovelace met"
    one = in_pieces(text)
    assert cut_spans(one, text, [(0, 12, 3)]) == 0
    assert cut_spans(one, text, [(0, 13, 3)]) == 0  # the space behind it is no part of it
    assert cut_spans(one, text, [(0, 6, 3), (13, 15, 1)]) == 2
