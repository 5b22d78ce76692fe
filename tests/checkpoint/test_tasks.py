"""Checkpoints of other tasks than classification, and what torch tells of their inputs."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from edgeft.checkpoint.open import open_checkpoint
from edgeft.checkpoint.reference import encode, torch_told
from edgeft.errors import FormatError, ModelError
from edgeft.tasks.encoded import default_overlap
from edgeft.tasks.outputs import ragged
from tests import tiny
from tests.checkpoint.folders import with_json

LONG = "rain fell on the quiet river " * 20


@pytest.fixture(scope="module")
def tagger(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny.tagger(tmp_path_factory.mktemp("tagger"))


def test_the_config_tells_the_task(tagger: Path, tiny_checkpoint: Path) -> None:
    checkpoint = open_checkpoint(str(tagger))
    assert (checkpoint.task.name, checkpoint.labels) == ("token-classification", tiny.TAGS)
    assert open_checkpoint(str(tiny_checkpoint)).task.name == "text-classification"


def test_a_task_that_is_not_the_models(tagger: Path, tiny_checkpoint: Path) -> None:
    with pytest.raises(ModelError, match="is no text classifier"):
        open_checkpoint(str(tagger), "text-classification")
    with pytest.raises(ModelError, match="is no entity tagger: its config names Bert"):
        open_checkpoint(str(tiny_checkpoint), "token-classification")
    with pytest.raises(FormatError, match="knows no task 'summarization'"):
        open_checkpoint(str(tiny_checkpoint), "summarization")


def test_a_tagger_whose_head_lacks_a_label(tagger: Path, tmp_path: Path) -> None:
    names = {str(at): label for at, label in enumerate(tiny.TAGS[:4])}
    ids = {label: at for at, label in enumerate(tiny.TAGS[:4])}
    folder = with_json(tagger, tmp_path / "m", "config.json", id2label=names, label2id=ids)
    with pytest.raises(ModelError, match="does not fit the 4 labels of its config"):
        open_checkpoint(str(folder))


def test_a_tagger_with_one_label_alone(tagger: Path, tmp_path: Path) -> None:
    folder = with_json(
        tagger, tmp_path / "m", "config.json", id2label={"0": "O"}, label2id={"O": 0}
    )
    with pytest.raises(ModelError, match="names 1 label; entity taggers with two or more are"):
        open_checkpoint(str(folder))


def test_tokens_get_outputs_in_windows(tagger: Path) -> None:
    checkpoint = open_checkpoint(str(tagger))
    told = torch_told(checkpoint, ["the cat", "", LONG])
    short, empty, long = told.encoded
    assert [len(one.parts) for one in told.encoded][:2] == [1, 1]
    assert len(long.parts) > 1
    sizes = [sum(part.fresh for part in one.parts) for one in told.encoded]
    assert [one.shape for one in ragged(told.outputs, "logits")] == [(n, 5) for n in sizes]
    assert sizes == [2, 0, 140]
    assert short.parts[0].offsets == [(0, 0), (0, 3), (4, 7), (0, 0)]
    assert short.parts[0].words == [-1, 0, 1, -1]
    assert len(empty.ids) == 2


def test_neighbours_do_not_touch_what_torch_tells(tagger: Path) -> None:
    checkpoint = open_checkpoint(str(tagger))
    texts = ["the cat", LONG, "a"]
    together = ragged(torch_told(checkpoint, texts).outputs, "logits")
    for text, one in zip(texts, together, strict=True):
        alone = ragged(torch_told(checkpoint, [text]).outputs, "logits")[0]
        np.testing.assert_allclose(one, alone, atol=1e-4)


def test_the_runtime_reads_the_same_parts(tagger: Path) -> None:
    from edgeft.runtime.tokenize import TextEncoder

    checkpoint = open_checkpoint(str(tagger))
    content = checkpoint.tokenizer.backend_tokenizer.to_str().encode()
    encoder = TextEncoder(content, checkpoint.max_length, overlap=8, offsets=True)
    texts = ["the cat", LONG, "", "na\u00efve \U0001f63a \ud800 x"]
    for ours, theirs in zip(encode(checkpoint, texts), encoder.encode(texts), strict=True):
        assert [(one.ids, one.offsets, one.words, one.fresh) for one in ours.parts] == [
            (one.ids, one.offsets, one.words, one.fresh) for one in theirs.parts
        ]


@pytest.mark.parametrize("kind", ["bytes", "Unigram"])
def test_the_runtime_has_the_same_words(tagger: Path, tmp_path: Path, kind: str) -> None:
    from edgeft.runtime.tokenize import TextEncoder
    from tests.runtime.test_pairs import KINDS, Both

    both = Both(KINDS[kind](tmp_path))
    checkpoint = replace(open_checkpoint(str(tagger)), tokenizer=both.reference, max_length=24)
    overlap = default_overlap(checkpoint.max_length)
    encoder = TextEncoder(both.json, checkpoint.max_length, overlap=overlap, offsets=True)
    texts = [f"the{blank}rain{blank}" * 9 for blank in (" ", "\n", "  ", " \t ", "\r\n", "\u3000")]
    texts += ["", " ", "\n\n", LONG]
    for ours, theirs in zip(encode(checkpoint, texts), encoder.encode(texts), strict=True):
        assert [(one.ids, one.words, one.fresh) for one in ours.parts] == [
            (one.ids, one.words, one.fresh) for one in theirs.parts
        ]


def test_a_question_is_read_as_the_runtime_reads_it(tmp_path: Path) -> None:
    from edgeft.inputs import Question
    from edgeft.runtime.tokenize import TextEncoder

    checkpoint = open_checkpoint(str(tiny.answerer(tmp_path / "c")))
    assert (checkpoint.task.name, checkpoint.labels) == ("question-answering", ())
    content = checkpoint.tokenizer.backend_tokenizer.to_str().encode()
    encoder = TextEncoder(content, checkpoint.max_length, overlap=8, offsets=True)
    asked = [
        Question("what fell", "the rain fell"),
        Question("what fell", LONG),
        Question(LONG, LONG),
        Question("", "rain"),
    ]
    for ours, theirs in zip(encode(checkpoint, asked), encoder.encode(asked), strict=True):
        assert ours.parts == theirs.parts
    told = torch_told(checkpoint, asked)
    sizes = [sum(len(part.ids) for part in one.parts) for one in told.encoded]
    assert [len(one) for one in ragged(told.outputs, "end_logits")] == sizes


@pytest.mark.parametrize("kind", ["bytes", "Unigram"])
def test_a_question_is_cut_between_its_tokens_whatever_they_are(tmp_path: Path, kind: str) -> None:
    """One character may be several tokens, so that there is no text whose tokens are those kept."""
    from edgeft.inputs import Question
    from edgeft.runtime.tokenize import TextEncoder
    from tests.runtime.test_pairs import KINDS, Both

    checkpoint = open_checkpoint(str(tiny.answerer(tmp_path / "c")))
    both = Both(KINDS[kind](tmp_path))
    encoder = TextEncoder(both.json, checkpoint.max_length, overlap=8, offsets=True)
    checkpoint = replace(checkpoint, tokenizer=both.reference)
    asked = [
        Question("x" * more + one * 60, LONG) for one in ("👍🏽", "½", "  a") for more in range(5)
    ]
    asked += [Question("\ufdfa" * 5, LONG), Question("what fell", LONG), Question("a" * 32, "")]
    for ours, theirs in zip(encode(checkpoint, asked), encoder.encode(asked), strict=True):
        assert [(one.ids, one.types, one.own, one.fresh) for one in ours.parts] == [
            (one.ids, one.types, one.own, one.fresh) for one in theirs.parts
        ]
        head = ours.parts[0].own.start
        assert head <= checkpoint.max_length // 2 + both.reference.num_special_tokens_to_add(True)


def test_a_head_for_answers_gives_two_numbers(tmp_path: Path) -> None:
    tiny.answerer(tmp_path / "c")
    names = {str(at): f"LABEL_{at}" for at in range(3)}
    ids = {label: int(at) for at, label in names.items()}
    folder = with_json(tmp_path / "c", tmp_path / "m", "config.json", id2label=names, label2id=ids)
    with pytest.raises(ModelError, match="names 3 labels; a head for question-answering gives 2"):
        open_checkpoint(str(folder))
