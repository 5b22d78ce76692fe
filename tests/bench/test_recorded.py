"""What a manifest records of texts and quality is taken where it is what it should be."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from edgeft.bench.recorded import lengths_of, quality_of
from edgeft.bench.result import Quality
from edgeft.bundle import read_manifest
from edgeft.tasks.classification import TASK

TOKENS = {"p50": 12, "p90": 30, "p95": 40, "p99": 80, "max": 90}
DROP = {"points": 0.2, "metric": "macro F1", "accuracy": {"high": 0.3}, "macro_f1": {"high": 0.4},
        "absent": 0}  # fmt: skip


def measured(bundle: Path, found: dict[str, Any]) -> Quality:
    return quality_of(replace(read_manifest(bundle).model.variants["int8"], measured=found), TASK)


def test_what_is_recorded(tiny_bundle: Path) -> None:
    manifest = read_manifest(tiny_bundle)
    assert lengths_of(manifest) is None
    training = {"data": {"tokens": {**TOKENS, "mean": 14.5}}}
    assert lengths_of(replace(manifest, provenance={"training": training})) == TOKENS
    found = {"scores": {"accuracy": 0.9}, "drop": DROP}
    assert measured(tiny_bundle, found) == Quality(0.9, 0.2, "macro F1", 0.4)
    found["outcome"] = {"accuracy": 0.8}
    assert measured(tiny_bundle, found).figure == 0.8
    found["drop"] = {**DROP, "absent": 2}
    assert measured(tiny_bundle, found).proven_points is None
    found["drop"] = {"points": 0.0, "metric": "accuracy", "exact": True}
    assert measured(tiny_bundle, found).proven_points == 0.0


@pytest.mark.parametrize("odd", [None, 1e9, "x", [1], {"accuracy": "x", "points": [], "data": 3}])
def test_what_is_no_record_tells_nothing(tiny_bundle: Path, odd: object) -> None:
    manifest = read_manifest(tiny_bundle)
    for provenance in ({"training": odd}, {"training": {"data": odd}},
                       {"training": {"data": {"tokens": odd}}},
                       {"training": {"data": {"tokens": {**TOKENS, "p90": odd}}}}):  # fmt: skip
        assert lengths_of(replace(manifest, provenance=provenance)) is None
    assert measured(tiny_bundle, {"scores": odd, "drop": odd, "outcome": odd}) == Quality()
    drop = {**DROP, "macro_f1": {"high": odd}, "points": 10**400, "metric": 3}
    assert measured(tiny_bundle, {"drop": drop}) == Quality()
