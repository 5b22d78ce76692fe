import json
import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner

from edgeft.cli import main
from edgeft.errors import DependencyError, ModelError
from edgeft.train import embedded
from edgeft.train.models import build_model, open_base
from edgeft.train.objectives.classification import OBJECTIVE
from tests import tiny


def copy_of(encoder: Path, tmp_path: Path, **config: object) -> Path:
    folder = tmp_path / "model"
    shutil.copytree(encoder, folder)
    content = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**content, **config}))
    return folder


def test_a_local_folder(encoder: Path) -> None:
    base = open_base(str(encoder))
    assert (base.width, base.length_limit) == (32, 64)
    # The tokenizer's own padding to 48 and cut at 16 are not in force.
    assert len(base.encoder().encode(["sun"])[0].ids) == 3
    assert len(base.encoder().encode(["sun " * 30])[0].ids) == 32
    assert len(base.encoder(8).encode(["sun " * 30])[0].ids) == 8


def test_a_classifier_has_the_labels_and_seeded_weights(encoder: Path) -> None:
    base = open_base(str(encoder))
    one, same, other = (
        build_model(base, OBJECTIVE, ("no", "yes"), seed=seed) for seed in (0, 0, 1)
    )
    assert one.config.id2label == {0: "no", 1: "yes"}
    assert one.config.problem_type == "single_label_classification"
    assert one.classifier.weight.equal(same.classifier.weight)
    assert not one.classifier.weight.equal(other.classifier.weight)
    assert str(encoder) not in one.config.to_json_string()


def test_distilbert_and_a_head_of_another_size(tmp_path: Path) -> None:
    base = open_base(str(tiny.distilbert(tmp_path / "distilbert")))
    assert build_model(base, OBJECTIVE, tuple("abcde"), seed=0).classifier.out_features == 5


def test_positions_of_roberta_begin_after_the_padding(encoder: Path, tmp_path: Path) -> None:
    folder = copy_of(
        encoder, tmp_path, model_type="roberta", pad_token_id=1, max_position_embeddings=34
    )
    assert open_base(str(folder)).length_limit == 32


def test_the_embedded_model_is_the_known_one(minilm: Path) -> None:
    base = open_base("minilm")
    assert base.folder == minilm
    assert base.sha256 == embedded.MINILM_SHA256
    assert (base.width, base.length_limit) == (384, 512)


def test_embedded_bytes_that_differ_are_refused(
    tmp_path: Path, encoder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(embedded, "_package_folder", lambda package, inside: encoder)
    with pytest.raises(ModelError, match="has the sha256"):
        embedded.minilm_folder()


def test_a_missing_package_says_how_to_install_it() -> None:
    with pytest.raises(DependencyError) as caught:
        embedded._package_folder("edgeft-no-such-package", "x")
    assert "pip install 'edgeft[demo]'" in caught.value.hint


def test_bbc_news_has_each_article_once(minilm: Path) -> None:
    news = embedded.bbc_news()
    assert sorted(set(news.named())) == ["business", "entertainment", "politics", "sports", "tech"]
    assert len(news) == 2125  # of 2,225; 2,127 were white space to count
    assert len({" ".join(text.split()) for text in news.texts}) == len(news)
    assert not any("\ufffd" in text for text in news.texts)


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("./nosuch", "is not a folder"),
        ("nosuchmodel", "could not be had from the Hub"),
        ("distilbert", "'distilbert/distilbert-base-uncased' is no folder here"),
    ],
)
def test_what_cannot_be_found(name: str, words: str, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=words) as caught:
        open_base(name)
    assert "--model minilm" in caught.value.hint


def test_a_folder_that_is_no_model(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"no config\.json"):
        open_base(str(tmp_path))


def test_a_broken_config(encoder: Path, tmp_path: Path) -> None:
    folder = copy_of(encoder, tmp_path)
    (folder / "config.json").write_text("{")
    with pytest.raises(ModelError, match=r"config\.json is no JSON document"):
        open_base(str(folder))


def test_pickled_weights_are_not_read(encoder: Path, tmp_path: Path) -> None:
    folder = copy_of(encoder, tmp_path)
    (folder / "model.safetensors").rename(folder / "pytorch_model.bin")
    with pytest.raises(ModelError, match=r"only pytorch_model\.bin"):
        open_base(str(folder))
    (folder / "pytorch_model.bin").unlink()
    with pytest.raises(ModelError, match="no weights"):
        open_base(str(folder))


def test_truncated_weights(encoder: Path, tmp_path: Path) -> None:
    folder = copy_of(encoder, tmp_path)
    weights = folder / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:1000])
    with pytest.raises(ModelError, match=r"model\.safetensors \(1,000 bytes\) is damaged"):
        open_base(str(folder))


def test_a_models_own_code_is_never_run(encoder: Path, tmp_path: Path) -> None:
    folder = copy_of(
        encoder,
        tmp_path,
        model_type="homemade",
        auto_map={"AutoConfig": "code.Config", "AutoModel": "code.Model"},
    )
    mark = tmp_path / "ran"
    (folder / "code.py").write_text(f"open({str(mark)!r}, 'w')\n")
    with pytest.raises(ModelError, match="never runs such code"):
        open_base(str(folder))
    assert not mark.exists()


def test_an_architecture_without_a_text_classifier(encoder: Path, tmp_path: Path) -> None:
    folder = copy_of(encoder, tmp_path, model_type="t5", classifier_dropout=0.0)
    with pytest.raises(ModelError, match="no text classifier for the architecture 't5'"):
        open_base(str(folder))


def test_a_model_that_no_network_brings_says_how_to_bring_it(tmp_path: Path) -> None:
    data = tmp_path / "hotel.csv"
    data.write_text("label,review\n" + "1,房间干净\n0,噪音很大\n" * 20, encoding="utf-8")
    name = "distilbert-base-multilingual-cased"
    done = CliRunner().invoke(
        main, ["train", str(data), "--model", name, "-o", str(tmp_path / "run")],
        env={"HF_HUB_OFFLINE": "1"},
    )  # fmt: skip
    assert done.exit_code != 0
    told = " ".join(done.stderr.split())
    assert f"The model '{name}' is no folder here and could not be had from the Hub" in told
    assert f"hf download {name} --local-dir FOLDER and name it: --model FOLDER" in told
    assert "--model static learns any language from the data" in told
    assert not (tmp_path / "run").exists()
