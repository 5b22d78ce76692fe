from pathlib import Path

import pytest

from edgeft.errors import DataError
from edgeft.train.config import config_from
from edgeft.train.hardware import resolve_hardware
from edgeft.train.prepare import prepare
from edgeft.train.report import TokenCounts, check_known
from edgeft.train.run import train
from edgeft.train.scripts import main_script, models_for
from tests.train.conftest import write_csv


@pytest.mark.parametrize(
    ("text", "script", "model"),
    [
        ("今天的天气很好, WIFI 不好", "CJK", "Chinese: google-bert/bert-base-chinese"),
        ("今日は天気がいいので公園へ", "HIRAGANA", "Japanese: intfloat/multilingual-e5-small"),
        ("오늘 날씨가 좋아서", "HANGUL", "Korean: klue/bert-base"),
        ("Сегодня хорошая погода", "CYRILLIC", "Cyrillic: DeepPavlov/rubert-base-cased"),
        ("วันนี้อากาศดี", "THAI", "Thai: intfloat/multilingual-e5-small"),
        ("Straße und Garçon", "LATIN", "many languages: intfloat/"),
        ("123 …", "", "many languages: intfloat/"),
    ],
)
def test_texts_name_the_models_that_read_them(text: str, script: str, model: str) -> None:
    assert main_script([text]) == script
    assert f"Models that read {model}" in models_for(script)


def test_training_on_what_the_tokenizer_does_not_know_is_refused() -> None:
    def counted(share: float) -> TokenCounts:
        return TokenCounts(5, 5, 5, 5, 5, unknown_share=share)

    check_known(counted(0.25), ["今天"], "minilm")
    with pytest.raises(DataError, match="minilm does not know 64% of the tokens") as caught:
        check_known(counted(0.64), ["今天"], "minilm")
    assert "bert-base-chinese" in caught.value.hint
    assert "--allow-unknown" in caught.value.hint


def test_a_run_says_so_before_it_begins(encoder: Path, tmp_path: Path) -> None:
    pairs = [(text, label) for text in ("天气很好 sun", "房间太差 rain") for label in "ab"] * 8
    config = {"data": str(write_csv(tmp_path / "zh.csv", pairs)), "model": str(encoder)}
    with pytest.raises(DataError, match="does not know"):
        train(config_from(config), tmp_path / "out")
    assert not list(tmp_path.glob("out*"))
    hardware = resolve_hardware("cpu", "fp32", 1)
    told = prepare(config_from({**config, "allow_unknown": True}), hardware)
    assert told.report.tokens.unknown_share > 0.25
