"""Entities, answers and many labels on the bench: what is asked, how long it is, what agrees."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from edgeft.bench.asked import of_length, read_all
from edgeft.bench.cell import Cell
from edgeft.bench.matrix import BenchConfig
from edgeft.bench.process import Job, run_once
from edgeft.bench.run import bench
from edgeft.cli import main
from edgeft.errors import DataError, UsageError
from edgeft.inputs import Question
from edgeft.runtime.tokenize import TextEncoder
from edgeft.tasks import task_named
from tests import tiny
from tests.conftest import Make
from tests.exporting import ExportConfig, export

ANSWERS = task_named("question-answering")
ENTITIES = task_named("token-classification")
CONLL = "-DOCSTART- O\n\nthe O\ncat B-PER\n\nred O\nriver B-LOC\n"
LONG = " ".join(tiny.WORDS * 5)
QUESTIONS = [
    Question("who won?", "the team won the game"),
    Question("what fell?", "rain fell on a quiet day"),
    Question("what fell?", LONG),
]


@pytest.fixture(scope="module")
def tagger(made_once: Make, tmp_path_factory: pytest.TempPathFactory) -> Path:
    checkpoint = tiny.tagger(tmp_path_factory.mktemp("tagger") / "c")
    return made_once("bench-tagger", lambda out: export(ExportConfig(str(checkpoint), out)))


@pytest.fixture(scope="module")
def answerer(made_once: Make, tmp_path_factory: pytest.TempPathFactory) -> Path:
    checkpoint = tiny.answerer(tmp_path_factory.mktemp("answerer") / "c")
    return made_once("bench-answerer", lambda out: export(ExportConfig(str(checkpoint), out)))


def encoder(bundle: Path, overlap: int | None = 8) -> TextEncoder:
    return TextEncoder((bundle / "tokenizer.json").read_bytes(), tiny.POSITIONS, overlap=overlap)


def squad() -> str:
    paragraphs = [
        {"context": one.context, "qas": [{"id": str(at), "question": one.question, "answers": []}]}
        for at, one in enumerate(QUESTIONS)
    ]
    return json.dumps({"version": "2.0", "data": [{"title": "t", "paragraphs": paragraphs}]})


def lines() -> str:
    told = [{"question": one.question, "context": one.context} for one in QUESTIONS]
    return "".join(json.dumps(one) + "\n" for one in told)


@pytest.mark.parametrize(("name", "content"), [("q.json", squad()), ("q.jsonl", lines())])
def test_the_questions_of_a_file_are_asked(
    name: str, content: str, answerer: Path, tmp_path: Path
) -> None:
    path = tmp_path / name
    path.write_text(content)
    found = read_all(path, None, None, encoder(answerer), task=ANSWERS)
    assert sorted(found.inputs, key=str) == sorted(QUESTIONS, key=str)
    facts = found.facts
    assert (facts.kind, facts.count, facts.truncated, facts.windowed) == ("questions", 3, 0, 1)
    parts = [one.parts for one in encoder(answerer).encode(found.inputs)]
    assert found.lengths == [sum(len(part.ids) for part in some) for some in parts]
    assert facts.tokens_max == max(found.lengths) > tiny.POSITIONS  # of all windows together


def test_questions_cannot_be_asked_of_lines_of_text(answerer: Path, tmp_path: Path) -> None:
    path = tmp_path / "texts.txt"
    path.write_text("the cat fell\n")
    with pytest.raises(DataError, match="is not what question-answering is asked"):
        read_all(path, None, None, encoder(answerer), task=ANSWERS)
    path = tmp_path / "q.jsonl"
    path.write_text(lines())
    with pytest.raises(UsageError, match="question-answering"):
        read_all(path, {"text": "context"}, None, encoder(answerer), task=ANSWERS)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("t.conll", CONLL),
        ("t.jsonl", '{"tokens": ["the", "cat"], "tags": ["O", "B-PER"]}\n'
                    '{"tokens": ["red", "river"], "tags": ["O", "B-LOC"]}\n'),
        ("label-studio.json", json.dumps([
            {"data": {"text": text}, "annotations": [{"result": [
                {"type": "labels", "value": {"start": 0, "end": 3, "labels": ["LOC"]}}
            ]}]}
            for text in ("the cat", "red river")
        ])),
    ],
)  # fmt: skip
def test_the_texts_of_tagged_data_are_asked(
    name: str, content: str, tagger: Path, tmp_path: Path
) -> None:
    path = tmp_path / name
    path.write_text(content)
    found = read_all(path, None, None, encoder(tagger), task=ENTITIES)
    assert sorted(map(str, found.inputs)) == ["red river", "the cat"]
    assert found.facts.kind == "texts"


def test_built_in_questions_differ_and_are_as_long_as_they_should_be(answerer: Path) -> None:
    lengths = {"p50": 30, "p90": 50, "p95": 60, "p99": 90, "max": 120}
    found = read_all(None, None, None, encoder(answerer), lengths, task=ANSWERS)
    assert all(isinstance(one, Question) for one in found.inputs)
    assert len(set(found.inputs)) == found.facts.count > 300
    assert found.facts.tokens_p50 == pytest.approx(30, abs=1)  # of question and context
    assert found.facts.windowed == sum(one > tiny.POSITIONS for one in found.lengths) > 0
    usual = read_all(None, None, 50, encoder(answerer), task=ANSWERS)
    assert usual.facts.source == "built-in, of usual lengths"
    assert usual.facts.tokens_p50 > tiny.POSITIONS  # a paragraph, which such a model cannot hold


@pytest.mark.parametrize("length", [8, 17, 64])
def test_a_length_is_that_of_question_and_context(length: int, answerer: Path) -> None:
    reads = encoder(answerer)
    made = of_length(read_all(None, None, 60, reads, task=ANSWERS), length, reads)
    assert set(made.lengths) == {length}
    assert made.facts.windowed == 0
    for one in reads.encode(made.inputs):
        # Three special tokens; the question has at most half of the whole.
        assert len(one.parts[0].own) >= length - 3 - length // 2
    assert len(set(made.inputs)) == len(made.inputs) > (1 if length == 8 else 10)


def test_a_length_without_room_for_a_question_is_refused(answerer: Path) -> None:
    reads = encoder(answerer)
    whole = read_all(None, None, 5, reads, task=ANSWERS)
    assert of_length(whole, 4, reads).lengths[0] == 4
    with pytest.raises(UsageError, match="No question with its context has 2 tokens; the least"):
        of_length(whole, 2, reads)


def test_each_window_has_its_own_place_under_the_roof(answerer: Path) -> None:
    long = QUESTIONS[2]
    job = Job(long, [long, QUESTIONS[0]], QUESTIONS, answers=True)
    found = run_once(answerer, Cell("cpu", "fp32", 1), job)
    assert found.singles is not None
    (parts, (whole,)) = [
        [len(part.ids) for part in one.parts]
        for one in encoder(answerer, tiny.POSITIONS // 8).encode([long, QUESTIONS[0]])
    ]
    assert len(parts) > 1
    assert sorted(at for batch in found.singles.batches for at in batch) == sorted([*parts, whole])
    assert found.singles.tokens == [sum(parts), whole]
    assert len(found.answers) == 3
    for one, (text, start, end) in zip(QUESTIONS, found.answers, strict=True):
        assert one.context[start:end] == text


def test_a_bench_of_questions_says_what_it_counts(answerer: Path, tmp_path: Path) -> None:
    path = tmp_path / "q.jsonl"
    path.write_text(lines())
    arguments = ["--device", "cpu", "--samples", "2", "--rounds", "1", "--threads", "1"]
    out = tmp_path / "out.json"
    done = CliRunner().invoke(
        main, ["bench", str(answerer), "--data", str(path), "-o", str(out), *arguments]
    )
    assert done.exit_code == 0, done.output
    for words in ("questions/s", "same answer", "quickest for single questions",
                  "Questions: 3 (q.jsonl), tokens of question and context p50",
                  "1 in several windows, of which all tokens count"):  # fmt: skip
        assert words in done.stdout, words
    assert "same label" not in done.stdout
    document = json.loads(out.read_text())
    assert document["task"] == "question-answering"
    assert document["texts"]["windowed"] == 1
    assert (
        "Same answer: the share of questions to which both give the same span" in document["method"]
    )
    assert [cell["alike"] for cell in document["cells"]] == ["same answer"] * 2
    assert document["cells"][0]["agreement"] == 1.0
    assert document["cells"][0]["single_roofline"]["operations"] > 0


def test_a_bench_of_entities_compares_entities(tagger: Path) -> None:
    config = BenchConfig(
        tagger, devices=("cpu",), samples=2, rounds=1, threads=(1,), texts=30, lengths=(32,)
    )
    result = bench(config)
    fp32, int8 = result.cells
    assert (fp32.agreement, fp32.alike) == (1.0, "same entities")
    assert int8.agreement is not None
    assert f"same entities as fp32: {int8.agreement:.1%}" in int8.verdict
    assert (fp32.texts.tokens_p50, fp32.texts.windowed) == (32, 0)


def test_a_bench_of_many_labels_compares_labels_and_is_drawn(
    labeller_bundle: Path, tmp_path: Path
) -> None:
    config = BenchConfig(
        labeller_bundle, devices=("cpu",), samples=2, rounds=1, threads=(1,), texts=10
    )
    result = bench(config)
    fp32, int8 = result.cells
    assert (fp32.agreement, fp32.alike) == (1.0, "same labels")
    assert int8.agreement is not None
    assert f"same labels as fp32: {int8.agreement:.1%}" in int8.verdict
    out, page = tmp_path / "out.json", tmp_path / "page.html"
    out.write_text(json.dumps(result.to_dict()), encoding="utf-8")
    done = CliRunner().invoke(main, ["report", str(out), "-o", str(page)])
    assert done.exit_code == 0, done.output
    assert "the labels that both give, of all that the one or the other" in page.read_text("utf-8")
