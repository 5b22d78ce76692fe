"""The picture of the README tells what was measured, and nothing else."""

import json
import re
from xml.etree import ElementTree

from benchmarks import frontier
from benchmarks.compare import RESULTS

LABEL = "aria-label"
MARK = re.compile(r"(?:whole|trimmed) ")


def _marks(svg: str) -> list[str]:
    found = [one.get(LABEL) or "" for one in ElementTree.fromstring(svg).iter()]
    return sorted(label for label in found if MARK.match(label))


def test_the_kept_picture_has_the_figures_of_the_kept_results() -> None:
    rows = json.loads(frontier.RESULT.read_text(encoding="utf-8"))["rows"]
    wanted = []
    for row in (row for row in rows if "refused" not in row):
        lost = row["drop"]
        tail = f"{lost['points']:.4f} points lost ({lost['low']:.4f} to {lost['high']:.4f})"
        costs = [f"{row['bytes'] / 1e6:.6g} MB"]
        if row["times_of_fp32"] is not None:
            costs.append(f"{row['times_of_fp32']:.6g} of fp32's time")
        wanted += [f"{row['model']} {row['variant']}: {cost}, {tail}" for cost in costs]
    assert len(wanted) > 10
    assert _marks(frontier.PICTURE.read_text(encoding="utf-8")) == sorted(wanted)


def test_another_result_gives_another_picture() -> None:
    document = json.loads((RESULTS / "export-sst2.json").read_text(encoding="utf-8"))
    marks = _marks(frontier.picture(document))
    assert [mark.split(":")[0] for mark in marks].count("whole int8") == 2  # one in each panel
    assert "whole fp16" in {mark.split(":")[0] for mark in marks}
    assert not any(mark.startswith("trimmed") for mark in marks)  # which was left out
