import csv
import hashlib
import json
import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
import transformers

import edgeft
import edgeft.export.factory
import edgeft.export.ladder
import edgeft.export.run
from edgeft.bundle import read_manifest
from edgeft.checkpoint.open import open_checkpoint
from edgeft.data import Examples
from edgeft.data.seen import SEEN_FILE, seen_document
from edgeft.errors import DataError, GateError, ModelError, OutputError, UsageError
from edgeft.export.card import model_card
from edgeft.export.kinds import VARIANT_KINDS
from edgeft.export.provenance import public_name
from edgeft.export.result import ExportResult
from edgeft.export.run import export
from edgeft.tasks.head import Wish
from tests import tiny
from tests.data.files import read_examples_or_texts
from tests.encoded import logits_for
from tests.export import architectures
from tests.export.conftest import SECRET, config
from tests.folders import a_bundle, small_files
from tests.originals import torch_logits
from tests.train.conftest import rows, write_csv

TEXTS = ["a happy dog", "the market fell", "", "quiet rain at night " * 30, "数据 🙂 [/b]"]


def sums_of(folder: Path) -> dict[str, str]:
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in folder.rglob("*")
        if path.is_file()
    }


@pytest.fixture(scope="module")
def scored(
    tmp_path_factory: pytest.TempPathFactory, tiny_checkpoint: Path, data: Path
) -> ExportResult:
    """A bundle that was scored on data, of a checkpoint that normalizes texts."""
    folder = tmp_path_factory.mktemp("alice")
    shutil.copytree(tiny_checkpoint, folder / "checkpoint")
    training = {
        "normalize": ["whitespace"], "max_length": 32, "seed": 7, "labels": list(tiny.LABELS),
        "config": {"data": "/home/alice/d.csv", "text_column": "private column",
                   "other_column": "private column"},
        "data": {"fingerprint": "sha256:0", "text_column": "private column",
                 "report": {"rows": {"train": 5},
                            "tokens": {"p50": 7, "max": 30, "rarest": "private column"}}},
        "recipe": {"epochs": 3}, "base_model": {"name": "/home/alice/base", "sha256": "0"},
        "validation": {"rows": 9, "accuracy": 0.75, "macro_f1": 0.5, "weighted_f1": 0.5,
                       "per_class": {}},
    }  # fmt: skip
    (folder / "checkpoint" / "training.json").write_text(json.dumps(training), encoding="utf-8")
    return export(config(folder / "checkpoint", folder / "news", data=data, max_drop=100.0))


# --- what an export leaves ---------------------------------------------------------


def test_the_bundle_is_whole(scored: ExportResult) -> None:
    names = {path.relative_to(scored.out).as_posix() for path in scored.out.rglob("*.*")}
    assert names == {
        "README.md", "config.json", "edgeft.json", "onnx/model.onnx", "onnx/model_int8.onnx",
        "special_tokens_map.json", "tokenizer.json", "tokenizer_config.json", "vocab.txt",
    }  # fmt: skip
    manifest = read_manifest(scored.out)
    assert manifest == scored.manifest
    assert set(manifest.files) == names - {"README.md", "edgeft.json"}
    assert manifest.model.labels == tiny.LABELS
    assert manifest.requires == ("normalize", "decision", "records")
    record = manifest.model
    assert (record.max_length, record.normalize) == (32, ("whitespace",))
    fp32, int8 = record.variants["fp32"], record.variants["int8"]
    assert (fp32.graph, fp32.batch_invariant, fp32.wants) == ("ort-fused", True, "")
    assert (int8.graph, int8.batch_invariant, int8.wants) == ("ort-fused", False, "int8-dot")
    assert fp32.golden.tolerance == 1e-3
    golden, exact = (np.array(one.golden.outputs["logits"]) for one in (int8, fp32))
    assert golden.shape == exact.shape == (len(record.golden_inputs), 3)
    assert np.abs(golden - exact).max() - 1e-4 <= int8.golden.tolerance < 1
    tokenizer = json.loads((scored.out / "tokenizer.json").read_text(encoding="utf-8"))
    assert (tokenizer["padding"], tokenizer["truncation"]) == (None, None)


def test_figures_are_measured_and_recorded(scored: ExportResult) -> None:
    document = scored.to_dict()
    assert document["torch"] == {"accuracy": 1.0, "macro_f1": 1.0, "weighted_f1": 1.0, "rows": 45}
    fp32, int8 = document["variants"]["fp32"], document["variants"]["int8"]
    assert (fp32["drop"]["points"], fp32["parity"]["agreement"]) == (0.0, 1.0)
    assert (fp32["times_of_fp32"], int8["times_of_fp32"] > 0) == (1.0, True)
    assert fp32["bytes"] == (scored.out / "onnx" / "model.onnx").stat().st_size
    assert int8["bytes"] < fp32["bytes"]
    assert 0 < int8["parity"]["max_abs_logit_diff"] < 1
    recorded = read_manifest(scored.out).model.variants["int8"].measured
    assert recorded["scores"] == int8["scores"]
    assert json.loads(json.dumps(document)) == document


def test_it_tells_where_it_comes_from_and_nothing_private(scored: ExportResult, data: Path) -> None:
    provenance = read_manifest(scored.out).provenance
    assert provenance["training"]["recipe"] == {"epochs": 3}
    assert provenance["training"]["data"] == {
        "fingerprint": "sha256:0", "rows": {"train": 5}, "tokens": {"p50": 7, "max": 30},
    }  # fmt: skip
    assert provenance["training"]["base_model"]["name"] == "base"
    assert "base_model:" not in (scored.out / "README.md").read_text(encoding="utf-8")
    assert [provenance["data"][role]["rows"] for role in ("choose", "report")] == [45, 45]
    assert provenance["data"]["choose"] != provenance["data"]["report"]
    assert provenance["packages"]["torch"]
    everything = b"".join(path.read_bytes() for path in scored.out.rglob("*") if path.is_file())
    for private in (SECRET, str(data.parent), str(scored.out.parent), "alice", "private column",
                    f'"{socket.gethostname()}"'):  # fmt: skip
        assert private.encode() not in everything


def test_the_runtime_answers_as_torch_does(scored: ExportResult) -> None:
    folder = scored.out.parent / "checkpoint"
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    model = transformers.AutoModelForSequenceClassification.from_pretrained(folder).eval()
    with edgeft.load(scored.out, device="cpu", variant="fp32") as ours:
        logits = logits_for(ours, TEXTS)
    for text, row in zip(TEXTS, logits, strict=True):
        text = " ".join(text.split())  # the checkpoint's one normalization step
        encoded = tokenizer(text, truncation=True, max_length=32, return_tensors="pt")
        with torch.no_grad():
            expected = model(**encoded).logits[0].numpy()
        np.testing.assert_allclose(row, expected, atol=1e-4)


@pytest.fixture(scope="module")
def everything(
    tmp_path_factory: pytest.TempPathFactory, tiny_checkpoint: Path, data: Path
) -> ExportResult:
    """A bundle with every variant there is, and the single file."""
    out = tmp_path_factory.mktemp("everything") / "b"
    return export(
        config(tiny_checkpoint, out, data=data, variants=tuple(VARIANT_KINDS), max_drop=100.0,
               single_file="int8")
    )  # fmt: skip


@pytest.mark.parametrize("subfolder", ["onnx", ""])
@pytest.mark.parametrize("variant", list(VARIANT_KINDS))
def test_optimum_reads_the_folder_as_it_is(
    everything: ExportResult, variant: str, subfolder: str
) -> None:
    from optimum.onnxruntime import ORTModelForSequenceClassification

    theirs = ORTModelForSequenceClassification.from_pretrained(
        everything.out, subfolder=subfolder, file_name=Path(VARIANT_KINDS[variant].file).name
    )
    tokenizer = transformers.AutoTokenizer.from_pretrained(everything.out)
    with edgeft.load(everything.out, device="cpu", variant=variant) as ours:
        for text in TEXTS:
            encoded = tokenizer(text, truncation=True, return_tensors="pt")
            logits = theirs(**encoded).logits[0]
            np.testing.assert_allclose(logits_for(ours, [text])[0], logits, atol=1e-4)
            assert ours.predict(text).label == theirs.config.id2label[int(logits.argmax())]


@pytest.mark.slow
def test_another_process_gives_the_same_bytes(
    everything: ExportResult, tiny_checkpoint: Path, data: Path, tmp_path: Path
) -> None:
    command = [sys.executable, "-m", "edgeft", "export", str(tiny_checkpoint), "--data", str(data),
               "--max-drop", "100", "--single-file=int8", "-o", str(tmp_path / "b")]  # fmt: skip
    for name in VARIANT_KINDS:
        command += ["--variant", name]
    subprocess.run(
        command, check=True, capture_output=True, env={**os.environ, "PYTHONHASHSEED": "7"}
    )
    assert sums_of(tmp_path / "b") == sums_of(everything.out)


def test_two_exports_give_the_same_bytes(tiny_checkpoint: Path, tmp_path: Path) -> None:
    shutil.copytree(tiny_checkpoint, tmp_path / "elsewhere")
    before = sums_of(tiny_checkpoint)
    one = export(config(tiny_checkpoint, tmp_path / "a" / "tiny"))
    other = export(config(tmp_path / "elsewhere", tmp_path / "b" / "tiny"))
    assert sums_of(one.out) == sums_of(other.out)
    assert sums_of(tiny_checkpoint) == before  # and the checkpoint is as it was


def test_the_number_of_threads_does_not_show(
    tiny_checkpoint: Path, data: Path, tmp_path: Path
) -> None:
    before = torch.get_num_threads()
    found = []
    try:
        for at, threads in enumerate((2, 1, 2)):
            torch.set_num_threads(threads)
            out = tmp_path / str(at) / "tiny"
            export(config(tiny_checkpoint, out, data=data, max_drop=100.0))
            assert torch.get_num_threads() == threads  # and is left as it was
            found.append(sums_of(out))
    finally:
        torch.set_num_threads(before)
    assert found[0] == found[1] == found[2]


def test_figures_have_the_digits_that_they_mean(everything: ExportResult) -> None:
    """Whatever is beyond them would change with the order of sums."""

    def numbers(value: object) -> Iterator[float]:
        if isinstance(value, dict):
            value = list(value.values())
        if isinstance(value, list):
            for one in value:
                yield from numbers(one)
        elif isinstance(value, float):
            yield value

    for variant in everything.manifest.model.variants.values():
        measured = json.loads(json.dumps(variant.measured))
        assert all(round(one, 6) == one for one in numbers(measured))
        for name in ("parity", "batch"):
            assert all(
                round(one, 4) == one
                for key, one in measured[name].items()
                if key.endswith("logit_diff")
            )
        assert all(round(one, 4) == one for one in numbers(measured["calibration"]))
        golden = variant.golden
        assert all(round(one, 4) == one for row in golden.outputs["logits"] for one in row)
        assert round(golden.tolerance, 3) == golden.tolerance
        temperature = variant.head.temperature
        assert float(f"{temperature:.3g}") == temperature


def test_one_variant_and_unlabelled_texts(tiny_checkpoint: Path, tmp_path: Path) -> None:
    (tmp_path / "t.txt").write_text("\n".join(f"rain {at}" for at in range(600)))
    result = export(
        config(tiny_checkpoint, tmp_path / "b", data=tmp_path / "t.txt", variants=("fp32",))
    )
    assert list(result.reports) == ["fp32"]
    assert result.manifest.provenance["quantization"] == {}
    assert result.reports["fp32"].rows == 512
    assert (result.torch, result.reports["fp32"].drop) == (None, None)


def test_the_full_range_is_for_cpus_that_do_not_saturate(
    tiny_checkpoint: Path, tmp_path: Path
) -> None:
    result = export(config(tiny_checkpoint, tmp_path / "b", target="vnni"))
    assert result.manifest.provenance["quantization"]["int8"]["reduce_range"] is False
    assert result.manifest.model.variants["int8"].full_range
    assert "--scales" in result.manifest.provenance["dropped"]["int8-static"]
    card = (tmp_path / "b" / "README.md").read_text(encoding="utf-8")
    assert "An x86 CPU without VNNI may overflow in it" in card


def test_an_architecture_that_cannot_be_fused_is_shipped_plain(tmp_path: Path) -> None:
    checkpoint = architectures.deberta(tmp_path / "c")
    variants = export(config(checkpoint, tmp_path / "b")).manifest.model.variants
    assert {one.graph for one in variants.values()} == {"onnx"}


def test_markup_in_labels_is_shown_as_it_is(tmp_path: Path) -> None:
    labels = ("[/b]", "[red]", "a|b", "<b>bold</b>", "*star*\n# head")
    export(config(tiny.bert(tmp_path / "c", labels=labels), tmp_path / "b"))
    card = (tmp_path / "b" / "README.md").read_text(encoding="utf-8")
    assert "<b>" not in card
    assert r"\[/b\], \[red\], a\|b, &lt;b&gt;bold&lt;/b&gt;, \*star\* # head." in card
    with edgeft.load(tmp_path / "b", device="cpu") as model:
        assert model.labels == labels


def test_the_real_minilm(minilm: Path, tmp_path: Path) -> None:
    torch.manual_seed(0)
    model = transformers.AutoModelForSequenceClassification.from_pretrained(minilm, num_labels=4)
    with torch.no_grad():
        model.classifier.weight.mul_(50.0)
    model.save_pretrained(tmp_path / "c")
    transformers.AutoTokenizer.from_pretrained(minilm).save_pretrained(tmp_path / "c")
    (tmp_path / "c" / "training.json").write_text('{"max_length": 128}')
    texts = tmp_path / "t.txt"
    texts.write_text("\n".join(text for text, _ in rows(40)))
    result = export(config(tmp_path / "c", tmp_path / "b", data=texts))
    fp32, int8 = result.manifest.model.variants.values()
    assert (fp32.measured["fused_attention"], int8.measured["fused_attention"]) == (6, 6)
    assert fp32.measured["parity"]["max_abs_logit_diff"] < 1e-4
    assert result.bytes_of("int8") < 24e6 < 90e6 < result.bytes_of("fp32")
    tokenizer = json.loads((tmp_path / "b" / "tokenizer.json").read_text(encoding="utf-8"))
    assert (tokenizer["padding"], tokenizer["truncation"]) == (None, None)


# --- variants and decisions ----------------------------------------------------------------


def test_every_variant_of_one_model(everything: ExportResult) -> None:
    variants = everything.manifest.model.variants
    assert tuple(variants) == tuple(VARIANT_KINDS)
    assert {name for name, one in variants.items() if not one.batch_invariant} == {"int8"}
    assert variants["portable"].graph == variants["int8-static"].graph == "onnx"
    assert {one.outputs[0].dtype for one in variants.values()} == {"float32"}
    for name in variants:
        with edgeft.load(everything.out, device="cpu", variant=name) as model:
            assert model.predict("rain").label in tiny.LABELS


def test_portable_is_not_written_twice(tmp_path: Path) -> None:
    checkpoint = architectures.mpnet(tmp_path / "c")
    result = export(config(checkpoint, tmp_path / "b", variants=("portable",)))
    assert list(result.manifest.model.variants) == ["fp32"]
    assert "plain operators" in result.manifest.provenance["dropped"]["portable"]


@pytest.mark.parametrize("build", architectures.ALL)
def test_every_architecture_becomes_a_bundle(build: Callable[[Path], Path], tmp_path: Path) -> None:
    checkpoint = build(tmp_path / "c")
    result = export(config(checkpoint, tmp_path / "b", variants=("fp32",)))
    assert result.reports["fp32"].agreement.max_abs_logit_diff < 1e-3
    with edgeft.load(tmp_path / "b", device="cpu") as model:
        together, alone = logits_for(model, TEXTS), [logits_for(model, [text])[0] for text in TEXTS]
        np.testing.assert_allclose(together, alone, atol=1e-3)
    expected = torch_logits(open_checkpoint(str(checkpoint)), TEXTS)
    np.testing.assert_allclose(together, expected, atol=1e-3)


def test_a_missing_padding_token_is_set_and_said(tmp_path: Path) -> None:
    result = export(config(architectures.gpt2(tmp_path / "c"), tmp_path / "b", variants=("fp32",)))
    assert any("no padding token" in note for note in result.manifest.provenance["notes"])
    assert "no padding token" in (tmp_path / "b" / "README.md").read_text(encoding="utf-8")
    config_json = json.loads((tmp_path / "b" / "config.json").read_text(encoding="utf-8"))
    assert config_json["pad_token_id"] == result.manifest.model.pad_id


# --- failing: the output ---------------------------------------------------------------


def test_an_existing_output_is_replaced_only_by_a_whole_one(
    tiny_checkpoint: Path,
    outlier: Path,
    tmp_path: Path,
    exact: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    out = a_bundle(tmp_path / "out" / "b", "old")
    with pytest.raises(OutputError, match="exists already"):
        export(config(tiny_checkpoint, out))
    monkeypatch.setattr(edgeft.export.ladder, "MOST_LEFT", 0.0)
    with pytest.raises(GateError):
        export(config(outlier, out, data=exact, force=True, variants=("int8",)))
    assert (out / "config.json").read_text() == "old"
    export(config(tiny_checkpoint, out, force=True))
    assert (out / "config.json").read_text() != "old"
    assert [path.name for path in out.parent.iterdir()] == ["b"]
    (out / "notes.txt").write_text("mine")
    with pytest.raises(OutputError, match="did not write: notes"):
        export(config(tiny_checkpoint, out, force=True))


@pytest.mark.parametrize("spelling", ["ck", "ck/../ck/", "proj/ck", "link", "proj", "ck/onnx"])
def test_a_checkpoint_is_never_replaced_by_its_own_bundle(
    tiny_checkpoint: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, spelling: str
) -> None:
    monkeypatch.chdir(tmp_path)
    shutil.copytree(tiny_checkpoint, tmp_path / "proj" / "ck")
    (tmp_path / "ck").symlink_to(tmp_path / "proj" / "ck")
    (tmp_path / "link").symlink_to(tmp_path / "ck")
    (tmp_path / "data.txt").write_text("a text\n")
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(OutputError, match=r"read|is a link"):
        export(config(Path("ck"), Path(spelling), force=True))
    with pytest.raises(OutputError, match=r"is the working directory|reads"):
        export(config(Path("ck"), tmp_path, data=Path("data.txt"), force=True))
    assert sorted(tmp_path.rglob("*")) == before


@pytest.mark.parametrize("most_bytes", [500, 5_000, 20_000, 110_000])
def test_a_full_disk_is_one_clear_error(
    tiny_checkpoint: Path, tmp_path: Path, most_bytes: int
) -> None:
    out = a_bundle(tmp_path / "b", "old")
    before = sorted(tmp_path.rglob("*"))
    with small_files(most_bytes), pytest.raises(OutputError, match="could not be written"):
        export(config(tiny_checkpoint, out, force=True))
    assert sorted(tmp_path.rglob("*")) == before
    assert (out / "config.json").read_text() == "old"


def test_an_interrupt_leaves_nothing(tiny_checkpoint: Path, tmp_path: Path) -> None:
    def interrupt(step: str, done: int, total: int) -> None:
        if step == "checking int8":
            assert any(tmp_path.iterdir())
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        export(config(tiny_checkpoint, tmp_path / "b"), interrupt)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("changes", "error", "words"),
    [
        ({"variants": ("int3",)}, UsageError, "no variant 'int3'"),
        ({"target": "z80"}, UsageError, "no target 'z80'"),
        ({"max_drop": -1.0}, UsageError, "--max-drop"),
        ({"max_drop": float("nan")}, UsageError, "--max-drop"),
        ({"label_column": "label"}, UsageError, "no --data"),
        ({"test": Path("t.csv")}, UsageError, "no --data"),
        ({"wish": Wish("sad", recall=0.9)}, UsageError, "no --data"),
        ({"variants": ("int8-static",)}, UsageError, "scales from texts of yours"),
        ({"data": Path("missing.csv")}, DataError, "does not exist"),
        ({"checkpoint": "./missing"}, ModelError, "is not a folder"),
    ],
)
def test_a_bad_request_leaves_nothing(
    tiny_checkpoint: Path,
    tmp_path: Path,
    changes: dict[str, object],
    error: type[Exception],
    words: str,
) -> None:
    with pytest.raises(error, match=words):
        export(replace(config(tiny_checkpoint, tmp_path / "b"), **changes))  # type: ignore[arg-type]
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("build", "words"),
    [
        (architectures.fnet, "otherwise when padding stands behind it"),
        (architectures.canine, "its tokenizer has no tokenizer.json form"),
    ],
)
def test_a_model_that_cannot_be_exported(
    build: Callable[[Path], Path], words: str, tmp_path: Path
) -> None:
    with pytest.raises(ModelError, match=words):
        export(config(build(tmp_path / "c"), tmp_path / "b"))
    assert [path.name for path in tmp_path.iterdir()] == ["c"]


def test_data_without_a_text(tiny_checkpoint: Path, tmp_path: Path) -> None:
    (tmp_path / "t.txt").touch()
    with pytest.raises(DataError, match="is empty"):
        export(config(tiny_checkpoint, tmp_path / "b", data=tmp_path / "t.txt"))
    with pytest.raises(DataError, match="one text a line"):
        export(
            config(tiny_checkpoint, tmp_path / "b", data=tmp_path / "t.txt", label_column="label")
        )


@pytest.mark.parametrize(
    ("name", "line"),
    [
        ("minilm", 'base_model: "sentence-transformers/all-MiniLM-L6-v2"'),
        ("some.org/a_model", 'base_model: "some.org/a_model"'),
        ("base", None),
        ("data/models/base", None),
    ],
)
def test_the_card_heads_with_a_hub_id_alone(
    scored: ExportResult, name: str, line: str | None
) -> None:
    provenance = dict(scored.manifest.provenance)
    base = {"name": public_name(name)}
    provenance["training"] = {**provenance["training"], "base_model": base}
    card = model_card(
        "x", replace(scored, manifest=replace(scored.manifest, provenance=provenance))
    )
    head = card.split("---")[1].splitlines()
    assert [one for one in head if "base_model" in one] == ([line] if line else [])


def test_columns_are_found_or_named(tiny_checkpoint: Path, tmp_path: Path) -> None:
    path = tmp_path / "d.csv"
    path.write_text(
        "words,mood\n" + "".join(f"rain {i},calm\nsun {i},glad\n" for i in range(30)),
        encoding="utf-8",
    )
    with pytest.raises(DataError, match="no text column"):
        export(config(tiny_checkpoint, tmp_path / "b", data=path))
    plain = config(tiny_checkpoint, tmp_path / "b", data=path, text_column="words")
    assert export(plain).torch is None
    labelled = config(
        tiny_checkpoint, tmp_path / "b2", data=path, text_column="words", label_column="mood",
        max_drop=100.0,
    )  # fmt: skip
    scores = export(labelled).torch
    assert scores is not None
    assert scores.rows == 30


def test_labels_that_the_model_lacks(tiny_checkpoint: Path, tmp_path: Path) -> None:
    pairs = [(f"rain {i}", label) for i in range(30) for label in ("calm", "[red]")]
    path = write_csv(tmp_path / "d.csv", [(f"{text} {label}", label) for text, label in pairs])
    with pytest.raises(DataError, match=r"line \d+: the model has no label '\[red\]'"):
        export(config(tiny_checkpoint, tmp_path / "b", data=path))
    assert isinstance(read_examples_or_texts(path), Examples)


# --- what was trained on ---------------------------------------------------------------


def test_rows_that_were_trained_on_are_counted(
    tiny_checkpoint: Path, tmp_path: Path, data: Path
) -> None:
    texts = [row["text"] for row in csv.DictReader(data.open(encoding="utf-8"))]
    checkpoint = tmp_path / "ck"
    shutil.copytree(tiny_checkpoint, checkpoint)
    learned = [f" {text.upper()}" for text in texts[:30]]
    (checkpoint / SEEN_FILE).write_text(json.dumps(seen_document(learned)))
    result = export(config(checkpoint, tmp_path / "b", data=data, variants=("fp32",)))
    told = result.manifest.provenance["data"]
    assert told["choose"]["trained_on"] + told["report"]["trained_on"] == 30
    note = "30 of 90 rows of --data were trained on"
    assert any(note in one for one in result.manifest.provenance["notes"])
    card = (tmp_path / "b" / "README.md").read_text(encoding="utf-8")
    assert note in card.replace("\\", "")
    assert "of which it was trained on" in card
    # Neither the hashes nor a text stand in the bundle.
    assert SEEN_FILE not in {path.name for path in (tmp_path / "b").rglob("*")}
    hashes = json.loads((checkpoint / SEEN_FILE).read_text())["runs"][0]["hashes"]
    assert hashes not in (tmp_path / "b" / "edgeft.json").read_text(encoding="utf-8")


def test_test_rows_that_were_trained_on_are_counted_by_file(
    tiny_checkpoint: Path, tmp_path: Path, data: Path
) -> None:
    checkpoint = tmp_path / "ck"
    shutil.copytree(tiny_checkpoint, checkpoint)
    pairs = [tuple(row.values()) for row in csv.DictReader(data.open(encoding="utf-8"))]
    test = write_csv(tmp_path / "test.csv", pairs[60:])
    (checkpoint / SEEN_FILE).write_text(json.dumps(seen_document([pairs[70][0], "other"])))
    result = export(config(checkpoint, tmp_path / "b", data=data, test=test, variants=("fp32",)))
    told = result.manifest.provenance["data"]
    assert (told["choose"]["trained_on"], told["report"]["trained_on"]) == (0, 1)
    notes = [one for one in result.manifest.provenance["notes"] if "trained on" in one]
    assert [one.split(":")[0] for one in notes] == ["1 of 30 rows of --test was trained on"]
