"""What type checkers are told of predictions: `make lint` reads this, and nothing runs it."""

from pathlib import Path
from typing import Any, assert_type

import edgeft
from edgeft import Answer, Classification, Entities, Model, Pair, Question, Ranked


async def a_task_that_is_named_tells_what_is_predicted(bundle: Path) -> None:
    tagger = edgeft.load(bundle, task="token-classification", device="cpu", min_score=0.5)
    assert_type(tagger, Model[Entities])
    assert_type(tagger.predict("Ada met Babbage"), Entities)
    assert_type(tagger.predict(["Ada", "Babbage"]), list[Entities])
    assert_type([one.label for some in tagger.stream(["Ada"]) for one in some], list[str])
    assert_type(await tagger.apredict("Ada"), Entities)

    finder = edgeft.load(bundle, task="question-answering", top_k=3)
    assert_type(finder.predict(Question("Who won?", "…")), Answer)
    classifier = edgeft.load(str(bundle), task="text-classification")
    assert_type(classifier.predict("Shares fell").label, str)
    judge = edgeft.load(bundle, task="text-classification", symmetric=True)
    assert_type(judge.predict([Pair("A man eats.", "Someone eats.")]), list[Classification])
    assert_type(judge.rank("food", ["A man eats."], top=1), list[Ranked])
    with classifier as model:
        assert_type(model.predict("Shares fell"), Classification)


def without_a_task_it_may_be_anything(bundle: Path, task: str | None) -> None:
    assert_type(edgeft.load(bundle).predict("Shares fell"), Any)
    model: Model = edgeft.load(bundle, task=task)  # no parameter need be written
    assert_type(model.predict(["Shares fell"]), list[Any])


def an_option_that_is_none_is_told(bundle: Path) -> None:
    edgeft.load(bundle, task="token-classification", min_scores=0.5)  # type: ignore[call-overload]
    edgeft.load(bundle, threads="2")  # type: ignore[call-overload]
