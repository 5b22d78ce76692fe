"""`edgeft deploy web`: the page runs bundles in a real browser and answers as Python does."""

import json
import re
import shutil
import string
from pathlib import Path

import pytest
import transformers
from click.testing import CliRunner, Result
from tokenizers import Tokenizer, models, pre_tokenizers

from edgeft.bundle import read_manifest
from edgeft.cli import main
from edgeft.deploy.web.packages import RUNTIME, TOKENIZERS, copy_packages
from edgeft.deploy.web.proven import served
from edgeft.deploy.web.trimming import spared_bytes
from edgeft.runtime.graphfile import bytes_of_tables
from tests import tiny
from tests.cascades import cascade
from tests.exporting import ExportConfig, export
from tests.serve.browser import FOUND, Browser, browser


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that holds the packages as npm installs them."""
    if shutil.which("npm") is None or FOUND is None:
        pytest.skip("npm or Chromium is not installed")
    folder = tmp_path_factory.mktemp("node")
    for one in (RUNTIME, TOKENIZERS):
        place = folder / "node_modules" / one.name
        (place / "dist").mkdir(parents=True)
        (place / "package.json").write_text(json.dumps({"version": one.version}))
        copy_packages((one,), place, None)
        for name, here in one.files.items():
            (place / here).rename(place / name)
    return folder


def deploy(*words: object) -> Result:
    return CliRunner().invoke(main, ["deploy", "web", *map(str, words)])


def look(page: Browser, url: str) -> None:
    page.open(url)
    page.until("here.ready")


@pytest.mark.slow
def test_every_task_in_a_browser(
    node: Path, tmp_path: Path, tiny_bundle: Path, pair_bundle: Path, labeller_bundle: Path,
    tagger_bundle: Path, answerer_bundle: Path, scorer_bundle: Path, encoder_bundle: Path,
) -> None:  # fmt: skip
    bundles = {
        "news": tiny_bundle, "pairs": pair_bundle, "labels": labeller_bundle,
        "tags": tagger_bundle, "answers": answerer_bundle, "numbers": scorer_bundle,
        "vectors": encoder_bundle,
    }  # fmt: skip
    for name, bundle in bundles.items():
        done = deploy(bundle, "-o", tmp_path / name, "--runtime", node, "--check", "--json",
                      "--variant", "fp32", "--name", f"My {name}")  # fmt: skip
        assert done.exit_code == 0, done.output
        told = json.loads(done.stdout)
        assert told["proven"]["equal"] == told["proven"]["least"] == told["proven"]["asked"] == 200
        assert told["proven"]["largest"] < 1e-3
    with served(tmp_path) as url, browser() as page:
        for name in bundles:
            look(page, f"{url}{name}/")
            assert page.run("at('name').textContent") == f"My {name}"
            facts = page.run("at('facts').innerText")
            assert re.search(r"p50 in this browser: [\d.]+ ms of \d+ answers", facts)
            assert re.search(r"(\d+) of \1 answers are the same \(all must be\)", facts)
            page.run("at('example-list').querySelector('button').click()")
            page.until("!state.asking && at('answers').firstChild")
            assert "in this browser" in page.run("at('status').textContent")
        assert all(one.startswith((url, "data:", "about:")) for one in page.requested)
        assert page.complaints == []
        page.call("Network.emulateNetworkConditions", offline=True, latency=0,
                  downloadThroughput=-1, uploadThroughput=-1)  # fmt: skip
        page.run("at('field-text').value = 'the cat'; run()")
        page.until("!state.asking && at('answers').firstChild")


@pytest.mark.slow
def test_smaller_variants_and_own_inputs(node: Path, tmp_path: Path, tiny_bundle: Path) -> None:
    (tmp_path / "mine.csv").write_text("said\n" + "a secret of mine\n" * 3 + "the cat\n")
    done = deploy(tiny_bundle, "-o", tmp_path / "site", "--runtime", node, "--json",
                  "--data", tmp_path / "mine.csv", "--text-column", "said")  # fmt: skip
    told = json.loads(done.stdout)
    assert told["variant"] == "int8"
    assert (told["proven"]["asked"], told["proven"]["least"]) == (200, 198)
    written = (one for one in (tmp_path / "site").rglob("*") if one.is_file())
    assert not any(b"a secret" in one.read_bytes() for one in written)


@pytest.mark.slow
def test_another_tokenizer(
    node: Path, tmp_path: Path, tiny_checkpoint: Path, tagger_checkpoint: Path
) -> None:
    """A Unigram one, by npm's tokenizers; it tells no places, so entities are refused."""
    words = [("[PAD]", 0.0), ("[UNK]", 0.0), *((f"▁{word}", -3.0) for word in tiny.WORDS)]
    letters = [(letter, -6.0) for letter in string.ascii_lowercase + "▁"]
    tokenizer = Tokenizer(models.Unigram([*dict([*words, *letters]).items()], unk_id=1))
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    fast = transformers.PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, pad_token="[PAD]", unk_token="[UNK]"
    )
    for checkpoint, status in ((tiny_checkpoint, 0), (tagger_checkpoint, 2)):
        copied = Path(shutil.copytree(checkpoint, tmp_path / checkpoint.name))
        fast.save_pretrained(copied)
        bundle = export(
            ExportConfig(str(copied), tmp_path / f"{copied.name}-bundle", variants=("fp32",))
        ).out
        done = deploy(bundle, "-o", tmp_path / f"{copied.name}-site", "--runtime", node, "--json")
        assert done.exit_code == status, done.output
        if status:
            assert "not one of BERT's" in done.stderr
        else:
            told = json.loads(done.stdout)["proven"]
            assert told["equal"] == told["asked"] == 200


@pytest.mark.slow
def test_npm_brings_the_runtime(tiny_bundle: Path, tmp_path: Path, node: Path) -> None:
    done = deploy(tiny_bundle, "-o", tmp_path / "site", "--no-check")
    assert done.exit_code == 0, done.output
    assert "Not checked" in done.stdout
    assert "python -m http.server --directory" in done.stdout
    with served(tmp_path / "site") as url, browser() as page:
        look(page, url)
        assert "not held against" in page.run("at('facts').innerText")
    again = deploy(tiny_bundle, "-o", tmp_path / "site", "--runtime", node, "--no-check", "--force")
    assert again.exit_code == 0, again.output


def test_an_existing_folder_is_kept(tiny_bundle: Path, tmp_path: Path) -> None:
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / "mine.txt").write_text("mine")
    for words in ((), ("--force",)):
        done = deploy(tiny_bundle, "-o", tmp_path / "site", *words)
        assert done.exit_code == 1
        assert "mine.txt" in done.stderr or "--force" in done.stderr
    assert (tmp_path / "site" / "mine.txt").read_text() == "mine"


def test_nothing_is_left_where_the_packages_are_not_there(
    tiny_bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "empty").mkdir()
    done = deploy(tiny_bundle, "-o", tmp_path / "site", "--runtime", tmp_path / "empty")
    assert (done.exit_code, done.stdout) == (2, "")
    assert "does not hold onnxruntime-web" in done.stderr
    assert "npm install --prefix" in done.stderr
    monkeypatch.setenv("PATH", str(tmp_path))
    done = deploy(tiny_bundle, "-o", tmp_path / "site")
    assert done.exit_code == 1
    assert "--runtime FOLDER" in done.stderr
    assert [one.name for one in tmp_path.iterdir()] == ["empty"]


def test_npm_that_brings_nothing_or_another_package(
    tiny_bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    npm = tmp_path / "npm"
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    told = {
        "echo 'npm error ENOTFOUND' >&2; exit 1": "npm error ENOTFOUND",
        "exit 0": "no archive came",
        f"echo other > {RUNTIME.archive}": "digest is another",
    }
    for script, words in told.items():
        npm.write_text(f"#!/bin/sh\n{script}\n")
        npm.chmod(0o755)
        done = deploy(tiny_bundle, "-o", tmp_path / "site")
        assert done.exit_code == 1
        assert words in done.stderr
        assert len(done.stderr.splitlines()) == 2
    assert not (tmp_path / "site").exists()


def test_what_does_not_run_truly_in_a_browser(tiny_bundle: Path, tmp_path: Path) -> None:
    both = {"small": tiny_bundle, "full": tiny_bundle}
    staged = cascade(tmp_path / "staged", both, [("small", "int8", 0.9), ("full", "fp32", None)])
    out = tmp_path / "site"
    for words, told in {
        (staged,): "cascade of several models",
        (staged, "--variant", "cascade"): "all stages of a cascade",
        (tiny_bundle, "--variant", "fp64"): "A page runs one model; 'fp64' is none of it",
        (tiny_bundle, "--text-column", "x"): "no --data",
        (tmp_path / "none",): "none",
    }.items():
        done = deploy(*words, "-o", out)
        assert done.exit_code in (1, 2), done.output
        assert told in done.stderr
        assert not out.exists()


def test_what_a_trimmed_vocabulary_would_spare(tiny_bundle: Path) -> None:
    manifest, tokenizer = read_manifest(tiny_bundle), tiny_bundle / "tokenizer.json"
    tokens = Tokenizer.from_file(str(tokenizer)).get_vocab_size()
    for name, width in (("model.onnx", 4), ("model_int8.onnx", 1)):
        graph = tiny_bundle / "onnx" / name
        table = tokens * 32 * width
        assert table <= bytes_of_tables(graph, tokens) < table + 300
        assert spared_bytes(manifest, graph, tokenizer, tokens, whole=2 * table) is not None
        assert spared_bytes(manifest, graph, tokenizer, tokens, whole=1000 * table) is None
    assert bytes_of_tables(tiny_bundle / "onnx" / "model.onnx", 7) == 0
