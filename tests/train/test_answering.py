"""An answer finder, from questions about contexts to what its training says."""

import json
from pathlib import Path

from edgeft.train.config import DataConfig, TrainConfig
from edgeft.train.hardware import resolve_hardware
from edgeft.train.prepare import prepare
from edgeft.train.recipe import RecipeChoice
from tests.train.conftest import rows


def test_questions_that_are_cut_are_counted(encoder: Path, tmp_path: Path) -> None:
    long = "the sun fell " * 12  # 36 tokens, of which 32 are read
    lines = [
        {"question": long if at % 4 == 0 else "what fell", "context": text, "answers": [text[:3]]}
        for at, (text, _) in enumerate(rows(20))
    ]
    data = tmp_path / "q.jsonl"
    data.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")

    def warnings(max_length: int) -> list[str]:
        config = TrainConfig(
            data=DataConfig(data=str(data)),
            model=str(encoder),
            recipe=RecipeChoice(max_length=max_length),
            device="cpu",
        )
        report = prepare(config, resolve_hardware("cpu", "auto")).report
        return [warning for warning in report.warnings() if "half of" in warning]

    (told,) = warnings(64)
    assert told.startswith("5 of 20 questions take more than half of the tokens")
    assert "--max-length" in told
    lines = [line for line in lines if line["question"] != long]
    data.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    assert warnings(64) == []
