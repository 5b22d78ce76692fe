"""The whole road of taggers, and the same exports' gates for their entities."""

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest
from click.testing import CliRunner

import edgeft
from edgeft.checkpoint.open import open_checkpoint
from edgeft.checkpoint.reference import fills, torch_told
from edgeft.cli import main
from edgeft.data import Examples, unheard
from edgeft.errors import UsageError
from edgeft.export.quantize import _Feeds
from edgeft.export.result import ExportResult
from edgeft.export.run import ExportConfig, _parts, export
from edgeft.inputs import Question
from edgeft.proof.battery import evaluate, hold, verify
from edgeft.runtime.engine import Ends
from edgeft.runtime.tokenize import TextEncoder
from edgeft.tasks import task_named
from edgeft.tasks.encoded import default_overlap
from edgeft.tasks.head import Head
from edgeft.tasks.reading import read_examples
from edgeft.tasks.tags import io
from edgeft.train.hardware import resolve_hardware
from edgeft.train.objectives import objective_named
from edgeft.train.readied import ready, scored
from tests import tiny
from tests.train.conftest import rows

TEXTS = [text for text, _ in rows(60)]


def labelled(model: edgeft.Model, path: Path) -> Path:
    """Rows with the very entities that a model finds."""
    found = model.predict(TEXTS)
    lines = [
        {
            "text": text,
            "entities": [{"start": e.start, "end": e.end, "label": e.label} for e in one],
        }
        for text, one in zip(TEXTS, found, strict=True)
    ]
    path.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def tagger(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny.tagger(tmp_path_factory.mktemp("tagger"))


@pytest.fixture(scope="module")
def plain(tagger: Path, tmp_path_factory: pytest.TempPathFactory) -> ExportResult:
    out = tmp_path_factory.mktemp("plain") / "b"
    return export(ExportConfig(str(tagger), out, variants=("fp32",)))


@pytest.fixture(scope="module")
def data(plain: ExportResult, tmp_path_factory: pytest.TempPathFactory) -> Path:
    with edgeft.load(plain.out, device="cpu") as model:
        return labelled(model, tmp_path_factory.mktemp("data") / "d.jsonl")


@pytest.fixture(scope="module")
def result(tagger: Path, data: Path, tmp_path_factory: pytest.TempPathFactory) -> ExportResult:
    out = tmp_path_factory.mktemp("labelled") / "b"
    kinds = ("portable", "int8")
    return export(ExportConfig(str(tagger), out, data=data, variants=kinds, max_drop=100))


@pytest.fixture(scope="module")
def fp32(result: ExportResult) -> Iterator[edgeft.Model]:
    with edgeft.load(result.out, device="cpu", variant="fp32") as model:
        yield model


def test_a_tagger_is_exported_and_predicts(plain: ExportResult) -> None:
    record = plain.manifest.model
    assert (record.task, record.labels) == ("token-classification", tiny.TAGS)
    golden = record.variants["fp32"].golden
    assert {len(row) % len(tiny.TAGS) for row in golden.outputs["logits"]} == {0}
    found = plain.reports["fp32"]
    assert found.source == "built-in"
    assert found.agreement is not None
    assert (found.agreement.agreement, found.scores) == (1.0, None)
    assert found.clear is not None
    assert found.clear.to_dict() == {
        "judged": "words of entities", "of": found.clear.of, "clear": found.clear.clear,
        "agreement": 1.0,
    }  # fmt: skip
    assert 0 < found.clear.clear <= found.clear.of
    text = "Angela won the game " * 30
    with edgeft.load(plain.out, device="cpu") as model:
        (one,) = model.predict([text])
    assert one.windows > 1
    assert all(text[entity.start : entity.end] == entity.text for entity in one)


def test_its_gates_are_in_its_own_metric(result: ExportResult) -> None:
    assert result.torch is not None
    assert result.torch.figure("entity_f1") == 1.0
    for name in ("fp32", "portable"):
        drop = result.reports[name].drop
        assert drop is not None
        assert [loss.name for loss in drop.losses] == ["entity_f1"]
        assert drop.worst.points == 0.0
    measured = result.manifest.model.variants["int8"].measured
    assert measured["scores"]["entity_f1"] < 1.0
    assert measured["drop"]["entity_f1"]["points"] > 0
    assert measured["calibration"] is None
    assert "int8" in result.manifest.provenance["quantization"]


def test_the_card_speaks_of_entities(result: ExportResult) -> None:
    card = (result.out / "README.md").read_text(encoding="utf-8")
    assert "An entity tagger with 5 labels" in card
    assert "Same entities: of each text twice the entities that both find" in card
    assert (
        "| same entities as torch | entity F1 | points of entity F1 lost (95% interval) |" in card
    )
    assert "the original has an entity F1 of 1.0000." in card
    assert "The intervals of what is lost hold if texts with many entities are lost" in card
    assert "ORTModelForTokenClassification.from_pretrained" in card
    assert "accuracy" not in card


def test_it_is_verified_and_scored(result: ExportResult, data: Path, fp32: edgeft.Model) -> None:
    examples = read_examples(data, task_named("token-classification"))
    results = verify(result.out, examples, device="cpu")
    assert all(one.golden and one.golden.passed for one in results.values())
    hold(results, 100)
    scores = results["int8"].checked()["scores"]
    assert 0 < scores["entity_f1"] < 1
    found = evaluate(fp32, examples)
    assert found.scored()["entity_f1"] == 1.0
    assert not found.decided
    hold(verify(result.out, TEXTS, device="cpu"), 100)


def test_rows_that_report_choose_nothing(result: ExportResult) -> None:
    told = result.manifest.provenance["data"]
    assert told["choose"]["rows"] + told["report"]["rows"] == len(TEXTS)


def test_bad_rows_are_an_error_or_left_out_by_each_command(
    plain: ExportResult, tagger: Path, data: Path, tmp_path: Path
) -> None:
    bad = tmp_path / "bad.jsonl"
    outside = {"text": "the cat", "entities": [{"start": 0, "end": 99, "label": "PER"}]}
    bad.write_text(json.dumps(outside) + "\n" + data.read_text(encoding="utf-8"))
    out = str(tmp_path / "b")
    commands = {
        "eval": ["eval", str(plain.out), str(bad)],
        "verify": ["verify", str(plain.out), "--data", str(bad), "--max-drop", "100"],
        "export": ["export", str(tagger), "-o", out, "--data", str(bad), "--variant", "fp32"],
        "trim": ["trim", str(tagger), "-o", f"{out}t", "--data", str(bad), "--max-drop", "100"],
    }
    for name, command in commands.items():
        told = CliRunner().invoke(main, command)
        assert told.exit_code == 1, name
        assert "line 1: the span from 0 to 99" in told.output
        assert "--skip-bad drops it." in told.output
        told = CliRunner().invoke(main, [*command, "--skip-bad"])
        assert told.exit_code == 0, told.output
        assert "1 row has a span outside the text, and is left out (line 1)" in told.output
        assert (name == "verify") == ("intervals hold if texts with many" in told.output)
    manifest = json.loads((tmp_path / "b" / "edgeft.json").read_text())
    report = manifest["provenance"]["data"]["report"]
    assert report["skipped"] == {"a span outside the text": 1}
    told = CliRunner().invoke(main, ["predict", str(plain.out), str(bad)])
    assert (told.exit_code, len(told.stdout.splitlines())) == (0, len(TEXTS) + 1)


def test_a_tagger_whose_labels_are_types_alone(tmp_path: Path) -> None:
    checkpoint = tiny.tagger(tmp_path / "c", labels=io(["PER", "LOC"]))
    out = tmp_path / "b"
    export(ExportConfig(str(checkpoint), out, variants=("fp32",)))
    with edgeft.load(out, device="cpu") as model:
        data = labelled(model, tmp_path / "d.jsonl")
        found = model.predict(TEXTS)
    for text, one in zip(TEXTS, found, strict=True):
        assert {entity.label for entity in one} <= {"PER", "LOC"}
        for before, after in pairwise(one):  # else they would be one
            assert before.label != after.label or text[before.end : after.start].strip()
    again = tmp_path / "again"
    gated = export(
        ExportConfig(str(checkpoint), again, data=data, variants=("int8",), max_drop=100)
    )
    assert gated.torch is not None
    assert gated.torch.figure("entity_f1") == 1.0
    told = CliRunner().invoke(main, ["eval", str(out), str(data), "--json"])
    assert json.loads(told.stdout)["variants"]["fp32"]["entity_f1"] == 1.0


@pytest.mark.parametrize("make", [tiny.tagger, tiny.answerer])
def test_no_single_file_tells_where_something_stands(
    make: Callable[[Path], Path], tmp_path: Path
) -> None:
    config = ExportConfig(str(make(tmp_path / "c")), tmp_path / "b", single_file="fp32")
    with pytest.raises(
        UsageError, match=r"cannot tell where in a text .* (token|question)-"
    ) as told:
        export(config)
    assert "without --single-file" in told.value.hint
    assert not (tmp_path / "b").exists()


# --- answers -------------------------------------------------------------------------

CONTEXTS = [f"{one} {' '.join(tiny.WORDS[at : at + 6])}" for at, one in enumerate(TEXTS[:44])]


@pytest.fixture(scope="module")
def questions(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Rows with an answer, the second word of the context, and every fourth without one."""
    lines = []
    for at, context in enumerate(CONTEXTS):
        answer = context.split()[1]
        given = {"text": [answer], "answer_start": [context.index(f" {answer}") + 1]}
        nothing: dict[str, list[str]] = {"text": [], "answer_start": []}
        answers = nothing if at % 4 == 0 else given
        lines.append({"question": "what fell", "context": context, "answers": answers})
    path = tmp_path_factory.mktemp("questions") / "q.jsonl"
    path.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def answers(questions: Path, tmp_path_factory: pytest.TempPathFactory) -> ExportResult:
    folder = tmp_path_factory.mktemp("answers")
    checkpoint = tiny.answerer(folder / "c")
    kinds = ("portable", "int8", "int8-static")
    return export(
        ExportConfig(str(checkpoint), folder / "b", data=questions, variants=kinds, max_drop=100)
    )


def test_answers_are_exported_by_their_own_metrics(answers: ExportResult, questions: Path) -> None:
    record = answers.manifest.model
    assert (record.task, record.labels) == ("question-answering", ())
    assert list(record.variants["fp32"].golden.outputs) == ["start_logits", "end_logits"]
    drop = answers.reports["fp32"].drop
    assert drop is not None
    assert [(loss.name, loss.points) for loss in drop.losses] == [("exact_match", 0.0), ("f1", 0.0)]
    assert "no row has" not in drop.sentence(0.5)
    task = task_named("question-answering")
    examples = read_examples(questions, task)
    results = verify(answers.out, examples, device="cpu")
    assert all(one.golden and one.golden.passed for one in results.values())
    hold(results, 100)
    with edgeft.load(answers.out, device="cpu", variant="fp32") as model:
        found = evaluate(model, examples).scored()
        answer = model.predict(edgeft.Question("what fell", "the rain fell " * 60))
    assert {"exact_match", "f1"} <= found.keys()
    assert answer.windows > 1
    card = (answers.out / "README.md").read_text(encoding="utf-8")
    assert "An answer finder, exported" in card
    assert "ORTModelForQuestionAnswering" in card
    assert "## Labels" not in card


def test_what_needs_answers_names_the_column_that_would_hold_them(tmp_path: Path) -> None:
    folder, data = tiny.answerer(tmp_path / "c"), tmp_path / "q.jsonl"
    data.write_text(json.dumps({"question": "what fell", "context": CONTEXTS[0], "reply": "x"}))
    config = ExportConfig(str(folder), tmp_path / "b", data=data, original=str(folder))
    with pytest.raises(UsageError, match="--original needs labelled --data") as caught:
        export(config)
    assert caught.value.hint == "Name --answers-column."
    assert not config.out.exists()


def test_where_every_row_has_an_answer_all_figures_are_of_what_is_answered(tmp_path: Path) -> None:
    """Though "none" has the highest sum in some rows: it is never given."""
    folder, data, out = tiny.answerer(tmp_path / "c", seed=2), tmp_path / "q.jsonl", tmp_path / "b"
    checkpoint = open_checkpoint(str(folder))
    told = torch_told(checkpoint, [Question("what fell", one) for one in CONTEXTS])
    given = list(told.answers().given)
    assert ("", 0, 0) in told.answers(Head(null_margin=0.0)).likeliest
    answers = [{"text": [text], "answer_start": [start]} for text, start, _ in given]
    lines = [
        {"question": "what fell", "context": context, "answers": right}
        for context, right in zip(CONTEXTS, answers, strict=True)
    ]
    data.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    result = export(ExportConfig(str(folder), out, data=data, variants=("fp32",)))
    report = result.reports["fp32"]
    for scores in (result.torch, report.scores, report.given):
        assert scores is not None
        assert scores.figure("exact_match") == 1.0
    shown = CliRunner().invoke(main, ["eval", str(out), str(data)])
    assert shown.exit_code == 0, shown.output
    assert "thresholds" not in shown.output
    shown = CliRunner().invoke(main, ["eval", str(out), str(data), "--json"])
    figures = json.loads(shown.stdout)["variants"]["fp32"]
    assert (figures["exact_match"], figures["without_thresholds"]) == (1.0, None)
    # Training counts alike: the model is right in all rows, as long as each has an answer.
    examples = read_examples(data, checkpoint.task)
    content = checkpoint.tokenizer.backend_tokenizer.to_str().encode()
    encoder = TextEncoder(
        content, checkpoint.max_length, overlap=default_overlap(checkpoint.max_length), offsets=True
    )
    hardware = resolve_hardware("cpu", "fp32")
    objective = objective_named(checkpoint.task.name)

    def exact(some: Examples) -> float:
        return scored(
            checkpoint.model, ready(some, encoder, objective, ()), checkpoint.task, (),
            checkpoint.pad_id, hardware,
        )[1].figure("exact_match")  # fmt: skip

    assert exact(examples) == 1.0
    some = replace(examples, truths=[(), *examples.truths[1:]])
    assert exact(some) < 1.0 - 1 / len(some)  # now "none" counts, and is wrong in other rows


def test_that_none_is_never_given_is_told(questions: Path, tmp_path: Path) -> None:
    """Where training showed questions without an answer, and no rows say when one has none."""
    folder = tiny.answerer(tmp_path / "c")
    always = "It always answers with a piece of the context"

    def exported(name: str, bare: int | None, data: Path | None = None) -> tuple[str, str]:
        record = {"data": {"report": {} if bare is None else {"bare": bare}}}
        (folder / "training.json").write_text(json.dumps(record))
        told = CliRunner().invoke(
            main,
            ["export", str(folder), "-o", str(tmp_path / name), "--variant", "fp32",
             *(["--data", str(data)] if data else [])],
        )  # fmt: skip
        assert told.exit_code == 0, told.output
        return told.output, (tmp_path / name / "README.md").read_text(encoding="utf-8")

    told, card = exported("noted", 300)
    for one in (told, card):
        assert "on 300 questions without an answer" in " ".join(one.split())
    assert always in card
    for name, bare in (("older", None), ("all", 0)):
        told, card = exported(name, bare)
        assert "without an answer" not in told
        assert always in card
    told, card = exported("set", 300, questions)
    assert "it always answers" not in told
    assert always not in card


def test_static_scales_are_taken_from_questions_as_they_are_read(
    answers: ExportResult, questions: Path
) -> None:
    """With the types of the context's tokens, and in windows, as the runtime reads them."""
    checkpoint = open_checkpoint(str(answers.out.parent / "c"))
    asked = [Question("what fell", context) for context in (CONTEXTS[0], " ".join(CONTEXTS))]
    parts = _parts(checkpoint, asked)
    with edgeft.load(answers.out, device="cpu", variant="int8-static") as model:
        read = [part for one in model.runner.encode(asked) for part in one.parts]
        assert len(model.predict(asked)) == 2
    assert [(one.ids, one.types) for one in parts] == [(one.ids, one.types) for one in read]
    assert len(parts) > 2
    names = tuple(one.name for one in answers.manifest.model.variants["int8-static"].inputs)
    feeds = _Feeds(parts, Ends(names, fills(checkpoint), {}))
    for part in parts:
        feed = feeds.get_next()
        assert feed is not None
        assert feed["input_ids"].tolist() == [part.ids]
        assert feed["token_type_ids"].tolist() == [part.types]
        assert {part.types[at] for at in part.own} == {1} if part.types else False
    assert feeds.get_next() is None


def test_questions_about_one_context_stay_on_one_side() -> None:
    from edgeft.proof.evidence import _halves

    inputs = [edgeft.Question(f"what {at}", CONTEXTS[at // 3]) for at in range(60)]
    rows = Examples("q", [*inputs], [()] * 60, list(range(60)), (), {})
    one, other = _halves(rows, task_named("question-answering"), 0, apart=False, tell=unheard)
    sides = [{asked.context for asked in some.inputs} for some in (one, other)]
    assert not sides[0] & sides[1]
    assert len(one) + len(other) == 60
