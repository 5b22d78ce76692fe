import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import transformers
from click.testing import CliRunner

import edgeft
import edgeft.trim.run
from edgeft.checkpoint.open import open_checkpoint
from edgeft.cli import main
from edgeft.errors import DataError, GateError, ModelError, OutputError
from edgeft.export.run import ExportConfig, export
from edgeft.trim.run import TrimConfig, trim
from tests import tiny
from tests.encoded import logits_for
from tests.export import architectures
from tests.originals import torch_logits
from tests.train.conftest import rows, write_csv

TEXTS = ["the cat fell", "A DOG won, again!", "good water", "", "rain rain rain"]
OTHERS = ["market report", "天气 ñandú 🙂", "unheard-of wörds", "stone"]
SCRIPTS = [
    "Это простой текст о погоде", "Αυτό είναι ένα κείμενο", "هذا نص بسيط عن الطقس",
    "यह मौसम के बारे में है", "これは簡単な文です", "이것은 간단한 문장입니다",
    "这是关于天气的简单文本", "זהו טקסט פשוט", "นี่คือข้อความง่ายๆ",
]  # fmt: skip


def texts_file(folder: Path, texts: list[str] = TEXTS) -> Path:
    path = folder / "texts.txt"
    path.write_text("\n".join(text for text in texts if text), encoding="utf-8")
    return path


@pytest.mark.parametrize("build", architectures.ALL)
def test_every_architecture_answers_its_texts_as_before(
    build: Callable[[Path], Path], tmp_path: Path
) -> None:
    old = build(tmp_path / "old")
    result = trim(TrimConfig(str(old), tmp_path / "new", texts_file(tmp_path), tokens=1))
    assert result.tokens_after < result.tokens_before
    assert result.bytes_after < result.bytes_before
    one, other = open_checkpoint(str(old)), open_checkpoint(str(tmp_path / "new"))
    np.testing.assert_allclose(torch_logits(other, TEXTS), torch_logits(one, TEXTS), atol=1e-4)
    assert np.isfinite(torch_logits(other, OTHERS)).all()
    assert other.model.config.vocab_size == len(other.tokenizer) == result.tokens_after
    # Special tokens have their new ids everywhere.
    for token in one.tokenizer.all_special_tokens:
        assert other.tokenizer.convert_tokens_to_ids(token) < result.tokens_after
    assert other.tokenizer("rain")["input_ids"] != []
    assert other.tokenizer.pad_token_id == other.config.pad_token_id
    bundle = export(ExportConfig(str(tmp_path / "new"), tmp_path / "b", variants=("fp32",)))
    with edgeft.load(bundle.out, device="cpu") as model:
        np.testing.assert_allclose(logits_for(model, TEXTS), torch_logits(one, TEXTS), atol=1e-3)


def test_the_slow_tokenizer_files_agree(tmp_path: Path) -> None:
    trim(TrimConfig(str(tiny.bert(tmp_path / "old")), tmp_path / "new", texts_file(tmp_path)))
    slow = transformers.BertTokenizer(str(tmp_path / "new" / "vocab.txt"))
    fast = transformers.AutoTokenizer.from_pretrained(tmp_path / "new")
    for text in TEXTS + OTHERS:
        assert slow(text)["input_ids"] == fast(text)["input_ids"]


def test_the_real_minilm_spells_nine_other_scripts(minilm: Path, tmp_path: Path) -> None:
    model = transformers.AutoModelForSequenceClassification.from_pretrained(minilm)
    model.save_pretrained(tmp_path / "old")
    tokenizer = transformers.AutoTokenizer.from_pretrained(minilm)
    tokenizer.save_pretrained(tmp_path / "old")
    texts = [text for text, _ in rows(60)]
    result = trim(TrimConfig(str(tmp_path / "old"), tmp_path / "new", texts_file(tmp_path, texts)))
    assert result.tokens_after == 9157 < 30522 == result.tokens_before
    trimmed = transformers.AutoTokenizer.from_pretrained(tmp_path / "new")
    for text in (*SCRIPTS, *OTHERS):
        whole, small = tokenizer.tokenize(text), trimmed.tokenize(text)
        assert small.count("[UNK]") == whole.count("[UNK]"), text


def test_labelled_rows_tell_what_was_lost(tiny_checkpoint: Path, tmp_path: Path) -> None:
    data = write_csv(tmp_path / "d.csv", rows(60))
    test = write_csv(tmp_path / "t.csv", rows(40, seed=1))
    config = TrimConfig(str(tiny_checkpoint), tmp_path / "new", data, test, max_drop=100.0)
    result = trim(config)
    assert result.drop is not None
    assert result.drop.rows == 40
    halves = trim(replace(config, test=None, out=tmp_path / "halves"))
    assert halves.drop is not None
    assert halves.drop.rows == 30
    document = json.loads((tmp_path / "new" / "training.json").read_text(encoding="utf-8"))
    assert document["trim"]["tokens_after"] == result.tokens_after
    made = export(ExportConfig(str(tmp_path / "new"), tmp_path / "b", variants=("fp32",)))
    assert made.manifest.provenance["training"]["trim"] == document["trim"]


def test_unlabelled_texts_and_labelled_judges(tiny_checkpoint: Path, tmp_path: Path) -> None:
    test = write_csv(tmp_path / "t.csv", rows(40, seed=1))
    config = TrimConfig(str(tiny_checkpoint), tmp_path / "new", texts_file(tmp_path), test,
                        max_drop=100.0)  # fmt: skip
    lost = trim(config).drop
    assert lost is not None
    assert lost.rows == 40
    # What the trimmed copy's variants lose can be counted from the whole model.
    data = write_csv(tmp_path / "d.csv", rows(60))
    made = export(
        ExportConfig(str(tmp_path / "new"), tmp_path / "b", data, test, max_drop=100.0,
                     variants=("fp32",), original=str(tiny_checkpoint))
    )  # fmt: skip
    found = made.reports["fp32"].drop
    assert found is not None
    assert (found.newly_wrong, found.newly_right) == (lost.newly_wrong, lost.newly_right)


def test_too_great_a_loss_leaves_nothing(tiny_checkpoint: Path, tmp_path: Path) -> None:
    # All words fall apart into letters; the labels are what the whole model gives.
    texts = [text for text, _ in rows(90)]
    checkpoint = open_checkpoint(str(tiny_checkpoint))
    best = torch_logits(checkpoint, texts).argmax(axis=1)
    test = write_csv(
        tmp_path / "t.csv", [(text, tiny.LABELS[at]) for text, at in zip(texts, best, strict=True)]
    )
    data = write_csv(tmp_path / "d.csv", [(f"zq {at}", "sad") for at in range(30)])
    with pytest.raises(GateError, match=r"loses .* points of .* on 90 other rows") as caught:
        trim(TrimConfig(str(tiny_checkpoint), tmp_path / "new", data, test, tokens=1))
    assert caught.value.exit_code == 3
    assert sorted(path.name for path in tmp_path.iterdir()) == ["d.csv", "t.csv"]


def test_a_tokenizer_that_was_rewritten_wrongly_is_found(
    tiny_checkpoint: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = edgeft.trim.run.new_ids

    def crossed(*arguments: object, **options: object) -> dict[int, int]:
        ids = real(*arguments, **options)  # type: ignore[arg-type]
        low, high = sorted(ids)[-2:]
        return {**ids, low: ids[high], high: ids[low]}

    monkeypatch.setattr(edgeft.trim.run, "new_ids", crossed)
    with pytest.raises(ModelError, match=r"does not encode|answers the texts differently"):
        trim(TrimConfig(str(tiny_checkpoint), tmp_path / "new", texts_file(tmp_path)))
    assert not (tmp_path / "new").exists()


def test_bad_input(tiny_checkpoint: Path, tmp_path: Path) -> None:
    config = TrimConfig(str(tiny_checkpoint), tmp_path / "new", tmp_path / "missing.csv")
    with pytest.raises(DataError, match="does not exist"):
        trim(config)
    with pytest.raises(ModelError, match="is not a folder"):
        trim(replace(config, checkpoint="./missing", data=texts_file(tmp_path)))
    (tmp_path / "new").mkdir()
    with pytest.raises(OutputError, match="exists already"):
        trim(config)


def test_the_command(tiny_checkpoint: Path, tmp_path: Path) -> None:
    kinds = [("happy night", "glad"), ("the river", "calm"), ("bad bread", "sad")]
    pairs = [(f"{text} {at}", label) for at in range(20) for text, label in kinds]
    data = write_csv(tmp_path / "d.csv", pairs)
    arguments = ["trim", str(tiny_checkpoint), "--data", str(data), "--max-drop", "100"]
    shown = CliRunner().invoke(main, [*arguments, "-o", str(tmp_path / "a")])
    assert shown.exit_code == 0, shown.output
    assert "rows that gave no token" in " ".join(shown.stdout.split())
    assert f"Next: edgeft export {tmp_path / 'a'} -o BUNDLE" in shown.stdout
    assert f"--original {arguments[1]}" in "".join(shown.stdout.split("\n"))
    told = CliRunner().invoke(main, [*arguments, "-o", str(tmp_path / "b"), "--json"])
    document = json.loads(told.stdout)
    assert document["tokens"]["after"] < document["tokens"]["before"]
    assert document["drop"]["rows"] == 30
