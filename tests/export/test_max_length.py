from pathlib import Path

import pytest

import edgeft
from edgeft.errors import GateError, UsageError
from edgeft.export.run import ExportConfig, export
from tests.tiny import WORDS
from tests.train.conftest import write_csv


def test_a_shorter_maximum_length_is_counted_from_the_whole(
    tiny_checkpoint: Path, tmp_path: Path
) -> None:
    # What is true stands in the first words of some texts, and behind these in others.
    with edgeft.load(export(ExportConfig(str(tiny_checkpoint), tmp_path / "whole",
                                         variants=("fp32",))).out) as model:  # fmt: skip
        texts = [f"{' '.join(WORDS[at : at + 14])} {at}" for at in range(len(WORDS) - 14)] * 3
        texts = [f"{text} {number}" for number, text in enumerate(texts)]
        told = [one.label for one in model.predict(texts)]
    data = write_csv(tmp_path / "data.csv", zip(texts, told, strict=True))

    def config(out: str, **given: object) -> ExportConfig:
        return ExportConfig(str(tiny_checkpoint), tmp_path / out, data=data, variants=("fp32",),
                            max_length=8, **given)  # type: ignore[arg-type]  # fmt: skip

    with pytest.raises(GateError, match="fp32 cannot be shipped: it loses"):
        export(config("refused"))
    result = export(config("short", max_drop=100))
    assert result.manifest.model.max_length == 8
    assert result.torch is not None
    assert result.torch.figure("accuracy") == 1  # of the whole
    drop = result.reports["fp32"].drop
    assert drop is not None
    assert drop.worst.points > 0
    assert any("It reads 8 tokens at a time, and the checkpoint 64" in note
               for note in result.manifest.provenance["notes"])  # fmt: skip
    with edgeft.load(result.out) as model:
        assert model.predict(texts[0]).truncated


def test_lengths_that_make_no_sense(tiny_checkpoint: Path, tmp_path: Path) -> None:
    for length, told in ((65, "is more than the 64 tokens"), (3, "leaves no room for a text")):
        with pytest.raises(UsageError, match=told):
            export(ExportConfig(str(tiny_checkpoint), tmp_path / "out", max_length=length))
    assert list(tmp_path.iterdir()) == []
