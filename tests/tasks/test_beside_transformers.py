"""Entities and answers beside transformers' own code, on one model's outputs."""

import random
from pathlib import Path

import numpy as np
import pytest
import torch
import transformers

from edgeft.inputs import Question
from edgeft.runtime.tokenize import TextEncoder
from edgeft.tasks import task_named
from edgeft.tasks.encoded import Encoded
from edgeft.tasks.head import PLAIN, Head
from tests import tiny

LONGEST = 64  # tokens


def texts(count: int, words: int, seed: int) -> list[str]:
    """Texts of the words that the tiny tokenizer has, of pieces, and of what is strange."""
    chance = random.Random(seed)
    some = [*tiny.WORDS, "naïve", "xyz", "Größe,", "a-b", "👍🏽", "今天", "(ok)"]
    return [" ".join(chance.choices(some, k=chance.randint(1, words))) for _ in range(count)]


def encoded_in(folder: Path, inputs: list, overlap: int) -> list[Encoded]:
    content = (folder / "tokenizer.json").read_bytes()
    return TextEncoder(content, LONGEST, overlap=overlap, offsets=True).encode(inputs)


def outputs_of(model: transformers.PreTrainedModel, encoded: list[Encoded]) -> dict[str, list]:
    found: dict[str, list] = {}
    for part in [part for one in encoded for part in one.parts]:
        with torch.no_grad():
            given = model(
                input_ids=torch.tensor([part.ids]),
                token_type_ids=torch.tensor([part.types or [0] * len(part.ids)]),
            )
        for name, value in given.items():
            found.setdefault(name, []).append(value[0].numpy())
    return found


@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize("aggregation", ["first", "average", "max"])
def test_entities_are_those_of_the_pipeline(tmp_path: Path, aggregation: str) -> None:
    folder = tiny.tagger(tmp_path / "t")
    model = transformers.AutoModelForTokenClassification.from_pretrained(folder)
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    some = texts(60, 12, seed=1)
    encoded, task = encoded_in(folder, some, 8), task_named("token-classification")
    joined = task.join(outputs_of(model, encoded), encoded)
    labels = tuple(model.config.id2label[at] for at in range(model.config.num_labels))
    ours = task.decode(joined, encoded, some, labels, Head(aggregation=aggregation))
    pipeline = transformers.pipeline(
        "token-classification",
        model=model,
        tokenizer=tokenizer,
        aggregation_strategy=aggregation,
        device="cpu",
    )
    assert sum(map(len, ours)) > len(some)
    for found, theirs in zip(ours, pipeline(some), strict=True):
        assert [(one.label, one.start, one.end) for one in found] == [
            (one["entity_group"], one["start"], one["end"]) for one in theirs
        ]
        scores = [one.score for one in found]
        assert scores == pytest.approx([float(one["score"]) for one in theirs], abs=1e-4)


def test_answers_have_the_highest_sum_of_all_valid_spans(tmp_path: Path) -> None:
    """As transformers' script run_qa finds them, tried one by one over all windows."""
    folder = tiny.answerer(tmp_path / "a")
    model = transformers.AutoModelForQuestionAnswering.from_pretrained(folder)
    asked = [
        Question(question, context)
        for question, context in zip(texts(12, 4, seed=2), texts(12, 120, seed=3), strict=True)
    ]
    encoded, task = encoded_in(folder, asked, 16), task_named("question-answering")
    outputs = outputs_of(model, encoded)
    assert max(len(one.parts) for one in encoded) > 1
    ours = task.decode(task.join(outputs, encoded), encoded, asked, (), PLAIN)
    begin = 0
    for one, found, question in zip(encoded, ours, asked, strict=True):
        best = (-np.inf, 0, 0)
        for number, part in enumerate(one.parts, start=begin):
            starts, ends = outputs["start_logits"][number], outputs["end_logits"][number]
            for first in part.own:
                for last in range(first, min(first + PLAIN.max_answer_tokens, part.own.stop)):
                    assert part.offsets is not None
                    span = part.offsets[first][0], part.offsets[last][1]
                    best = max(best, (float(starts[first]) + float(ends[last]), *span))
        assert (found.start, found.end) == best[1:]
        assert found.text == question.context[best[1] : best[2]]
        begin += len(one.parts)
