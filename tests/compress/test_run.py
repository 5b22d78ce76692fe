"""A compression from end to end, of a tiny real model; cut short, gone on with, asked again."""

import html
import json
import re
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

import edgeft
from edgeft.bundle import read_manifest
from edgeft.cli import main
from edgeft.compress.config import CompressConfig
from edgeft.compress.frontier import Limits, MeasuredCandidate
from edgeft.compress.run import CompressResult, compress
from edgeft.errors import DataError, EdgeftError, GateError, OutputError, UsageError
from edgeft.train.recipe import RecipeChoice
from tests import tiny
from tests.cascade.conftest import labelled_texts, near_bundle, near_checkpoint  # noqa: F401
from tests.train.conftest import rows, write_csv

RECIPE = RecipeChoice(epochs=1, batch_size=64)
STOPPED_AT = "measuring half fp32"


def part_of(file: Path, to: Path, begin: int, end: int) -> Path:
    lines = file.read_text().splitlines()
    to.write_text("\n".join([lines[0], *lines[1 + begin : 1 + end]]) + "\n")
    return to


def config(checkpoint: Path, out: Path, data: Path, **given: Any) -> CompressConfig:
    return CompressConfig(str(checkpoint), out, data, **{"recipe": RECIPE, **given})


class Asked:
    """One request in three runs: cut short, gone on with but refused, asked again for less."""

    def __init__(self, folder: Path, checkpoint: Path, labelled: Path) -> None:
        self.folder = folder
        self.config = config(
            checkpoint, folder / "small",
            part_of(labelled / "data.csv", folder / "data.csv", 0, 600),
            train=part_of(labelled / "data.csv", folder / "train.csv", 600, 1200),
            limits=Limits(20.0), page=folder / "small.html", force=True,
        )  # fmt: skip
        self.shown: list[tuple[Sequence[MeasuredCandidate], Mapping[str, str]]] = []
        self.notes: list[str] = []

    def run(self, stop: str = "", **limits: Any) -> CompressResult:
        def progress(step: str, done: int, total: int) -> None:
            if stop and stop in step:
                raise InterruptedError

        return compress(
            replace(self.config, limits=replace(self.config.limits, **limits)),
            on_measured=lambda *found: self.shown.append(found),
            progress=progress,
            tell=self.notes.append,
        )

    def kept(self) -> dict[str, int]:
        """When each thing that an earlier run left was written."""
        partial = self.folder / "small.partial"
        return {
            str(path.relative_to(partial)): path.stat().st_mtime_ns
            for path in partial.rglob("*")
            if path.is_file() and path.parent.name != "rows"
        }


@pytest.fixture(scope="module")
def asked(
    tmp_path_factory: pytest.TempPathFactory,
    tiny_checkpoint: Path,
    labelled_texts: Path,  # noqa: F811
) -> Asked:
    return Asked(tmp_path_factory.mktemp("compress"), tiny_checkpoint, labelled_texts)


@pytest.fixture(scope="module")
def interrupted(asked: Asked) -> dict[str, int]:
    with pytest.raises(InterruptedError):
        asked.run(stop=STOPPED_AT)
    assert not asked.config.out.exists()
    return asked.kept()


@pytest.fixture(scope="module")
def refused(asked: Asked, interrupted: dict[str, int]) -> tuple[GateError, dict[str, int]]:
    with pytest.raises(GateError) as found:
        asked.run(max_bytes=1000)
    shutil.copy(asked.folder / "small.html", asked.folder / "refused.html")
    return found.value, asked.kept()


@pytest.fixture(scope="module")
def made(asked: Asked, refused: tuple[GateError, dict[str, int]]) -> CompressResult:
    return asked.run()


def test_a_run_goes_on_where_it_was_cut_short(
    asked: Asked, interrupted: dict[str, int], refused: tuple[GateError, dict[str, int]]
) -> None:
    _, after = refused
    assert {name: after[name] for name in interrupted} == interrupted  # nothing was made twice
    assert any("measured/whole-fp32.json" in name for name in interrupted)
    assert not any("measured/half-fp32.json" in name for name in interrupted)
    assert "10 of 30 steps are done already." in asked.notes
    assert any(note.startswith("11 of 30 steps, about ") for note in asked.notes)


def test_a_limit_that_cannot_be_met_is_told_and_nothing_written(
    asked: Asked, refused: tuple[GateError, dict[str, int]]
) -> None:
    error, _ = refused
    assert error.exit_code == 3
    assert "--max-bytes 0.001MB: nothing has at most 0.001 MB" in str(error)
    assert "comes nearest" in str(error)
    page = html.unescape((asked.folder / "refused.html").read_text(encoding="utf-8"))
    assert f"Nothing was chosen. {error.message}" in page
    assert "the large dot" not in page
    assert not re.search(r'"chosen": ?true', page)
    family, left_out = asked.shown[0]
    assert [one.name for one in family][:3] == ["whole fp32", "whole int8", "trimmed fp32"]
    named = {*(one.name for one in family), *left_out}
    assert {"half trimmed int8", "static int8-vectors",
            "static int8-vectors, then whole fp32"} <= named  # fmt: skip


def test_another_request_measures_nothing_again(asked: Asked, made: CompressResult) -> None:
    assert made.steps == []
    assert made.out.is_dir()
    assert not (asked.folder / "small.partial").exists()
    quickest = max((one for one in made.family if one.lost <= 20), key=lambda one: one.texts_per_s)
    assert made.chosen == quickest


def test_the_page_shows_every_candidate(asked: Asked, made: CompressResult) -> None:
    page = (asked.folder / "small.html").read_text(encoding="utf-8")
    assert all(one in html.unescape(page) for one in (f"Chosen: {made.chosen.name}.", *made.notes))
    assert "the large dot" in page
    assert re.search(r'"chosen": ?true', page)
    assert all(f'<th scope="row">{one.name}</th>' in page for one in made.family)
    assert page.count('<div class="chart"') == 2


def test_the_bundle_is_what_was_measured(asked: Asked, made: CompressResult) -> None:
    manifest = read_manifest(made.out)
    assert sum(one.bytes for one in manifest.files.values()) == made.chosen.bytes
    wanted = made.chosen.name.split(", then ")[-1].rpartition(" ")[2]
    assert list(manifest.model.variants) == [wanted]
    told = json.loads((made.out / "config.json").read_text()).get("transformers.js_config", {})
    assert told.get("dtype", wanted) == wanted
    with edgeft.load(made.out, device="cpu") as model:
        assert all(one.label in model.labels for one in model.predict(["the cat", "", "a " * 80]))
    found = manifest.provenance["compress"]
    assert found["chosen"] == made.chosen.name
    assert found["data"]["report"]["rows"] == 300
    assert len(found["family"]) == len(made.family)
    whole = found["family"][0]
    assert whole["report"]["drop"]["points"] == 0
    text, card = (made.out / "edgeft.json").read_text(), (made.out / "README.md").read_text()
    first = asked.config.data.read_text().splitlines()[1].partition(",")[0]
    for written in (text, card):
        assert str(asked.folder) not in written
        assert first not in written
    assert "## How it was chosen" in card
    assert "| whole fp32 |" in card
    json.dumps(made.to_dict(), allow_nan=False)


def test_the_command_goes_the_same_way(tmp_path: Path) -> None:
    checkpoint = tiny.static(tmp_path / "static")
    data = write_csv(tmp_path / "data.csv", rows(160))
    command = ["compress", str(checkpoint), "--data", str(data), "-o", str(tmp_path / "out")]
    refused = CliRunner().invoke(main, [*command, "--max-drop", "100", "--max-p50-ms", "0.0001"])
    assert refused.exit_code == 3, refused.output
    assert "trimmed int8-vectors" in refused.output  # the table is there nevertheless
    assert "comes nearest" in refused.output
    assert not (tmp_path / "out").exists()
    other = CliRunner().invoke(main, [*command, "--max-drop", "100", "--seed", "1"])
    assert other.exit_code == 1
    assert "asked otherwise" in other.output
    ran = CliRunner().invoke(main, [*command, "--max-drop", "90", "--max-bytes", "1MB", "--json"])
    assert ran.exit_code == 0, ran.output
    assert sorted(path.name for path in tmp_path.iterdir()) == ["data.csv", "out", "static"]
    again = CliRunner().invoke(main, [*command, "--max-drop", "100"])
    assert again.exit_code == 1
    assert "--force" in again.output


@pytest.mark.slow
def test_a_tagger_has_dropped_layers_alone(tagger_checkpoint: Path, tmp_path: Path) -> None:
    sentence = "the O\ncat{0} B-PER\nfell I-PER\n\na O\ndog{0} B-LOC\nrose I-LOC\n\n"
    data = tmp_path / "data.conll"
    data.write_text("".join(sentence.format(at) for at in range(60)), encoding="utf-8")
    result = compress(config(tagger_checkpoint, tmp_path / "out", data, limits=Limits(100)))
    names = [*(one.name for one in result.family), *result.left_out]
    assert names[0] == "whole fp32"
    assert {"half fp32"} <= set(names) <= {"whole fp32", "whole int8", "half fp32", "half int8"}


def test_many_labels_keep_their_thresholds(tmp_path: Path) -> None:
    checkpoint = tiny.static(tmp_path / "static")
    told = json.loads((checkpoint / "config.json").read_text())
    told["problem_type"] = "multi_label_classification"
    (checkpoint / "config.json").write_text(json.dumps(told))
    data = tmp_path / "data.jsonl"
    held = [{"text": text, "labels": [*tiny.LABELS[: at % 3]]}
            for at, (text, _) in enumerate(rows(160))]  # fmt: skip
    data.write_text("".join(f"{json.dumps(one)}\n" for one in held))
    result = compress(config(checkpoint, tmp_path / "out", data, limits=Limits(100)))
    assert [one.name for one in result.family][:2] == ["whole fp32", "whole int8-vectors"]
    (variant,) = read_manifest(result.out).model.variants.values()
    assert len(variant.head.thresholds) == len(tiny.LABELS)
    with edgeft.load(result.out, device="cpu") as model:
        assert {*model.predict("the cat").scores} == {*tiny.LABELS}


@pytest.mark.slow
def test_pairs_are_told_once_how_they_are_read(tmp_path: Path) -> None:
    checkpoint = tiny.static(tmp_path / "static", labels=("no", "yes"))
    (checkpoint / "training.json").write_text(json.dumps({"takes": "pairs"}))
    data, notes = tmp_path / "data.jsonl", list[str]()
    held = [{"premise": text, "hypothesis": f"一只狗 {at}", "label": ("no", "yes")[at % 2]}
            for at, (text, _) in enumerate(rows(160))]  # fmt: skip
    data.write_text("".join(f"{json.dumps(one)}\n" for one in held))
    result = compress(
        config(checkpoint, tmp_path / "out", data, limits=Limits(100)), tell=notes.append
    )
    assert sum("pairs of texts are read" in note for note in notes) == 1
    assert [one.name for one in result.family][:2] == ["whole fp32", "whole int8-vectors"]
    with edgeft.load(result.out, device="cpu") as model:
        assert model.predict(edgeft.Pair("the cat", "一只狗")).label in ("no", "yes")


# --- bad input ------------------------------------------------------------------------


def stops(kind: type[EdgeftError], config: CompressConfig, *told: str) -> None:
    before = sorted(config.out.parent.iterdir())
    with pytest.raises(kind) as found:
        compress(config)
    for part in told:
        assert part in str(found.value)
    assert found.value.hint
    assert sorted(config.out.parent.iterdir()) == before


def test_bad_requests_leave_nothing(tiny_checkpoint: Path, tmp_path: Path) -> None:
    texts = tmp_path / "texts.txt"
    texts.write_text("the cat\nthe dog\n" * 40)
    data = write_csv(tmp_path / "data.csv", rows(300))
    few = write_csv(tmp_path / "few.csv", rows(30))
    out = tmp_path / "out"
    stops(DataError, config(tiny_checkpoint, out, texts), "labels")
    stops(DataError, config(tiny_checkpoint, out, few), "too few to", "Give at least 20 rows")
    stops(DataError, config(tiny_checkpoint, out, tmp_path / "none.csv"), "none.csv")
    strange = write_csv(tmp_path / "strange.csv", [*rows(60), ("a day", "odd")])
    stops(DataError, config(tiny_checkpoint, out, strange), "the model has no label 'odd'")
    stops(UsageError, config(tiny_checkpoint, out, data, limits=Limits(200)), "--max-drop 200")
    stops(OutputError, config(tiny_checkpoint, tmp_path, data), "which this command reads")
    (tmp_path / "taken").mkdir()
    (tmp_path / "taken" / "mine.txt").write_text("mine")
    stops(OutputError, config(tiny_checkpoint, tmp_path / "taken", data, force=True), "taken")
    (tmp_path / "out.partial").mkdir()
    (tmp_path / "out.partial" / "mine.txt").write_text("mine")
    stops(OutputError, config(tiny_checkpoint, out, data, force=True), "out.partial")
    assert (tmp_path / "out.partial" / "mine.txt").read_text() == "mine"


@pytest.mark.parametrize(
    ("option", "value"),
    [("--max-bytes", "10XB"), ("--max-bytes", "-1"), ("--max-drop", "x"), ("--max-p50-ms", "fast")],
)
def test_budgets_that_are_none(option: str, value: str, tmp_path: Path) -> None:
    command = ["compress", "x", "--data", "y", "-o", str(tmp_path / "out"), f"{option}={value}"]
    ran = CliRunner().invoke(main, command)
    assert ran.exit_code == 2, ran.output
    assert option in ran.output
