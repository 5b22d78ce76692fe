"""The benchmark scripts run; what they say of speed is not a test's business."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from benchmarks.answering import articles
from benchmarks.cascades import print_means
from benchmarks.compare import ROOT, row
from benchmarks.lists import Loop, asked_of, measured
from benchmarks.lists import keep as keep_lists
from benchmarks.offsets import faults
from benchmarks.peers import ALL_PEERS, PEERS, TAGGERS
from benchmarks.peers.__main__ import agreement_of_vectors
from benchmarks.peers.padded import entities
from benchmarks.questions import asked
from benchmarks.smaller import told
from benchmarks.tables import replace_table
from benchmarks.tagging import Sentence, sentences_of, write
from benchmarks.train import BARS
from benchmarks.training import summary
from benchmarks.training import told as training_told
from edgeft import Answer, Entities, Entity, Pair, Question, load
from edgeft.bundle import read_manifest
from edgeft.inputs import Input

TEXTS = [f"{word} fell in the night of day {at}" for at in range(30) for word in ("rain", "sun")]


def test_ratios_by_hand() -> None:
    one = row("x", [(1.0, 2.0), (1.0, 4.0), (2.0, 6.0)], unit="s", at_least=2.5)
    assert (one.ratio, one.met, one.ours, one.theirs) == (3.0, True, 1.0, 4.0)
    assert not row("x", [(3.0, 4.0)], unit="s", at_most=0.7).met
    assert row("x", [(1.0, 0.98)], unit="s", at_least=1.0).met  # 0.97 counts as 1


def test_training_figures_are_medians_of_seconds_and_means_of_accuracies() -> None:
    runs = [
        {"side": side, "seed": seed, "seconds": seconds, "accuracy": accuracy}
        for side, rows in {
            "ordinary": [(2, 40.0, 0.93), (0, 10.0, 0.90), (1, 20.0, 0.93)],
            "edgeft": [(0, 4.0, 0.91), (1, 5.0, 0.92), (2, 20.0, 0.96)],
        }.items()
        for seed, seconds, accuracy in rows
    ]
    one = summary(runs, BARS)
    assert (one["edgeft_s"], one["ordinary_s"]) == (5.0, 20.0)
    assert one["time_ratio"] == 0.4  # the median of 4/10, 5/20 and 20/40, seed by seed
    assert (one["time_ratio_low"], one["time_ratio_high"], one["time_met"]) == (0.25, 0.5, True)
    assert one["points"] == pytest.approx(1.0)
    assert (one["points_low"], one["points_high"]) == pytest.approx((-1.0, 3.0))
    assert one["points_met"]
    alone = summary([run for run in runs if run["side"] == "edgeft"], BARS)
    assert alone == {"edgeft_s": 5.0, "edgeft_accuracy": pytest.approx(0.93)}
    about = {"name": "news", "epochs": 3}
    assert training_told({**about, **alone}, BARS, ["accuracy"]).splitlines() == [
        "news, 3 epochs: 5 s",
        "accuracy: edgeft 0.9300",
    ]
    assert "| 0.40 (0.25 to 0.50) |" in training_told({**about, **one}, BARS, ["accuracy"])


def test_cascades_are_told_by_data_over_their_seeds(capsys: pytest.CaptureFixture[str]) -> None:
    def case(name: str, quick: float, cascade: float, peer: float | None) -> dict[str, Any]:
        half = {"accuracy": 0.895, "throughput": {"ratio": 2.0}} if name == "sst2-0" else None
        peers = {"peers": {"transformers": {"ratio": peer}}} if peer else {}
        rows = [{"ratio": quick}]
        return {
            "case": name,
            "fp32": 0.9,
            "cascade": cascade,
            "rows_of": rows,
            "half": half,
            **peers,
        }

    print_means([case("sst2-0", 2.0, 0.89, 2.0), case("sst2-1", 3.0, 0.9, None),
                 case("bbc-0", 8.0, 0.91, 8.0)])  # fmt: skip
    told = capsys.readouterr().out
    assert (
        "| sst2 | 2 | 2.50 (2.00 to 3.00) | at least 2 | 0.50 (0.00 to 1.00) | at most 0.5 |"
        in told
    )
    assert "| sst2, half the layers | 1 | 2.00 (2.00 to 2.00) | at least 1.8 | 0.50" in told
    assert "| bbc | 1 | 8.00 (8.00 to 8.00) | at least 8 | -1.00" in told
    assert "transformers pipeline (torch): 4.0 times as quick (geometric mean of 2.0, 8.0" in told


def test_vectors_agree_by_their_cosine() -> None:
    assert agreement_of_vectors([[1.0, 0.0], [0.0, 2.0]], [[2.0, 0.001], [1.0, 1.0]]) == 0.5


def test_a_table_is_put_between_its_marks_and_nowhere_else(tmp_path: Path) -> None:
    readme = tmp_path / "README.md"
    readme.write_text("before\n<!-- peers -->\nold\n<!-- /peers -->\nafter\n")
    replace_table(readme, "peers", "| new |")
    assert readme.read_text() == "before\n<!-- peers -->\n| new |\n<!-- /peers -->\nafter\n"
    with pytest.raises(SystemExit, match="no marks for the table 'other'"):
        replace_table(readme, "other", "| new |")


def test_the_readme_has_the_tables_that_scripts_write() -> None:
    from benchmarks.peers.__main__ import README

    text = README.read_text(encoding="utf-8")
    assert text.count("<!-- peers -->\n") == text.count("<!-- /peers -->") == 1


def test_every_peer_is_a_file_with_an_environment_that_make_sets_up() -> None:
    makefile = (ROOT / "Makefile").read_text()
    for peer in ALL_PEERS.values():
        assert (ROOT / "benchmarks" / "peers" / f"{peer.script}.py").is_file()
        assert peer.environment in makefile


def test_a_place_that_is_not_where_it_says_is_told() -> None:
    text = "Ada met Bo."
    right = Entity("PER", "Ada", 0, 3, 1.0), Entity("PER", "Bo", 8, 10, 1.0)
    assert faults(text, Entities(right)) == []
    (wrong,) = faults(text, Answer("Bo", 7, 9, 1.0))
    assert wrong == "'Bo' is not at 7:9 of 'Ada met Bo.'"
    (behind,) = faults(text, Entities(right[::-1]))
    assert behind == "0:3 is out of order or place in 'Ada met Bo.'"


def test_entities_by_hand_are_words_by_their_first_piece() -> None:
    class Row:
        word_ids = (None, 0, 0, 1, 2, 3, None)
        offsets = ((0, 0), (0, 2), (2, 3), (4, 6), (7, 9), (9, 10), (0, 0))

    tags = ["O", "B-PER", "O", "I-PER", "I-LOC", "O", "B-PER"]
    scores = [1.0, 0.5, 0.1, 1.0, 0.25, 1.0, 1.0]
    assert entities("Ada Bo Ry.", Row, tags, scores) == [
        ["PER", 0, 6, 0.75], ["LOC", 7, 9, 0.25]
    ]  # fmt: skip


def test_sentences_are_written_as_they_are_read(tmp_path: Path) -> None:
    given = [Sentence(["Ada", "slept"], ["B-PER", "O"]), Sentence(["Hm"], ["O"])]
    write(tmp_path / "a.conll", given)
    assert sentences_of(tmp_path / "a.conll") == given


def test_the_bare_loop_of_lists_answers_as_predict_does(
    labeller_bundle: Path, pair_bundle: Path, tagger_bundle: Path, answerer_bundle: Path
) -> None:
    """Of every kind of input and of outputs; long inputs and doubles are left out."""
    asked: dict[Path, list[Input]] = {
        labeller_bundle: ["the cat won", "rain", "a 🐕 fell", "rain", "cat " * 200],
        pair_bundle: [Pair("一只狗", "the dog"), Pair("rain", "sun fell")],
        tagger_bundle: ["the cat won", "rain"],
        answerer_bundle: [Question("who won?", "the cat won"), Question("what?", "rain fell")],
    }
    for bundle, given in asked.items():
        loop = Loop(bundle, read_manifest(bundle).model, "fp32", 1)
        with load(bundle, device="cpu", variant="fp32") as model:
            inputs = asked_of(model, given, None)
            assert inputs == list(dict.fromkeys(given))[: 3 if bundle == labeller_bundle else 2]
            row = measured(model, loop, inputs, batch=2, rounds=1)
        assert (row["inputs"], row["equal"]) == (len(inputs), 1.0)


def test_rows_of_lists_stand_beside_those_of_other_tasks(tmp_path: Path) -> None:
    one = {"task": "a", "variant": "fp32", "threads": 1, "batch": 8, "ratio": 1.0}
    for each in (one, {**one, "task": "b"}, {**one, "ratio": 2.0}):
        keep_lists(tmp_path / "lists.json", [each])
    rows = json.loads((tmp_path / "lists.json").read_text())["rows"]
    assert [(each["task"], each["ratio"]) for each in rows] == [("b", 1.0), ("a", 2.0)]


def test_an_article_is_taken_once(squad: Path) -> None:
    found = articles([squad, squad])
    assert [*found] == ["Weather"]
    assert len(asked(squad, words=30, count=3)) == 3
    with pytest.raises(SystemExit, match="9,999 are needed"):
        asked(squad, words=9999, count=3)


def run_script(script: str, *arguments: object) -> None:
    command = [sys.executable, "-m", f"benchmarks.{script}", *arguments]
    done = subprocess.run(
        list(map(str, command)), cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


def written(folder: Path) -> Path:
    """Sentences with a tag a word."""
    rows = [Sentence(text.split(), ["B-PER", *["O"] * (len(text.split()) - 1)]) for text in TEXTS]
    write(folder / "data.conll", rows)
    return folder / "data.conll"


@pytest.fixture
def squad(tmp_path: Path) -> Path:
    """Twenty questions of one article."""
    paragraphs = []
    for at in range(20):
        context = f"{TEXTS[at]} and nobody saw it"
        word = context.split()[0]
        question = f"What fell on day {at}?"
        answers = [{"text": word, "answer_start": 0}]
        paragraphs.append(
            {"context": context, "qas": [{"id": str(at), "question": question, "answers": answers}]}
        )
    document = {"version": "1.1", "data": [{"title": "Weather", "paragraphs": paragraphs}]}
    (tmp_path / "squad.json").write_text(json.dumps(document))
    return tmp_path / "squad.json"


@pytest.fixture
def folder(tiny_bundle: Path, tiny_checkpoint: Path, tmp_path: Path) -> Path:
    (tmp_path / "bundle").symlink_to(tiny_bundle)
    (tmp_path / "checkpoint").symlink_to(tiny_checkpoint)
    (tmp_path / "texts.txt").write_text("\n".join(TEXTS))
    return tmp_path


@pytest.mark.slow
def test_the_runtime_is_measured_on_a_tiny_model(folder: Path) -> None:
    if not (ROOT / ".venv-base").is_dir():
        pytest.skip("set up by: make base")
    out = folder / "out.json"
    run_script("runtime", folder, "--rounds", 1, "--data", folder / "texts.txt", "-o", out,
               "--skip-growth")  # fmt: skip
    rows = json.loads(out.read_text())["rows"]
    assert len(rows) == 6
    assert all(one["ratio"] > 0 for one in rows)


@pytest.mark.slow
def test_spinning_is_measured_on_a_tiny_model(folder: Path) -> None:
    if not (ROOT / ".venv-base").is_dir():
        pytest.skip("set up by: make base")
    out = folder / "out.json"
    run_script("spinning", folder, "--rounds", 1, "--data", folder / "texts.txt", "-o", out,
               "--variant", "int8")  # fmt: skip
    rows = json.loads(out.read_text())["rows"]
    assert len(rows) == 9
    assert all(one["ratio"] > 0 and "int8" in one["what"] for one in rows)


@pytest.mark.slow
def test_the_peers_are_measured_on_a_tiny_model(folder: Path) -> None:
    names = [name for name in ("bare", "transformers", "optimum")
             if (ROOT / PEERS[name].environment).is_dir()]  # fmt: skip
    if not names:
        pytest.skip("set up by: make base peers")
    out = folder / "out.json"
    only = [word for name in names for word in ("--only", name)]
    run_script("peers", folder, "--rounds", 1, "--data", folder / "texts.txt", "-o", out, *only)
    found = json.loads(out.read_text())["peers"]
    assert [one["peer"] for one in found] == names
    for one in found:
        assert one["agreement"] == 1.0  # the same model, so the same labels
        assert all(figure["ratio"] > 0 for figure in one["rows"].values())


@pytest.mark.slow
def test_the_peers_find_the_same_entities(
    tagger_checkpoint: Path, tagger_bundle: Path, tmp_path: Path
) -> None:
    names = [name for name in TAGGERS if (ROOT / PEERS[name].environment).is_dir()]
    if not names:
        pytest.skip("set up by: make base peers")
    (tmp_path / "bundle").symlink_to(tagger_bundle)
    (tmp_path / "checkpoint").symlink_to(tagger_checkpoint)
    data = written(tmp_path)
    out = tmp_path / "out.json"
    only = [word for name in names for word in ("--only", name)]
    run_script("peers", tmp_path, "--rounds", 1, "--data", data, "-o", out, *only)
    found = json.loads(out.read_text())
    assert found["task"] == "token-classification"
    assert [(one["peer"], one["agreement"]) for one in found["peers"]] == [
        (name, 1.0) for name in names
    ]


@pytest.mark.slow
def test_a_checkout_is_measured_against_another(folder: Path) -> None:
    if not (ROOT / ".venv-base").is_dir():
        pytest.skip("set up by: make base")
    out = folder / "out.json"
    run_script("revisions", folder, ROOT, "--rounds", 1, "--data", folder / "texts.txt",
               "--variant", "int8", "-o", out)  # fmt: skip
    rows = json.loads(out.read_text())["rows"]
    assert [one["what"] for one in rows] == [
        "int8, throughput", "int8, p50", "int8, start", "int8, memory"
    ]  # fmt: skip


@pytest.mark.slow
def test_places_are_checked_and_many_questions_measured(
    tagger_bundle: Path, answerer_bundle: Path, squad: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out.json"
    run_script("offsets", tagger_bundle, answerer_bundle, "--count", 40, "-o", out)
    rows = json.loads(out.read_text())["rows"]
    assert [one["task"] for one in rows] == ["token-classification", "question-answering"]
    assert all(one["windows"] >= 40 and one["found"] and not one["faults"] for one in rows)
    run_script("questions", answerer_bundle, "--data", squad, "--words", 30, "--questions", 3,
               "--rounds", 1, "-o", out)  # fmt: skip
    (row,) = json.loads(out.read_text())["rows"]
    assert row["what"].startswith("3 questions over one context of 30 words")
    assert row["ratio"] > 0


@pytest.mark.slow
@pytest.mark.usefixtures("minilm")
def test_tagging_is_measured_on_a_few_sentences(tmp_path: Path) -> None:
    data, out = written(tmp_path), tmp_path / "out.json"
    run_script("tagging", data, "--test", data, "--epochs", 1, "--name", "few", "-o", out)
    (row,) = json.loads(out.read_text())["rows"]
    assert row["rows"] == {"train": 57, "choose": 3, "report": 60}
    assert row["time_ratio"] > 0
    assert 0 <= row["ordinary_f1"] <= 1


@pytest.mark.slow
@pytest.mark.usefixtures("minilm")
def test_many_labels_are_measured_on_a_few_rows(tmp_path: Path) -> None:
    data, names, out = (tmp_path / name for name in ("data.tsv", "names.txt", "out.json"))
    held = ["0,2" if "rain" in text else "1" for text in TEXTS]
    rows = [f"{text}\t{ids}\tx{at}" for at, (text, ids) in enumerate(zip(TEXTS, held, strict=True))]
    data.write_text("\n".join([*rows, "it snowed\t3\tx"]) + "\n")
    names.write_text("wet\ndry\nsad\nwhite\n")
    run_script("labels", data, "--choose", data, "--test", data, "--text", "1", "--label", "2",
               "--label-names", names, "--epochs", 2, "--rows", 60, "-o", out)  # fmt: skip
    (row,) = json.loads(out.read_text())["rows"]
    assert row["rows"] == {"train": 60, "choose": 61, "report": 61}
    for side in ("edgeft", "ordinary"):
        assert row[f"{side}_macro_f1"] > 0.6  # of three labels: train never shows the fourth
        assert 0 <= row[f"{side}_macro_f1_at_half"] <= 1


@pytest.mark.slow
@pytest.mark.usefixtures("minilm")
def test_pairs_are_measured_on_a_few_rows(pair_bundle: Path, tmp_path: Path) -> None:
    data, out = tmp_path / "pairs.txt", tmp_path / "out.json"
    rows = [f'{at % 2}\tShares "fell {at}.\tShares rose {at}.' for at in range(60)]
    data.write_text("\n".join(["\ufeffQuality\t#1 String\t#2 String", *rows]) + "\n")
    run_script("pairs", data, "--test", data, "--label", "Quality", "--epochs", 1, "--rows", 40,
               "--name", "few", "-o", out)  # fmt: skip
    (row,) = json.loads(out.read_text())["rows"]
    assert row["rows"] == {"train": 38, "choose": 2, "report": 60}
    assert 0 <= row["ordinary_f1"] <= 1
    assert row["int8"].get("refused") or row["int8"]["rows"] == 60
    table = data.rename(data.with_suffix(".tsv"))
    run_script("ranking", pair_bundle, table, "--texts", 50, "--rounds", 2, "--batch", 8,
               "-o", out)  # fmt: skip
    (row,) = json.loads(out.read_text())["rows"]
    assert (row["texts"], row["batch"]) == (50, 8)
    assert row["ratio"] > 0


@pytest.mark.slow
@pytest.mark.usefixtures("minilm")
def test_vectors_are_measured_beside_other_embedders(tmp_path: Path) -> None:
    names = [
        name for name in ("sentence", "fastembed") if (ROOT / PEERS[name].environment).is_dir()
    ]
    if not names:
        pytest.skip("set up by: make base peers")
    out = tmp_path / "out.json"
    only = [word for name in names for word in ("--only", name)]
    run_script("model", tmp_path / "made")
    run_script("vectors", tmp_path / "made", "--rounds", 1, "--limit", 20, "-o", out, *only)
    rows = json.loads(out.read_text())["rows"]
    assert [one["peer"] for one in rows] == names
    assert all(one["ratio"] > 0 and one["same_vectors"] == 1 for one in rows)


@pytest.mark.slow
@pytest.mark.usefixtures("minilm")
@pytest.mark.parametrize("script", ["numbers", "embeddings"])
def test_numbers_of_pairs_are_measured_on_a_few_rows(script: str, tmp_path: Path) -> None:
    data, out = tmp_path / "data.csv", tmp_path / "out.json"
    data.write_text(
        "".join(f"Shares fell {at}.,Shares rose {at}.,{at % 7}.5\n" for at in range(40))
    )
    run_script(script, data, "--choose", data, "--test", data, "--first", 1, "--second", 2,
               "--label", 3, "--epochs", 1, "--name", "few", "-o", out)  # fmt: skip
    (row,) = json.loads(out.read_text())["rows"]
    assert row["rows"] == {"train": 40, "choose": 40, "report": 40}
    assert -1 <= row["ordinary_spearman"] <= 1
    assert row["int8"].get("refused") or set(row["int8"]["losses"]) == {"Spearman", "Pearson"}


def test_what_int8_loses_is_told_in_a_line() -> None:
    assert told({"refused": "int8 is slow."}) == "int8: refused. int8 is slow."
    losses = {"F1": {"points": 0.25, "low": -0.5, "high": 1.0}}
    found = {"rows": 9, "bytes": 8, "losses": losses, "met": True, "proven": False}
    assert told(found) == (
        "int8 loses 0.25 points (-0.50 to 1.00) of F1 against fp32; at most 0.5 points: met, "
        "not proven."
    )


@pytest.mark.slow
@pytest.mark.usefixtures("minilm")
def test_answering_is_measured_on_a_few_questions(squad: Path, tmp_path: Path) -> None:
    other = tmp_path / "other.json"
    other.write_text(squad.read_text().replace("Weather", "Elsewhere"))
    out = tmp_path / "out.json"
    run_script("answering", squad, other, "--test", squad, "--epochs", 1, "--name", "few",
               "-o", out)  # fmt: skip
    (row,) = json.loads(out.read_text())["rows"]
    assert row["rows"] == {"train": 20, "report": 20}  # of one title, which both have, one
    assert row["time_ratio"] > 0
    assert 0 <= row["ordinary_exact_match"] <= row["ordinary_f1"] <= 1


@pytest.mark.slow
@pytest.mark.usefixtures("minilm")
def test_training_is_measured_on_a_few_rows(tmp_path: Path) -> None:
    data = tmp_path / "data.csv"
    rows = [f"{text},{'wet' if 'rain' in text else 'dry'}" for text in TEXTS]
    data.write_text("\n".join(["text,label", *rows]) + "\n")
    out = tmp_path / "out.json"
    run_script("train", data, "--epochs", 1, "--seeds", 1, "--name", "few", "-o", out)
    (row,) = json.loads(out.read_text())["rows"]
    assert row["rows"] == {"train": 46, "choose": 2, "report": 12}
    assert row["edgeft_s"] > 0
    assert row["ordinary_s"] > 0
    assert 0 <= row["ordinary_accuracy"] <= 1


@pytest.mark.skipif(shutil.which("make") is None, reason="there is no make here")
def test_the_target_asks_the_server_what_the_results_tell() -> None:
    command = ["make", "--dry-run", "bench-serve", "CASCADE=mine", "CASCADE_DATA=its.csv"]
    variables = {name: one for name, one in os.environ.items() if "MAKE" not in name}
    done = subprocess.run(
        command, cwd=ROOT, env=variables, capture_output=True, text=True, check=True
    )
    results = ROOT / "benchmarks" / "results"
    requests = json.loads((results / "serve-soak.json").read_text())["requests"]
    assert f"serve.soak build/bench-model --variant auto --requests {requests} " in done.stdout
    assert "serve.against mine --peer fastapi --rounds 9 --data its.csv" in done.stdout
