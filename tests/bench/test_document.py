"""A document that was edited in any one place is refused, or all readers can read it."""

import copy
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from edgeft.bench import against
from edgeft.bench.against import comparison_of, read_result, tells_intervals
from edgeft.bench.document import fault_of
from edgeft.bench.roofline import Roofline
from edgeft.bench.statistics import spread
from edgeft.bench.tables import energy_source, kept_bounds, tables_of
from edgeft.errors import DataError
from edgeft.report import rows
from tests.bench.makers import cell, machine, measured
from tests.bench.test_against import document

ROOF = Roofline(1e9, 1e9, 4.0, 5e10, 1e10, 0.1, "memory")
OTHERS: tuple[Any, ...] = (None, "x", "", -1, 0, 1e300, 10**400, True, [], [None], {},
                           {"median": 1}, [[1]])  # fmt: skip


def full() -> dict[str, Any]:
    """A document in which each field that may be empty is not."""
    one = document(5.0, 100.0)
    first = one["cells"][0]
    first |= {
        "trials": [{"rate_texts_per_s": 9.0, "p50_ms": 1.0, "p99_ms": 2.0, "arrivals": 299,
                    "goodput_texts_per_s": 8.0, "refused": 0}],
        "highest_rate": spread([1.0] * 6).to_dict(),
        "joules_per_1000": spread([1.0] * 6).to_dict(),
        "energy_source": "rapl",
        "single_roofline": ROOF.to_dict(),
        "offline_roofline": ROOF.to_dict(),
        "quality": {"accuracy": 0.9, "drop_points": 0.1, "drop_metric": "accuracy"},
    }  # fmt: skip
    one["machine"]["gpus"] = [{"name": "GPU", "driver": "1", "memory": "8 GiB"}]
    one["machine"]["packages"] = {"edgeft": "0.1.0"}
    return one


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    if path:
        yield path
    inside = value.items() if isinstance(value, dict) else enumerate(value) \
        if isinstance(value, list) and path[-1] != "quantiles_ms" else ()  # fmt: skip
    for key, one in inside:
        yield from places(one, (*path, key))


def changed(content: dict[str, Any], path: tuple[Any, ...], value: Any) -> dict[str, Any]:
    """A copy with another value in one place; without it where the value is Ellipsis."""
    made = copy.deepcopy(content)
    inside: Any = made
    for key in path[:-1]:
        inside = inside[key]
    if value is ...:
        del inside[path[-1]]
    else:
        inside[path[-1]] = value
    return made


def read_all(content: dict[str, Any], other: dict[str, Any]) -> None:
    """All that the bench's and the report's readers make of a document."""
    list(tables_of(content))
    list(kept_bounds(content))
    energy_source(content)
    tells_intervals(content)
    comparison_of(other, content)
    comparison_of(content, other)
    machines = rows.machines_of([("one", content), ("two", other)])
    rows.unlikeness(machines)
    rows.cell_names(machines)
    rows.throughputs(machines, whole=True)
    rows.pareto(rows.frontier(machines))
    for one in machines:
        rows.latencies(one)
        rows.crossings(rows.lengths(one))
        rows.throughputs_by_length(one)
        rows.chosen_note(one)
        rows.roofs(one)
        rows.splits(one)


def test_every_place_and_every_kind() -> None:
    good = full()
    assert fault_of(good) == ""
    read_all(good, good)
    refused = 0
    for path in places(good):
        for value in (..., *OTHERS):
            made = changed(good, path, value)
            try:
                if fault_of(made):
                    refused += 1
                else:
                    read_all(made, good)
            except Exception as error:
                error.add_note(f"{path}: {value!r}")
                raise
    assert refused > 1000  # of some 2,500; the others are as good as what was there


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("[" * 200_000, "nested too deeply"),
        ('{"edgeft_bench": NaN}', "NaN is no number"),
        ('{"edgeft_bench": ' + "9" * 5000 + "}", "not a JSON document"),
        ("\ufeff{}", "not a JSON document"),
    ],
)
def test_json_that_is_none_is_refused(tmp_path: Path, content: str, message: str) -> None:
    path = tmp_path / "old.json"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(DataError, match=message):
        read_result(path)


def test_what_has_no_end_is_not_read_to_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    if not Path("/dev/zero").exists():
        pytest.skip("no /dev/zero here")
    monkeypatch.setattr(against, "MOST_BYTES", 1000)
    with pytest.raises(DataError, match="too large"):
        read_result(Path("/dev/zero"))


def test_names_that_are_no_text_leave_a_document_that_is(tmp_path: Path) -> None:
    from dataclasses import replace

    from edgeft.bench.matrix import BenchConfig
    from edgeft.bench.result import BenchResult
    from tests.bench.makers import FACTS, QUIET

    result = BenchResult(
        BenchConfig(Path("mine\udcff")), "mine\udcff", "sha256:00", False,
        "text-classification", machine(), replace(FACTS, source="texts\udcff.csv"), QUIET,
        (cell("fp32", measured(5.0, 100.0)),), (), (),
    )  # fmt: skip
    content = result.to_dict()
    assert content["name"] == "mine?"
    path = tmp_path / "result.json"
    path.write_text(json.dumps(content, ensure_ascii=False), encoding="utf-8")
    assert read_result(path) == content
