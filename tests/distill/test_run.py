import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

import edgeft
from edgeft.cascade.run import CascadeConfig, cascade
from edgeft.checkpoint.open import open_checkpoint
from edgeft.cli import main
from edgeft.data.seen import read_seen
from edgeft.distill.layers import drop_layers
from edgeft.distill.pupil import Pupil
from edgeft.distill.run import DistillConfig, DistillResult, distill
from edgeft.errors import DataError, ModelError, UsageError
from edgeft.export.run import ExportConfig, export
from edgeft.train.config import DataConfig, TrainConfig
from edgeft.train.objectives import objective_named
from edgeft.train.recipe import RecipeChoice
from edgeft.train.run import train
from tests import tiny
from tests.originals import torch_logits
from tests.train.conftest import rows, write_csv

RECIPE = RecipeChoice(epochs=6, batch_size=16, learning_rate=3e-3, seed=1)
TEXTS = ["a happy day, won", "the night was quiet", "lost and bad", "", "🙂 天气"]


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_csv(tmp_path_factory.mktemp("data") / "train.csv", rows(150))


@pytest.fixture(scope="module")
def test_rows(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_csv(tmp_path_factory.mktemp("data") / "test.csv", rows(60, seed=5))


@pytest.fixture(scope="module")
def teacher(tmp_path_factory: pytest.TempPathFactory, data: Path) -> Path:
    folder = tmp_path_factory.mktemp("teacher")
    base = tiny.encoder(folder / "encoder")
    config = TrainConfig(DataConfig(str(data)), model=str(base), recipe=RECIPE, precision="fp32")
    return train(config, folder / "out").out


def asked(origin: Path, data: Path, out: Path, **more: object) -> DistillConfig:
    given: dict[str, object] = {"student": "layers:1", "recipe": RECIPE, "precision": "fp32"}
    return DistillConfig(str(origin), out, DataConfig(str(data)), **{**given, **more})  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def shallow(teacher: Path, data: Path, tmp_path_factory: pytest.TempPathFactory) -> DistillResult:
    return distill(asked(teacher, data, tmp_path_factory.mktemp("shallow") / "out"))


def test_a_student_with_half_the_layers_learns_what_its_teacher_knows(
    shallow: DistillResult, teacher: Path, data: Path
) -> None:
    assert sorted(path.name for path in shallow.out.parent.iterdir()) == ["out"]
    one, other = open_checkpoint(str(teacher)), open_checkpoint(str(shallow.out))
    assert other.config.num_hidden_layers == 1
    assert other.labels == one.labels
    assert other.max_length == one.max_length
    assert shallow.bytes_after < shallow.bytes_before
    assert shallow.split == "validation"
    assert shallow.drop is not None
    texts = [text for text, _ in rows(150)]
    one_says, other_says = (torch_logits(each, texts).argmax(1) for each in (one, other))
    assert (one_says == other_says).mean() > 0.8
    assert len(set(one_says)) > 1
    told = shallow.document["distill"]
    assert told["teacher_sha256"] == told["checkpoint_sha256"] == one.weights_sha256
    assert told["student"] == "layers:1"
    assert json.loads((shallow.out / "training.json").read_text())["distill"] == told
    assert "config" not in shallow.document
    assert str(teacher.parent) not in json.dumps(shallow.document)


def test_it_knows_which_rows_its_teacher_saw(shallow: DistillResult) -> None:
    seen = read_seen(shallow.out)
    assert seen is not None
    assert (
        seen.count([text for text, _ in rows(150)])
        == shallow.document["data"]["report"]["rows"]["train"]
    )
    assert seen.count(["never seen"]) == 0


def test_it_goes_the_whole_road(shallow: DistillResult, test_rows: Path, tmp_path: Path) -> None:
    bundle = export(
        ExportConfig(str(shallow.out), tmp_path / "bundle", data=test_rows, variants=("fp32",))
    )
    assert bundle.manifest.provenance["training"]["distill"]["student"] == "layers:1"
    assert r"| student | layers\:1 |" in (bundle.out / "README.md").read_text(encoding="utf-8")
    with edgeft.load(bundle.out, device="cpu") as model:
        assert [one.label in model.labels for one in model.predict(TEXTS)] == [True] * len(TEXTS)


def test_the_same_request_gives_the_same_weights(
    shallow: DistillResult, teacher: Path, data: Path, tmp_path: Path
) -> None:
    again = distill(asked(teacher, data, tmp_path / "out"))
    assert again.document["weights_sha256"] == shallow.document["weights_sha256"]


def test_unlabelled_texts_are_learned_from_and_counted(
    teacher: Path, data: Path, tmp_path: Path
) -> None:
    texts = tmp_path / "more.txt"
    known = rows(150)[0][0]
    texts.write_text("\n".join([*(text for text, _ in rows(40, seed=9)), known]), encoding="utf-8")
    notes: list[str] = []
    result = distill(asked(teacher, data, tmp_path / "out", unlabelled=(texts,)), tell=notes.append)
    assert result.document["distill"]["unlabelled"]["rows"] == 40
    assert any("1 of 41 texts were there already" in one for one in notes)
    seen = read_seen(result.out)
    assert seen is not None
    assert seen.count([rows(40, seed=9)[3][0]]) == 1


def test_unlabelled_texts_of_another_language_are_refused(
    teacher: Path, data: Path, tmp_path: Path
) -> None:
    texts = tmp_path / "more.txt"
    texts.write_text("天气很好\n今天下雨\n" * 20, encoding="utf-8")
    with pytest.raises(DataError, match=r"more\.txt: the teacher does not know") as found:
        distill(asked(teacher, data, tmp_path / "out", unlabelled=(texts,)))
    assert "leave the file out" in found.value.hint
    assert [path.name for path in tmp_path.iterdir()] == ["more.txt"]


def test_a_teacher_of_other_labels_is_refused(teacher: Path, data: Path, tmp_path: Path) -> None:
    other = tiny.bert(tmp_path / "other", labels=("x", "y"))
    with pytest.raises(UsageError, match="do not have the same labels"):
        distill(asked(teacher, data, tmp_path / "out", teacher=str(other)))
    assert not (tmp_path / "out").exists()


def test_labels_that_the_teacher_lacks_are_refused(teacher: Path, tmp_path: Path) -> None:
    data = write_csv(tmp_path / "train.csv", [*rows(60), ("a strange day", "odd")] * 2)
    with pytest.raises(DataError, match="the model has no label 'odd'"):
        distill(asked(teacher, data, tmp_path / "out"))
    assert not (tmp_path / "out").exists()


def test_a_larger_teacher_of_another_width_teaches_by_its_answers(
    teacher: Path, data: Path, test_rows: Path, tmp_path: Path
) -> None:
    other = tiny.distilbert(tmp_path / "other", labels=open_checkpoint(str(teacher)).labels)
    config = asked(teacher, data, tmp_path / "out", teacher=str(other))
    result = distill(config)
    told = result.document["distill"]
    assert told["teacher_sha256"] == open_checkpoint(str(other)).weights_sha256
    assert told["checkpoint_sha256"] != told["teacher_sha256"]


def test_a_static_student_goes_the_whole_road(
    teacher: Path, data: Path, test_rows: Path, tmp_path: Path
) -> None:
    result = distill(asked(teacher, data, tmp_path / "student", student="static"))
    assert result.document["distill"]["student"] == "static"
    one, other = open_checkpoint(str(teacher)), open_checkpoint(str(result.out))
    texts = [text for text, _ in rows(150)]
    said, taught = (torch_logits(each, texts).argmax(1) for each in (other, one))
    assert (said == taught).mean() > 0.6  # by chance a third
    wanted = ExportConfig(str(result.out), tmp_path / "bundle", variants=("int8-vectors",))
    assert set(export(wanted).manifest.model.variants) == {"fp32", "int8-vectors"}
    put = cascade(
        CascadeConfig((str(result.out), str(teacher)), tmp_path / "both", data=test_rows,
                      max_disagreement=60)
    )  # fmt: skip
    assert [step.variant for step in put.manifest.pipeline] == ["int8-vectors", "fp32"]
    with edgeft.load(put.out, device="cpu") as model:
        assert {one.stage for one in model.predict(texts)} <= {"student", "main"}


@pytest.mark.parametrize("build", [tiny.bert, tiny.distilbert])
def test_pairs_are_learned_with_and_without_segments(
    build: Callable[..., Path], tmp_path: Path
) -> None:
    import torch

    teacher = open_checkpoint(str(build(tmp_path / "teacher")))
    student = drop_layers(teacher.model, 1)
    pupil = Pupil(
        student,
        teacher.model,
        teacher.task,
        objective_named(teacher.task.name),
        layers=[2],
        temperature=2.0,
    ).train()
    ids = torch.tensor([[2, 5, 7, 3, 9, 3]])
    segments = torch.tensor([[0, 0, 0, 0, 1, 1]])
    told = pupil(ids, torch.ones_like(ids), segments)
    assert float(told.soft.detach()) > 0
    assert told.logits.shape == (1, 3)


def test_half_precision_teaches_as_well(teacher: Path, data: Path, tmp_path: Path) -> None:
    result = distill(asked(teacher, data, tmp_path / "out", precision="bf16"))
    assert result.document["precision"] == "bf16"
    assert all(point.train_loss < 10 for point in result.learned.curve)


def test_a_tagger_keeps_its_word_labels(tmp_path: Path) -> None:
    teacher = tiny.tagger(tmp_path / "tagger")
    path = tmp_path / "train.conll"
    sentence = "the O\ncat B-PER\nfell I-PER\n\na O\ndog B-LOC\nrose I-LOC\n\n"
    path.write_text(sentence * 20, encoding="utf-8")
    result = distill(asked(teacher, path, tmp_path / "out"))
    student = open_checkpoint(str(result.out))
    assert student.task.name == "token-classification"
    assert student.config.num_hidden_layers == 1
    with pytest.raises(ModelError, match="answers for a whole text"):
        distill(asked(teacher, path, tmp_path / "other", student="static"))


@pytest.mark.parametrize("name", ["", "layers", "layers:0", "layers:x", "tiny"])
def test_students_that_do_not_exist(name: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="There is no student"):
        distill(asked(tmp_path, tmp_path / "x.csv", tmp_path / "out", student=name))


def test_the_command_tells_what_it_did(
    teacher: Path, data: Path, test_rows: Path, tmp_path: Path
) -> None:
    command = [
        "distill", str(teacher), "--data", str(data), "--test", str(test_rows), "--student",
        "layers:1", "--epochs", "1", "--precision", "fp32", "-o", str(tmp_path / "out"),
    ]  # fmt: skip
    ran = CliRunner().invoke(main, command)
    assert ran.exit_code == 0, ran.output
    assert "accuracy on test" in ran.output
    assert "On 60 test rows it loses" in ran.output
    again = CliRunner().invoke(main, command)
    assert again.exit_code == 1
    assert "--force" in again.output


def test_logits_of_the_student_are_its_own(shallow: DistillResult) -> None:
    checkpoint = open_checkpoint(str(shallow.out))
    found = torch_logits(checkpoint, TEXTS)
    assert found.shape == (len(TEXTS), 3)
    assert np.isfinite(found).all()


def test_pairs_of_neighbours_tell_word_order_apart(tmp_path: Path) -> None:
    # The same words in another order: what only averages them cannot answer otherwise.
    said = {"not good bad": "sad", "not bad good": "glad"}
    some = [(f"{one} {word}", told) for word in tiny.WORDS[:20] for one, told in said.items()] * 3
    data = write_csv(tmp_path / "train.csv", some)
    teacher = tiny.bert(tmp_path / "teacher", labels=("glad", "sad"))
    found = {}
    for bigrams in (0, 512):
        result = distill(
            asked(teacher, data, tmp_path / f"student{bigrams}", student="static", bigrams=bigrams,
                  hard=1.0, recipe=replace(RECIPE, epochs=12, learning_rate=1e-2))
        )  # fmt: skip
        assert result.document["distill"]["bigrams"] == bigrams
        wanted = ExportConfig(str(result.out), tmp_path / f"b{bigrams}", variants=("int8-vectors",))
        manifest = export(wanted).manifest
        (path,) = manifest.model.variants["int8-vectors"].files.values()
        with edgeft.load(wanted.out, device="cpu", variant="int8-vectors") as model:
            found[bigrams] = (
                [model.predict(one).label for one in said],
                manifest.files[path].bytes,
            )
    assert len(set(found[0][0])) == 1
    assert found[512][0] == ["sad", "glad"]
    width = open_checkpoint(str(tmp_path / "student512")).config.hidden_size
    more = found[512][1] - found[0][1]
    assert 512 * width <= more < 512 * (width + 16) + 4096  # a byte a number


def test_pairs_of_neighbours_are_for_static_students(tmp_path: Path) -> None:
    cases: list[tuple[dict[str, object], str]] = [
        ({"bigrams": 64}, "reads words in their order"),
        ({"bigrams": -1, "student": "static"}, "--bigrams -1 is not from 0"),
    ]
    for given, told in cases:
        with pytest.raises(UsageError, match=told):
            distill(asked(tmp_path, tmp_path / "x.csv", tmp_path / "out", **given))
    with pytest.raises(UsageError, match="teacher has no say"):
        distill(asked(tmp_path, tmp_path / "x.csv", tmp_path / "out", hard=1.0,
                      unlabelled=(tmp_path / "x.txt",)))  # fmt: skip
