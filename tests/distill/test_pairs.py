"""Students and cascades of models that judge pairs of texts."""

from pathlib import Path

import pytest

import edgeft
from edgeft.cascade.stages import asked, check_alike
from edgeft.distill.run import DistillConfig, distill
from edgeft.errors import DataError, UsageError
from edgeft.inputs import Pair
from edgeft.train.config import DataConfig
from edgeft.train.recipe import RecipeChoice
from tests.cascades import cascade
from tests.train.conftest import rows, write_csv
from tests.train.test_pairs import rows as pair_rows
from tests.train.test_pairs import write

RECIPE = RecipeChoice(epochs=1, batch_size=16)


@pytest.mark.parametrize("student", ["static", "layers:1"])
def test_a_student_of_pairs(student: str, pair_checkpoint: Path, tmp_path: Path) -> None:
    data = write(tmp_path / "d.csv", pair_rows(60))
    warnings: list[str] = []
    bare = write(tmp_path / "u.csv", pair_rows(90)[60:])
    found = distill(
        DistillConfig(
            str(pair_checkpoint), tmp_path / "out", DataConfig(str(data)), student=student,
            recipe=RECIPE, precision="fp32", unlabelled=(bare,),
        ),
        on_prepared=lambda prepared: warnings.extend(prepared.report.warnings()),
    )  # fmt: skip
    doubt = "cannot tell in which of the two texts a word stands"
    assert sum(doubt in one for one in warnings) == (student == "static")
    assert found.document["takes"] == "pairs"
    assert found.document["distill"]["unlabelled"]["rows"] == 30
    full, cheap = asked([str(pair_checkpoint), str(tmp_path / "out")])
    check_alike([cheap, full])


def test_data_of_another_kind_teach_nothing(pair_checkpoint: Path, tmp_path: Path) -> None:
    data = write_csv(tmp_path / "d.csv", [(text, "yes" if "won" in text else "no")
                                          for text, _ in rows(60)])  # fmt: skip
    config = DistillConfig(str(pair_checkpoint), tmp_path / "out", DataConfig(str(data)),
                           recipe=RECIPE, precision="fp32")  # fmt: skip
    with pytest.raises(DataError, match="gives single texts, and pairs of texts are wanted"):
        distill(config)


def test_stages_of_two_kinds_are_refused(pair_checkpoint: Path, tmp_path: Path) -> None:
    from tests import tiny

    texts = tiny.bert(tmp_path / "texts", labels=("no", "yes"))
    either, pairs = asked([str(texts), str(pair_checkpoint)])
    check_alike([either, pairs])
    (texts / "training.json").write_text('{"takes": "texts"}', encoding="utf-8")
    with pytest.raises(UsageError, match="one was made for pairs of texts, the other for single"):
        check_alike(asked([str(texts), str(pair_checkpoint)]))


def test_a_cascade_answers_pairs_in_either_order(pair_bundle: Path, tmp_path: Path) -> None:
    pairs = [Pair(f"the {one} fell", f"a {other} won")
             for one in ("cat", "狗", "sun") for other in ("dog", "猫", "🐕")]  # fmt: skip
    with edgeft.load(pair_bundle, device="cpu", variant="int8", symmetric=True) as model:
        middle = sorted(one.score for one in model.predict(pairs))[len(pairs) // 2]
    folder = cascade(
        tmp_path / "c", {"main": pair_bundle}, [("main", "int8", middle), ("main", "fp32", None)]
    )
    with edgeft.load(folder, device="cpu", symmetric=True) as model:
        found = model.predict(pairs)
        assert len({one.stage for one in found}) == 2
        turned = model.predict([Pair(one.second, one.first) for one in pairs])
        for one, other in zip(found, turned, strict=True):
            assert (one.label, one.stage) == (other.label, other.stage)
            assert one.score == pytest.approx(other.score, abs=1e-5)
        with pytest.raises(TypeError, match="must be a Pair"):
            model.predict("the cat")
        ranked = model.rank("the cat fell", ["a dog won", "a cat won"])
        assert ranked[0].score >= ranked[1].score
