"""A cascade of the family: made, measured against the whole, and shipped."""

import json
import shutil
from pathlib import Path

import edgeft
from edgeft.checkpoint.open import open_checkpoint
from edgeft.compress.config import CompressConfig
from edgeft.compress.family import Candidate, Member
from edgeft.compress.frontier import Limits
from edgeft.compress.make import Maker
from edgeft.compress.measure import answers_of, measure
from edgeft.compress.rows import read_parted, write_rows
from edgeft.compress.ship import ship
from edgeft.compress.work import claim_work
from edgeft.data import unheard
from edgeft.progress import silent
from edgeft.train.recipe import RecipeChoice
from tests.cascade.conftest import labelled_texts, near_bundle, near_checkpoint  # noqa: F401

WHOLE = Candidate((Member("whole", "fp32"),))
BOTH = Candidate((Member("half", "fp32"), Member("whole", "fp32")))


def test_a_cascade_is_measured_and_shipped_as_any_other(
    tiny_checkpoint: Path,
    tiny_bundle: Path,
    near_bundle: Path,  # noqa: F811
    labelled_texts: Path,  # noqa: F811
    tmp_path: Path,
) -> None:
    data, out = labelled_texts / "data.csv", tmp_path / "out"
    parts = read_parted(open_checkpoint(str(tiny_checkpoint)), data, None, None, columns={}, seed=0)
    rows = parts.by_role()
    with claim_work(out, force=False, inputs=(), models=()) as work:
        work.begin({"seed": 0}, force=False)
        for role, some in rows.items():
            write_rows(some, work.rows(role))
        for source, bundle in (("whole", tiny_bundle), ("half", near_bundle)):
            shutil.copytree(bundle, work.bundle(source))
        maker = Maker(str(tiny_checkpoint), work, 2.0, False, RecipeChoice(), "cpu", 0, unheard)
        for one in (WHOLE, BOTH):
            maker.candidate(one, silent)
        whole = work.candidate(WHOLE.folder)
        family = [
            measure(
                one.name, work.candidate(one.folder), whole, rows,
                answers_of(whole, rows, silent), max_drop=2.0, progress=silent,
            )
            for one in (WHOLE, BOTH)
        ]  # fmt: skip
        found = {
            "chosen": BOTH.name, "limits": vars(Limits(2.0)), "left_out": {"x": "why"},
            "family": [one.to_dict() for one in family], "notes": ["a note"],
            "machine": {"cpu": "some", "usable_cores": 2},
        }  # fmt: skip
        manifest = ship(CompressConfig(str(tiny_checkpoint), out, data), work, family[1], found)
    alone, both = family
    assert alone.report["drop"]["points"] == 0
    assert tuple(both.stages) == ("half", "main")  # in the order in which they are asked
    assert both.promises["drop"]["most"] == 0.02
    assert both.bytes > alone.bytes
    assert both.lost <= 2.0
    assert manifest.stages == ("half", "main")
    card = (out / "README.md").read_text()
    assert "at most 2 points of accuracy are lost" in card
    assert "half fp32, then whole fp32" in card
    assert "x: why" in card
    with edgeft.load(out, device="cpu") as model:
        assert {one.stage for one in model.predict(["the cat", "rain fell"])} <= {"half", "main"}
    assert json.loads((out / "edgeft.json").read_text())["provenance"]["compress"] == found
