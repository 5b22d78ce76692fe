"""Chinese, emoji and scripts that no vocabulary here has, through every task."""

import json
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import edgeft
from edgeft.export.run import ExportConfig, export
from edgeft.inputs import Input, Pair, Question
from edgeft.proof.battery import evaluate
from edgeft.tasks import TASKS
from edgeft.tasks.reading import read_examples
from tests import tiny
from tests.tiny import CHINESE

LABELS = ("好", "坏", "不知道")
TAGS = ("O", "B-动物", "I-动物", "B-地点", "I-地点")
TEXTS = [
    "一只狗在公园跑",
    "我们今天去公园。天气很好!",
    "🐕 👍",
    "the cat 和一只猫",
    "狗",
    "the e\u0301 不",
]
UNKNOWN = ["Привет, мир", "مرحبا", "ภาษาไทย"]
QUESTIONS: list[Input] = [Question("狗在公园?", text) for text in TEXTS]

MAKERS: dict[str, Callable[[Path], Path]] = {
    "text-classification": lambda out: tiny.bert(out, labels=LABELS, more=CHINESE),
    "multi-label-classification": lambda out: tiny.labeller(out, labels=LABELS, more=CHINESE),
    "token-classification": lambda out: tiny.tagger(out, labels=TAGS, seed=3, more=CHINESE),
    "question-answering": lambda out: tiny.answerer(out, more=CHINESE),
    "text-regression": lambda out: tiny.scorer(out, more=CHINESE),
    "feature-extraction": lambda out: tiny.sentences(out, more=CHINESE),
}


def rows(task: str, asked: list[Input], answers: list[Any]) -> list[dict[str, Any]]:
    """Labelled rows in the form of a task, in which the answers are true."""
    match task:
        case "text-classification":
            return [{"text": a, "label": b.label} for a, b in zip(asked, answers, strict=True)]
        case "multi-label-classification":
            return [{"text": a, "labels": [*b.labels]} for a, b in zip(asked, answers, strict=True)]
        case "token-classification":
            mark = {"start": 0, "end": 1, "label": "动物"}  # in each text, whatever was found
            return [{"text": a, "entities": [mark]} for a in asked]
        case "question-answering":
            return [
                {"question": a.question, "context": a.context,
                 "answers": [{"text": b.text, "answer_start": b.start}]}
                for a, b in zip(asked, answers, strict=True)
                if isinstance(a, Question)
            ]  # fmt: skip
        case "text-regression":
            return [{"text": a, "score": b.value} for a, b in zip(asked, answers, strict=True)]
        case _:
            return [{"sentence1": one, "sentence2": other, "score": at}
                    for at, (one, other) in enumerate(pairwise(asked))]  # fmt: skip


@pytest.mark.parametrize("task", TASKS)
def test_the_whole_road(task: str, tmp_path: Path) -> None:
    checkpoint = MAKERS[task](tmp_path / "c")
    out = export(ExportConfig(str(checkpoint), tmp_path / "b", variants=("fp32",))).out
    asked: list[Input] = [*QUESTIONS] if task == "question-answering" else [*TEXTS]
    with edgeft.load(out, task=task, device="cpu", variant="fp32") as model:
        together = model.predict(asked)
        for one, answer in zip(asked, together, strict=True):
            assert answer.unknown_share < 0.5, one
            shown = model.task.show(answer, True)
            assert json.loads(json.dumps(shown, ensure_ascii=False)) == shown
            spans = [answer] if isinstance(one, Question) else answer
            if model.task.by_token:
                text = one.context if isinstance(one, Question) else one
                assert isinstance(text, str)
                assert all(text[span.start : span.end] == span.text for span in spans)
        if task == "token-classification":
            assert any(together)
        known = together[0]
        assert known.unknown_share == 0
        bare = model.predict(UNKNOWN if task != "question-answering"
                             else [Question("狗?", one) for one in UNKNOWN])  # fmt: skip
        assert all(one.unknown_share > 0.2 for one in bare)
        data = tmp_path / "d.jsonl"
        lines = [json.dumps(row, ensure_ascii=False) for row in rows(task, asked, together)]
        data.write_text("\n".join(lines) + "\n", encoding="utf-8")
        found = evaluate(model, read_examples(data, model.task))
        assert found.scores is not None
        figures = [found.scores.figure(metric) for metric in model.task.metrics]
        assert np.isfinite(figures).all()
        if task != "feature-extraction":  # whose numbers here are nobody's
            best = 1.0 if any(rows(task, asked, together)) else 0.0
            assert figures[0] == pytest.approx(best, abs=1e-3) or task == "token-classification"


def test_pairs_of_two_languages(pair_bundle: Path) -> None:
    with edgeft.load(pair_bundle, device="cpu", variant="fp32") as model:
        one = model.predict(Pair("一只狗在公园跑", "a dog in the rain 🐕"))
        assert one.unknown_share == 0
        ranked = model.rank("狗在哪", TEXTS, top=2)
        assert [TEXTS[each.index] for each in ranked] == [each.text for each in ranked]
