"""predict, eval, verify and inspect as a person meets them."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

import edgeft
from edgeft.bundle import Head
from edgeft.cli import main
from edgeft.data.brat import read_standoff
from tests import lookup, tiny
from tests.bundles import with_variant
from tests.exporting import CAN_EXPORT


def run(*arguments: object, stdin: bytes = b"") -> Result:
    return CliRunner().invoke(main, [str(one) for one in arguments], input=stdin)


@pytest.fixture
def labelled(tmp_path: Path) -> Path:
    path = tmp_path / "data.csv"
    rows = [f"{word},{tiny.LABELS[i % 3]}" for i, word in enumerate(tiny.WORDS)]
    path.write_text("\n".join(["text,label", *rows]), encoding="utf-8")
    return path


def test_eval_scores_what_predict_answers(
    tiny_bundle: Path, tmp_path: Path, labelled: Path
) -> None:
    decided = with_variant(tiny_bundle, tmp_path / "b", "fp32", head=Head(abstain_below=0.36))
    labels, plain_labels = (
        [
            json.loads(line)["label"]
            for line in run("predict", one, labelled, "--variant", "fp32").stdout.splitlines()
        ]
        for one in (decided, tiny_bundle)
    )
    truth = [row.rpartition(",")[2] for row in labelled.read_text("utf-8").splitlines()[1:]]
    withheld = labels.count("unknown")
    right = sum(one == other for one, other in zip(labels, truth, strict=True))
    assert 0 < withheld < len(truth)
    result = run("eval", decided, labelled, "--variant", "fp32", "--json")
    found = json.loads(result.stdout)["variants"]["fp32"]
    assert found["withheld"] == withheld
    assert found["accuracy"] == round(right / len(truth), 6)
    assert found["accuracy_of_answered"] == round(right / (len(truth) - withheld), 6)
    likeliest = sum(one == other for one, other in zip(plain_labels, truth, strict=True))
    assert found["without_thresholds"]["accuracy"] == round(likeliest / len(truth), 6)
    table = " ".join(run("eval", decided, labelled, "--variant", "fp32").stdout.split())
    assert "What thresholds do" in table
    share = f"{1 - withheld / len(truth):.2%} {withheld} {right / (len(truth) - withheld):.4f}"
    assert f"fp32 {share} {likeliest / len(truth):.4f}" in table
    assert "(withheld)" in table
    assert "thresholds do" not in run("eval", tiny_bundle, labelled, "--variant", "fp32").stdout
    shown = run("verify", decided, "--data", labelled, "--max-drop", 100).stdout
    assert f"fp32, as answered: accuracy {right / len(truth):.4f}" in " ".join(shown.split())
    plain = json.loads(run("eval", decided, labelled, "--variant", "int8", "--json").stdout)
    assert plain["variants"]["int8"]["without_thresholds"] is None
    assert plain["variants"]["int8"]["withheld"] == 0


def test_predict_reads_stdin_in_order(tiny_bundle: Path) -> None:
    result = run("predict", tiny_bundle, "-", stdin="the cat\n\n上海 😀\n[red]rain[/b]\n".encode())
    assert result.exit_code == 0
    lines = [json.loads(line) for line in result.stdout.splitlines()]
    assert len(lines) == 4
    assert set(lines[0]) == {"label", "score", "truncated", "unknown_share"}
    assert lines[2]["unknown_share"] == 1.0
    assert "Running" in result.stderr


def test_predict_reads_questions_a_line_each_or_from_a_file(tmp_path: Path) -> None:
    tables = {"start_logits": lookup.STARTS, "end_logits": lookup.ENDS}
    finder = lookup.bundle(tmp_path / "finder", "question-answering", (), tables)
    asked = [{"question": f"who {word}?", "context": "the team won the game"}
             for word in ("won", "lost")]  # fmt: skip
    lines = "".join(json.dumps(one) + "\n" for one in asked)
    (tmp_path / "asked.jsonl").write_text(lines)
    found = run("predict", finder, "-", stdin=lines.encode())
    assert found.exit_code == 0, found.output
    answers = [json.loads(line) for line in found.stdout.splitlines()]
    assert [one["text"] for one in answers] == [
        "the team won the game"[one["start"] : one["end"]] for one in answers
    ]
    assert run("predict", finder, tmp_path / "asked.jsonl").stdout == found.stdout
    more = [{**one, "id": 1, "answers": [], "context": one["context"]} for one in asked]
    piped = "".join(json.dumps(one) + "\n" for one in more)
    assert run("predict", finder, "-", stdin=piped.encode()).stdout == found.stdout
    nothing = tmp_path / "nothing.jsonl"  # in which there is nothing to find
    nothing.write_text(lines + json.dumps({"question": "who?", "context": ""}) + "\n")
    told = run("predict", finder, nothing)
    assert told.stdout == run("predict", finder, "-", stdin=nothing.read_bytes()).stdout
    assert len(told.stdout.splitlines()) == 3
    wrong = run("predict", finder, "-", stdin=lines.encode() + b"the team won\n")
    assert wrong.exit_code == 1
    assert "stdin, line 3: it is no question with its context" in wrong.stderr


def test_predict_reads_a_table_and_gives_all_scores(tiny_bundle: Path, labelled: Path) -> None:
    result = run("predict", tiny_bundle, labelled, "--scores", "--variant", "fp32")
    lines = [json.loads(line) for line in result.stdout.splitlines()]
    assert len(lines) == len(tiny.WORDS)
    assert sum(lines[0]["scores"].values()) == pytest.approx(1, abs=1e-5)


def test_predict_writes_entities_of_taggers_alone(tiny_bundle: Path, tmp_path: Path) -> None:
    (tmp_path / "t.txt").write_text("the cat won\n")
    arguments = ["predict", str(tiny_bundle), str(tmp_path / "t.txt")]
    told = CliRunner().invoke(main, [*arguments, "--format", "conll"])
    assert told.exit_code == 2
    assert "--format conll: what this text classifier finds is written as: json." in told.output
    told = CliRunner().invoke(main, [*arguments, "--min-score", "0.5"])
    assert told.exit_code == 2
    assert "min_score" in told.output or "min-score" in told.output


@pytest.fixture(scope="module")
def tagger(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("tagger") / "bundle"
    return lookup.bundle(out, "token-classification", tiny.TAGS, {"logits": lookup.TAGS})


def test_all_scores_are_of_labels_alone(tagger: Path, tmp_path: Path) -> None:
    (tmp_path / "t.txt").write_text("the cat won\n")
    tables = {"start_logits": lookup.STARTS, "end_logits": lookup.ENDS}
    finder = lookup.bundle(tmp_path / "finder", "question-answering", (), tables)
    for bundle, hint in ((tagger, "has its score."), (finder, "--top-k N")):
        told = run("predict", bundle, tmp_path / "t.txt", "--scores")
        assert told.exit_code == 2
        assert "--scores tells the score of every label" in told.stderr
        assert hint in " ".join(told.stderr.split())
        assert not told.stdout


@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize("piped", [False, True])
def test_an_ann_file_is_read_again_beside_its_document(
    tagger: Path, tmp_path: Path, end: str, piped: bool
) -> None:
    texts = ["the cat won", "", "sun and rain fell on the red river", "the dog ran"] * 3
    document = tmp_path / "a.txt"
    document.write_bytes(end.join(texts).encode())
    plain = run("predict", tagger, document)
    told = (
        run("predict", tagger, "-", "--format", "brat", stdin=document.read_bytes())
        if piped
        else run("predict", tagger, document, "--format", "brat")
    )
    assert told.exit_code == 0, told.output
    document.with_suffix(".ann").write_text(told.stdout, encoding="utf-8")
    (read,) = read_standoff((document,), "a", print)
    assert not isinstance(read.marks, Exception)
    expected = [
        (one["label"], one["text"])
        for line in plain.stdout.splitlines()
        for one in json.loads(line)["entities"]
    ]
    assert [(one.label, read.text[one.start : one.end]) for one in read.marks] == expected
    assert len(expected) > 3
    folder = run("predict", tagger, tmp_path, "--format", "brat")
    assert folder.exit_code == 2
    assert "has several" in " ".join(folder.stderr.split())


def test_predict_into_a_closed_pipe_is_quiet(tiny_bundle: Path, tmp_path: Path) -> None:
    texts = tmp_path / "texts.txt"
    texts.write_text("the cat\n" * 20_000)
    command = f'"{sys.executable}" -m edgeft predict "{tiny_bundle}" "{texts}" | head -n 1'
    done = subprocess.run(command, shell=True, capture_output=True, text=True)
    assert len(done.stdout.splitlines()) == 1
    assert "Traceback" not in done.stderr
    assert "Error" not in done.stderr


def test_eval_scores_every_variant(tiny_bundle: Path, labelled: Path) -> None:
    result = run("eval", tiny_bundle, labelled, "--json")
    assert result.exit_code == 0, result.output
    variants = json.loads(result.stdout)["variants"]
    assert list(variants) == ["fp32", "int8"]
    assert variants["fp32"]["rows"] == len(tiny.WORDS)
    assert 0 <= variants["fp32"]["macro_f1"] <= 1
    table = run("eval", tiny_bundle, labelled)
    assert f"{variants['fp32']['accuracy']:.4f}" in table.stdout
    assert "confusion matrix" in table.stdout


def test_eval_names_a_label_that_the_model_lacks(tiny_bundle: Path, tmp_path: Path) -> None:
    path = tmp_path / "data.csv"
    path.write_text("text,label\na,calm\nb,[red]angry[/b]\n")
    result = run("eval", tiny_bundle, path)
    assert result.exit_code == 1
    assert "line 3" in result.stderr
    assert "[red]angry[/b]" in result.stderr


def test_verify_passes_and_compares(tiny_bundle: Path, labelled: Path) -> None:
    result = run("verify", tiny_bundle, "--data", labelled, "--json", "--max-drop", 100)
    assert result.exit_code == 0, result.output
    checks = json.loads(result.stdout)
    assert checks["fp32"]["golden"]["passed"]
    assert checks["fp32"]["agreement"]["agreement"] == 1.0
    assert "pass" in run("verify", tiny_bundle).stdout


def test_verify_scores_labelled_data_and_holds_the_gate(
    tiny_bundle: Path, labelled: Path, tmp_path: Path
) -> None:
    result = run("verify", tiny_bundle, "--data", labelled, "--json", "--max-drop", 100)
    assert result.exit_code == 0, result.output
    checks = json.loads(result.stdout)
    assert checks["fp32"]["scores"]["rows"] == len(tiny.WORDS)
    assert checks["fp32"]["drop"]["points"] == 0
    shown = " ".join(run("verify", tiny_bundle, "--data", labelled).stdout.split())
    assert "On their labels" in shown
    assert "int8, against fp32: It loses more than the 0.5 points" in shown

    texts = [f"{one} {other}" for one in tiny.WORDS for other in tiny.WORDS]
    with edgeft.load(tiny_bundle, device="cpu", variant="fp32") as model:
        rows = [
            f"{one},{told.label}" for one, told in zip(texts, model.predict(texts), strict=True)
        ]
    own = tmp_path / "own.csv"
    own.write_text("\n".join(["text,topics", *rows]), encoding="utf-8")
    held = run("verify", tiny_bundle, "--data", own, "--label-column", "topics", "--max-drop", 0)
    assert held.exit_code == 3, held.output
    assert "int8 loses" in held.stderr
    assert "points lost" in " ".join(held.stdout.split())


def test_verify_wants_the_column_that_was_named(tiny_bundle: Path, labelled: Path) -> None:
    result = run("verify", tiny_bundle, "--data", labelled, "--label-column", "topic")
    assert result.exit_code == 1
    assert "no column 'topic'" in result.stderr
    assert run("verify", tiny_bundle, "--label-column", "topic").exit_code == 2


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full here")
@pytest.mark.parametrize(
    "arguments",
    [["predict", "{bundle}", "-"], ["doctor", "--json"], ["--version"], ["predict", "-h"]],
)
def test_a_full_disk_behind_stdout_is_no_bug(tiny_bundle: Path, arguments: list[str]) -> None:
    command = [one.replace("{bundle}", str(tiny_bundle)) for one in arguments]
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "edgeft", *command],
            input="the cat\n", stdout=full, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
    assert done.returncode == 1
    last = done.stderr.splitlines()[-1]
    assert last == "Error: The output could not be written: No space left on device."


def test_predict_answers_a_pipe_before_it_ends(tiny_bundle: Path) -> None:
    command = [sys.executable, "-m", "edgeft", "predict", str(tiny_bundle), "-"]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        for text in (b"the cat\n", b"rain fell\n"):
            process.stdin.write(text)
            process.stdin.flush()
            assert b'"label"' in process.stdout.readline()  # would wait for ever
        process.stdin.close()
        assert process.stdout.read() == b""


def test_verify_notices_a_spoiled_file(tiny_bundle: Path, tmp_path: Path) -> None:
    bundle = Path(shutil.copytree(tiny_bundle, tmp_path / "bundle"))
    (bundle / "config.json").write_text("{}")
    result = run("verify", bundle)
    assert result.exit_code == 1
    assert "config.json" in result.stderr


def test_inspect_shows_variants_and_checksums(tiny_bundle: Path) -> None:
    result = run("inspect", tiny_bundle)
    assert result.exit_code == 0
    assert "onnx/model_int8.onnx" in result.stdout
    assert json.loads(run("inspect", tiny_bundle, "--json").stdout)["format"] == 1


@pytest.mark.parametrize(
    ("arguments", "status", "message"),
    [
        (["predict", "nowhere"], 1, "is not a folder"),
        (["predict", "{bundle}", "no.txt"], 1, "no.txt does not exist"),
        (["predict", "{bundle}", "-", "--device", "tpu"], 2, "no device 'tpu'"),
        (["predict", "{bundle}", "-", "--threads", "0"], 2, "0 is not in the range"),
        (["eval", "{bundle}", "no.csv"], 1, "no.csv does not exist"),
        (["fly"], 2, "No such command"),
    ],
)
def test_bad_requests_are_one_message(
    tiny_bundle: Path, arguments: list[str], status: int, message: str
) -> None:
    result = run(*[one.replace("{bundle}", str(tiny_bundle)) for one in arguments])
    assert result.exit_code == status
    assert message in result.stderr
    assert "Traceback" not in result.output


@pytest.mark.parametrize("arguments", [["--debug", "inspect", "x"], ["inspect", "x", "--debug"]])
def test_debug_shows_the_traceback(arguments: list[str]) -> None:
    result = run(*arguments)
    assert result.exit_code == 1
    assert "Traceback" in result.output
    assert "Error: x is not a folder." in result.output


def test_version_and_help() -> None:
    assert run("--version").stdout.strip() == f"edgeft {edgeft.__version__}"
    page = run("-h")
    assert page.exit_code == 0
    ours = ("export", "trim", "predict", "eval", "verify", "bench", "report", "inspect", "push",
            "doctor")  # fmt: skip
    lines = [line for line in page.stdout.splitlines() if line.strip().startswith(ours)]
    assert len(lines) == len(ours)
    assert not any(line.endswith("...") for line in lines)


def test_predict_treats_long_texts_as_told(tiny_bundle: Path) -> None:
    long = b"the cat\n" + b"sun " * 200 + b"\n"
    options = (tiny_bundle, "-", "--device", "cpu", "--variant", "fp32")
    windows = run("predict", *options, "--on-long", "window", stdin=long).stdout.splitlines()
    assert "windows" not in json.loads(windows[0])
    assert json.loads(windows[1])["windows"] > 1
    refused = run("predict", *options, "--on-long", "error", stdin=long)
    assert refused.exit_code == 1
    assert "Text 1 has 202 tokens; the model reads 64." in refused.stderr


def test_predict_takes_only_the_expected_bundle(tiny_bundle: Path) -> None:
    refused = run("predict", tiny_bundle, "-", "--expect", "sha256:0", stdin=b"the cat\n")
    assert (refused.exit_code, refused.stdout) == (1, "")
    assert "not sha256:0" in refused.stderr


def test_predict_with_no_neighbours_gives_what_a_text_gets_alone(tiny_bundle: Path) -> None:
    texts = [b"the cat fell", b"sun and rain", b"good bread"]
    options = ("predict", tiny_bundle, "-", "--variant", "int8", "--batch-invariant")
    together = run(*options, stdin=b"\n".join(texts)).stdout.splitlines()
    assert together == [run(*options, stdin=text).stdout.strip() for text in texts]


def test_the_home_is_meant_where_the_shell_leaves_its_sign(
    tiny_bundle: Path, labelled: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    assert run("predict", tiny_bundle, "~/data.csv").exit_code == 0


@pytest.mark.skipif(not CAN_EXPORT, reason="the extra [export] is not installed")
def test_the_home_is_no_folder_to_replace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    assert "is a home" in run("trim", "m", "--data=a.csv", "--out=~", "--force").stderr
    assert "names no user" in run("trim", "m", "--data", "a", "-o", "~no-such-user/m").stderr
