"""A tagger of entities, from tagged words to a checkpoint."""

import json
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from edgeft.checkpoint.open import open_checkpoint
from edgeft.checkpoint.reference import encode
from edgeft.cli import main
from edgeft.errors import DataError, UsageError
from edgeft.runtime.tokenize import TextEncoder
from edgeft.tasks.encoded import default_overlap
from edgeft.tasks.entities import TASK
from edgeft.tasks.head import PLAIN
from edgeft.tasks.reading import aligned, read_examples
from edgeft.train.config import DataConfig, TrainConfig, config_from
from edgeft.train.folder import RunRecord, check_same, read_run, start_run
from edgeft.train.hardware import resolve_hardware
from edgeft.train.objectives import objective_named
from edgeft.train.prepare import prepare
from edgeft.train.readied import ready
from edgeft.train.recipe import RecipeChoice
from edgeft.train.record import read_training
from edgeft.train.run import train
from tests.export import architectures
from tests.tiny import WORDS
from tests.train.conftest import rows

PLACES = {"night": "B-TIME", "quiet": "B-TIME", "won": "B-DEED", "lost": "B-DEED"}


def tagged(path: Path, count: int, *, seed: int = 0) -> Path:
    """A file of words and tags, of which the words tell the tags."""
    blocks = [
        "\n".join(f"{word}\t{PLACES.get(word, 'O')}" for word in text.split())
        for text, _ in rows(count, seed=seed)
    ]
    path.write_text("\n\n".join(blocks) + "\n", encoding="utf-8")
    return path


def run(encoder: Path, out: Path, data: Path, *more: str) -> Sequence[str]:
    arguments = ["train", str(data), "--model", str(encoder), "-o", str(out), "--epochs", "4"]
    told = CliRunner().invoke(main, [*arguments, "--batch-size", "8", *more])
    assert told.exit_code == 0, told.output
    return told.output.splitlines()


def test_a_file_of_tagged_words_makes_a_tagger(encoder: Path, tmp_path: Path) -> None:
    data, test = tagged(tmp_path / "a.conll", 120), tagged(tmp_path / "b.conll", 30, seed=1)
    said = run(encoder, tmp_path / "out", data, "--test", str(test), "--learning-rate", "3e-3")
    assert "Task: token-classification, as the data tell." in said
    assert any("texts without entities" in line for line in said)
    assert any("entity F1" in line for line in said)
    assert any("words of a text" in line and "longest 18" in line for line in said)
    config = json.loads((tmp_path / "out" / "config.json").read_text())
    assert config["architectures"] == ["BertForTokenClassification"]
    labels = ["O", "B-DEED", "I-DEED", "B-TIME", "I-TIME"]
    assert [config["id2label"][str(at)] for at in range(5)] == labels
    record = json.loads((tmp_path / "out" / "training.json").read_text())
    assert record["task"] == "token-classification"
    assert record["labels"] == labels
    assert record["test"]["entity_f1"] > 0.9
    assert record["test"]["per_label"].keys() == {"DEED", "TIME"}
    assert record["data"]["report"]["support"].keys() == {"DEED", "TIME"}
    assert record["data"]["report"]["figures"]["entity_words"] == {"p50": 1, "p99": 1, "max": 1}
    assert record["data"]["report"]["figures"]["entities_cut"] == 0
    assert [point["entity_f1"] for point in record["curve"]][-1] > 0.9


def test_long_texts_are_learned_in_windows(encoder: Path, tmp_path: Path) -> None:
    words = ["sun"] * 60 + ["won"] + ["sun"] * 60 + ["night"]
    lines = "\n".join(f"{word} {PLACES.get(word, 'O')}" for word in words)
    data = tmp_path / "long.conll"
    data.write_text("\n\n".join([lines] * 12) + "\n", encoding="utf-8")
    result = train(
        TrainConfig(
            data=DataConfig(data=str(data), hold_out=0.25),
            model=str(encoder),
            recipe=RecipeChoice(epochs=12, max_length=24, batch_size=8, learning_rate=3e-3),
            device="cpu",
        ),
        tmp_path / "out",
    )
    assert result.report.cut == 12
    validation = result.document["validation"]
    assert validation["entities"] == 6  # also those behind the first window
    assert validation["entity_f1"] > 0.9


def test_bad_rows_are_left_out_and_counted(encoder: Path, tmp_path: Path) -> None:
    data, test = tagged(tmp_path / "a.conll", 40), tagged(tmp_path / "b.conll", 20, seed=1)
    lines = data.read_text(encoding="utf-8")
    data.write_text(f"sun O\nrain\n\nsun I-TIME\n\n{lines}", encoding="utf-8")
    test.write_text(f"{test.read_text(encoding='utf-8')}\nsun TIME\n", encoding="utf-8")
    with pytest.raises(DataError, match=r"line 2: 1 column.* 1 more row is bad") as found:
        train(config_from({"data": str(data), "model": str(encoder)}), tmp_path / "out")
    assert found.value.hint.endswith("--skip-bad drops them.")
    assert not list(tmp_path.glob("out*"))
    said = run(encoder, tmp_path / "out", data, "--test", str(test), "--skip-bad", "--epochs", "1")
    assert any("bad rows of train, left out" in one and "1 with a ragged" in one for one in said)
    record = json.loads((tmp_path / "out" / "training.json").read_text())
    assert record["config"]["skip_bad"] is True
    assert record["data"]["report"]["given"] == 40
    assert record["data"]["report"]["skipped"] == {
        "train": {"a ragged line": 1, "a tag out of place": 1},
        "test": {"a tag that no scheme knows": 1},
    }


def test_three_hundred_labels(encoder: Path, tmp_path: Path) -> None:
    blocks = [f"sun O\n{WORDS[at % 30]} B-T{at}\nfell I-T{at}" for at in range(300)] * 2
    data = tmp_path / "a.conll"
    data.write_text("\n\n".join(blocks) + "\n", encoding="utf-8")
    said = run(encoder, tmp_path / "out", data, "--epochs", "1", "--test", str(data))
    assert any("labels" in line and "300" in line for line in said)
    assert any("300 of 300 labels have under 8 entities" in line for line in said)
    config = json.loads((tmp_path / "out" / "config.json").read_text())
    assert len(config["id2label"]) == 601


def test_entities_under_two_labels_are_told(encoder: Path, tmp_path: Path) -> None:
    data = tagged(tmp_path / "a.conll", 40)
    text = "moon O\nwon B-DEED\n\nmoon O\nwon B-TIME\n\n"
    data.write_text(text + data.read_text(encoding="utf-8"), encoding="utf-8")
    said = run(encoder, tmp_path / "out", data, "--epochs", "1", "--clean")
    assert any("removed from train by --clean" in line and "2 contradictory" in line
               for line in said)  # fmt: skip


def questions(path: Path, *rows: tuple[str, str, str | None]) -> Path:
    """A file of (question, context, answer)."""
    lines = [
        {"question": asked, "context": context, "answers": [] if answer is None else [answer]}
        for asked, context, answer in rows
    ]
    path.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    return path


def test_a_context_shorter_than_its_question_and_answers_that_no_window_holds(
    encoder: Path, tmp_path: Path
) -> None:
    usual = [("who won", f"the {word} won the game", word) for word in WORDS[:20]]
    long = " ".join(WORDS)
    data = questions(
        tmp_path / "q.jsonl",
        *usual,
        ("what fell " * 9, "rain", "rain"),
        ("what", long, long),
        ("who won", "rain", None),
        ("who won", "rain", "rain"),
    )
    out = tmp_path / "out"
    said = run(encoder, out, data, "--epochs", "1", "--max-length", "24", "--hold-out", "0.1")
    assert any("1 answer is in no window whole and counts as none" in line for line in said)
    assert any("1 of 24 questions takes more than half of the tokens" in line for line in said)
    for words in ("questions without answers", "tokens of a question", "repeated questions"):
        assert any(words in line for line in said)
    assert any("2 rows have a question that another row annotates" in line for line in said)
    report = json.loads((out / "training.json").read_text())["data"]["report"]
    assert report["figures"] == {"answers_outside": 1, "answers_inexact": 0, "questions_cut": 1}
    assert report["bare"] == 1


def test_a_tokenizer_that_parts_at_blanks_alone_learns_entities_beside_marks(
    tmp_path: Path,
) -> None:
    base = architectures.xlm_roberta(tmp_path / "x")
    lines = []
    for text, _ in rows(120):
        marked = ", ".join(f"({word})" if word in PLACES else word for word in text.split())
        spans = [
            [found.start(), found.end(), PLACES[found[0]][2:]]
            for found in re.finditer(r"\w+", marked)
            if found[0] in PLACES
        ]
        lines.append(json.dumps({"text": marked, "entities": spans}))
    data = tmp_path / "a.jsonl"
    data.write_text("\n".join(lines), encoding="utf-8")
    out = tmp_path / "out"
    run(base, out, data, "--epochs", "1", "--max-length", "24", "--allow-unknown")
    record = json.loads((out / "training.json").read_text())
    assert record["data"]["report"]["figures"]["entities_cut"] == 0
    # Where a model says just what it was taught, the very entities are found.
    examples = read_examples(data, TASK)
    examples = aligned(examples, TASK.labels(examples))
    checkpoint = open_checkpoint(str(out))
    content = checkpoint.tokenizer.backend_tokenizer.to_str().encode()
    overlap = default_overlap(checkpoint.max_length)
    encoder = TextEncoder(content, checkpoint.max_length, overlap=overlap, offsets=True)
    objective = objective_named(TASK.name)
    readied = ready(examples, encoder, objective, examples.labels)
    taught = {id(part): target for part, target in readied.rows}
    sure = np.eye(len(examples.labels), dtype=np.float32) * 9
    logits = [
        sure[np.maximum(taught.get(id(part), [0] * len(part.ids)), 0)] for part in readied.parts
    ]
    joined = TASK.join({"logits": logits}, readied.encoded)
    found = TASK.answer(joined, readied.encoded, examples.inputs, examples.labels, PLAIN)
    assert list(found.likeliest) == examples.truths
    # The original, as export and its gates read it, has the very same words in each window.
    ours, theirs = readied.encoded, encode(checkpoint, examples.inputs)
    assert max(len(one.parts) for one in ours) > 2
    assert [[part.words for part in one.parts] for one in ours] == [
        [part.words for part in one.parts] for one in theirs
    ]


def test_labels_may_be_types_alone(encoder: Path, tmp_path: Path) -> None:
    data, test = tagged(tmp_path / "a.conll", 120), tagged(tmp_path / "b.conll", 30, seed=1)
    out = tmp_path / "out"
    run(encoder, out, data, "--test", str(test), "--learning-rate", "3e-3", "--labels", "IO")
    config = json.loads((out / "config.json").read_text())
    assert list(config["id2label"].values()) == ["O", "DEED", "TIME"]
    record = json.loads((out / "training.json").read_text())
    assert (record["labels"], record["config"]["scheme"]) == (["O", "DEED", "TIME"], "IO")
    assert record["test"]["entity_f1"] > 0.8  # neighbours are one
    assert record["test"]["per_label"].keys() == {"DEED", "TIME"}
    repeated = read_training(out / "training.json").config
    assert repeated.scheme == "IO"
    start_run(tmp_path / "next", RunRecord(repeated, "sha256:0", 1))
    before = read_run(tmp_path / "next")
    assert before.config == repeated
    now = replace(before, config=replace(repeated, scheme="BIO"))
    with pytest.raises(UsageError, match="--labels was 'IO', now 'BIO'"):
        check_same(tmp_path / "next", before, now)


def test_labels_that_a_scheme_cannot_hold_or_a_task_has_not(
    encoder: Path, train_csv: Path, tmp_path: Path
) -> None:
    data = tmp_path / "a.jsonl"
    rows = [{"text": "sun won", "entities": [[0, 3, "B-DEED"], [4, 7, "DEED"]]}] * 20
    data.write_text("\n".join(map(json.dumps, rows)))
    base = {"data": str(data), "model": str(encoder)}
    with pytest.raises(DataError, match="under --labels IO the label 'B-DEED' would be read as"):
        train(config_from({**base, "scheme": "IO"}), tmp_path / "out")
    with pytest.raises(UsageError, match="--labels must be one of BIO, IO, not 'BILOU'"):
        config_from({**base, "scheme": "BILOU"})
    with pytest.raises(UsageError, match=r"--labels says how .* of entities; text-class"):
        train(config_from({**base, "data": str(train_csv), "scheme": "IO"}), tmp_path / "out")
    assert not list(tmp_path.glob("out*"))


def test_class_weights_weigh_each_label_of_a_word(encoder: Path, tmp_path: Path) -> None:
    data = tagged(tmp_path / "a.conll", 60)
    config = config_from(
        {"data": str(data), "model": str(encoder), "class_weights": True, "hold_out": 0.0}
    )
    prepared = prepare(config, resolve_hardware("cpu", "fp32", 1))
    train_rows = ready(
        prepared.splits.train, prepared.encoder(), prepared.objective, prepared.labels
    ).rows
    words = Counter(PLACES.get(word, "O") for text, _ in rows(60) for word in text.split())
    weights = prepared.objective.weights(train_rows, prepared.labels)
    for label, weight in zip(prepared.labels, weights, strict=True):
        seen = words[label]
        assert weight == pytest.approx(words.total() / (len(words) * seen) if seen else 0.0)
    heavy = train(config, tmp_path / "heavy").learned.curve[0].train_loss
    even = train(replace(config, recipe=replace(config.recipe, class_weights=False)),
                 tmp_path / "even").learned.curve[0].train_loss  # fmt: skip
    assert heavy != even


def test_what_a_task_does_not_take_is_refused(encoder: Path, tmp_path: Path) -> None:
    data = tagged(tmp_path / "a.conll", 40)
    base = {"data": str(data), "model": str(encoder)}
    with pytest.raises(UsageError, match="--normalize would move it"):
        train(config_from({**base, "normalize": ["nfc"]}), tmp_path / "out")
    with pytest.raises(DataError, match="not labelled texts"):
        train(config_from({**base, "task": "text-classification"}), tmp_path / "out")
    with pytest.raises(UsageError, match="--task must be one of text-classification"):
        config_from({**base, "task": "tagging"})
    other = tmp_path / "other.conll"
    other.write_text("won B-PLACE\n\nsun O\n", encoding="utf-8")
    with pytest.raises(DataError, match="a label that train never shows: 'PLACE'"):
        train(config_from({**base, "test": str(other)}), tmp_path / "out")
    bare = tmp_path / "bare.conll"
    bare.write_text("won O\n\nsun O\n", encoding="utf-8")
    with pytest.raises(DataError, match="no entity is marked in 2 texts"):
        train(config_from({**base, "data": str(bare)}), tmp_path / "out")
