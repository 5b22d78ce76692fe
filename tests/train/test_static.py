"""A static model from labels alone, and the whole road behind it."""

import json
import random
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

import edgeft
import edgeft.train.static
from edgeft.cli import main
from edgeft.errors import DependencyError, ModelError
from edgeft.train.config import config_from
from edgeft.train.run import TrainResult, train
from edgeft.train.vocabulary import learn_tokenizer
from tests.exporting import CAN_EXPORT, ExportConfig, export
from tests.originals import torch_logits
from tests.train.conftest import interrupted, weights_of, write_csv

CHINESE = {"好": ("房间干净", "服务热情", "早餐不错"), "坏": ("噪音很大", "态度很差", "设施陈旧")}
FILLERS = ("酒店在车站附近", "我们住了三天", "这次出差", "前台", "价格一般", "窗外是马路")


@pytest.fixture
def tokenizer_at_hand(encoder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The tiny encoder's tokenizer stands where the embedded model's would."""
    monkeypatch.setattr(edgeft.train.static, "minilm_folder", lambda: encoder)


@pytest.fixture
def static(options: dict[str, object], tokenizer_at_hand: None) -> dict[str, object]:
    return {**options, "model": "static"}


def chinese(folder: Path, count: int, *, seed: int = 0) -> Path:
    """Reviews in two classes, which words without white space between them tell apart."""
    chance = random.Random(seed)
    pairs = []
    for number in range(count):
        label = list(CHINESE)[number % 2]
        parts = [*chance.choices(FILLERS, k=2), *chance.choices(CHINESE[label], k=2)]
        chance.shuffle(parts)
        pairs.append((",".join(parts), label))
    return write_csv(folder / f"zh{seed}.csv", pairs)


def test_it_learns_and_gives_the_same_weights_again_and_resumed(
    static: dict[str, object], tmp_path: Path
) -> None:
    config = config_from(static)
    one = train(config, tmp_path / "one")
    assert one.document["test"]["accuracy"] > 0.8
    assert one.document["base_model"]["name"] == "static"
    content = json.loads((tmp_path / "one" / "config.json").read_text(encoding="utf-8"))
    assert content["model_type"] == "edgeft-static"
    assert weights_of(train(config, tmp_path / "two").out) == weights_of(one.out)
    interrupted(config, tmp_path / "three")
    assert weights_of(train(config, tmp_path / "three", resume=True).out) == weights_of(one.out)
    other = train(config_from({**static, "seed": 1}), tmp_path / "four")
    assert weights_of(other.out) != weights_of(one.out)


def test_a_trained_one_is_trained_on_with_other_labels(
    static: dict[str, object], tmp_path: Path
) -> None:
    first = train(config_from(static), tmp_path / "first")
    texts = [("the cat", "pet"), ("a dog", "pet"), ("the river", "place"), ("a market", "place")]
    data = write_csv(tmp_path / "d.csv", texts * 6)
    options = {**static, "model": str(first.out), "data": str(data), "test": None}
    second = train(config_from(options), tmp_path / "second")
    assert second.document["labels"] == ["pet", "place"]
    assert second.document["recipe"]["batch_size"] == static["batch_size"]


def test_no_pretrained_model_need_be_at_hand(
    options: dict[str, object], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def missing() -> Path:
        raise DependencyError("not here")

    monkeypatch.setattr(edgeft.train.static, "minilm_folder", missing)
    found = train(config_from({**options, "model": "static"}), tmp_path / "run")
    (note,) = found.document["base_model"]["notes"]
    assert "minilm is not installed, so one of " in note
    assert found.document["test"]["accuracy"] > 0.8


def test_it_is_for_labels_of_texts_alone(tokenizer_at_hand: None, tmp_path: Path) -> None:
    (tmp_path / "t.conll").write_text("rain B-THING\nin O\n\n" * 20, encoding="utf-8")
    config = config_from({"data": str(tmp_path / "t.conll"), "model": "static"})
    with pytest.raises(ModelError, match="gives each text one label; it is no") as caught:
        train(config, tmp_path / "run")
    assert "--model minilm" in caught.value.hint
    assert not (tmp_path / "run").exists()


# --- a tokenizer from the data -------------------------------------------------------


def test_chinese_gets_a_tokenizer_of_its_own_which_is_said(
    tokenizer_at_hand: None, tmp_path: Path
) -> None:
    values = {
        "data": str(chinese(tmp_path, 120)),
        "test": str(chinese(tmp_path, 40, seed=1)),
        "model": "static",
        "device": "cpu",
        "precision": "fp32",
        "epochs": 3,
    }
    found = train(config_from(values), tmp_path / "run")
    (note,) = found.document["base_model"]["notes"]
    assert "The tokenizer of minilm does not know 85% of the tokens, so one of" in note
    assert "was learned from the texts of train" in note
    assert found.document["data"]["report"]["tokens"]["unknown_share"] == 0
    assert found.document["test"]["accuracy"] == 1
    again = train(config_from(values), tmp_path / "again")
    tokenizers = [(one.out / "tokenizer.json").read_bytes() for one in (found, again)]
    assert tokenizers[0] == tokenizers[1]
    assert weights_of(found.out) == weights_of(again.out)


def test_a_learned_tokenizer_joins_what_often_stands_together() -> None:
    texts = ["房间干净,服务热情", "服务热情,房间干净", "房间干净!", "服务热情。"] * 3
    tokenizer = learn_tokenizer(texts, max_length=64)
    assert "房间干净" in tokenizer.tokenize("这里房间干净")
    assert tokenizer.tokenize("龘")[-1] == "[UNK]"
    assert tokenizer.tokenize("ＡＢ") == tokenizer.tokenize("ab")  # full width, and capitals
    encoded = tokenizer("房间", "服务")["input_ids"]
    assert encoded[0] == tokenizer.cls_token_id
    assert encoded.count(tokenizer.sep_token_id) == 2
    assert (tokenizer.pad_token_id, tokenizer.model_max_length) == (0, 64)


# --- the whole road ------------------------------------------------------------------


@pytest.fixture(scope="module")
def bundled(
    tmp_path_factory: pytest.TempPathFactory, options: dict[str, object], encoder: Path
) -> tuple[TrainResult, Path]:
    """A run, and the bundle of it."""
    folder = tmp_path_factory.mktemp("static")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(edgeft.train.static, "minilm_folder", lambda: encoder)
        trained = train(config_from({**options, "model": "static"}), folder / "run")
    export(ExportConfig(str(trained.out), folder / "bundle"))
    return trained, folder / "bundle"


TEXTS = ["", "the cat", "a happy dog won", "quiet rain at night " * 40, "数据 🙂", "lost"]


@pytest.mark.skipif(not CAN_EXPORT, reason="the extra [export] is not installed")
@pytest.mark.parametrize("variant", ["fp32", "int8-vectors"])
def test_its_bundle_answers_as_it_does(bundled: tuple[TrainResult, Path], variant: str) -> None:
    from edgeft.checkpoint.open import open_checkpoint

    trained, bundle = bundled
    expected = torch_logits(open_checkpoint(str(trained.out)), TEXTS)
    with edgeft.load(bundle, device="cpu", variant=variant) as model:
        alone = [model.predict(text) for text in TEXTS]
        together = model.predict(TEXTS)
        many = model.predict(TEXTS * 50)
        _, outputs = model.outputs(TEXTS)
    assert [one.label for one in alone] == [one.label for one in together]
    np.testing.assert_allclose(
        [one.score for one in together], [one.score for one in alone], atol=1e-5
    )
    assert [one.label for one in many] == [one.label for one in together] * 50
    limit = 1e-4 if variant == "fp32" else 0.1
    np.testing.assert_allclose(outputs["logits"], expected, atol=limit)


@pytest.mark.skipif(not CAN_EXPORT, reason="the extra [export] is not installed")
def test_it_is_evaluated_verified_and_trimmed(
    bundled: tuple[TrainResult, Path], test_csv: Path, train_csv: Path, tmp_path: Path
) -> None:
    trained, bundle = bundled
    for arguments in (
        ["eval", str(bundle), str(test_csv)],
        ["verify", str(bundle), "--data", str(test_csv)],
        ["trim", str(trained.out), "--data", str(train_csv), "-o", str(tmp_path / "small")],
        ["export", str(tmp_path / "small"), "-o", str(tmp_path / "b"), "--data", str(train_csv)],
    ):
        done = CliRunner().invoke(main, arguments)
        assert done.exit_code == 0, done.output
    with (
        edgeft.load(bundle, device="cpu", variant="fp32") as whole,
        edgeft.load(tmp_path / "b", device="cpu", variant="fp32") as small,
    ):
        assert [one.label for one in small.predict(TEXTS)] == [
            one.label for one in whole.predict(TEXTS)
        ]
