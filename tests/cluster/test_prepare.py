"""What is asked is checked before anything runs, and a folder goes on with that alone."""

import json
from pathlib import Path
from typing import Any

import pyarrow
import pyarrow.parquet
import pytest

from edgeft.cluster.prepare import prepared
from edgeft.cluster.record import RECORD_FILE
from edgeft.cluster.run import predict_parquet
from edgeft.cluster.work import PartsJob, PartWorker
from edgeft.data import unheard
from edgeft.errors import BundleError, DataError, DependencyError, OutputError, UsageError
from tests.cluster.rows import TEXTS, ids_in, many, parts_in, rows_in, write_rows


def _prepared(bundle: Path, source: Path, out: Path, **changed: Any) -> PartsJob:
    options = {"variant": "fp32", **changed.pop("options", {})}
    asked: dict[str, Any] = {
        "columns": {}, "keep": None, "scores": False, "part_rows": 4, "workers": 2, **changed,
    }  # fmt: skip
    return prepared(bundle, str(source), str(out), tell=unheard, options=options, **asked)


def _work(job: PartsJob, *parts: int) -> dict[str, list[Any]]:
    worker = PartWorker(job)
    try:
        return worker({"part": parts or range(len(job.parts))})
    finally:
        if worker._model is not None:
            worker._model.close()


def test_parts_hold_each_row_once_with_the_answers_of_predict(
    tiny_bundle: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    from edgeft.cli import main

    write_rows(tmp_path / "in", "a.parquet", id=range(6), text=TEXTS, label=["x"] * 6)
    write_rows(tmp_path / "in", "b.parquet", id=[], text=[], label=[])
    write_rows(tmp_path / "in", "c.parquet", **many(9, 6), label=["x"] * 9)
    job = _prepared(tiny_bundle, tmp_path / "in", tmp_path / "out", scores=True)
    told = _work(job)
    assert told["error"] == [""] * 5
    assert told["empty"] == [1, 0, 0, 0, 0]
    assert [*ids_in(tmp_path / "out")] == [*range(15)]
    rows = rows_in(tmp_path / "out")
    assert list(rows[0])[:4] == ["id", "text", "label", "prediction"]
    texts = [row["text"] for row in rows if row["text"] is not None]
    lines = "".join(json.dumps({"text": one}) + "\n" for one in texts)
    (tmp_path / "texts.jsonl").write_text(lines)
    asked = ["predict", str(tiny_bundle), str(tmp_path / "texts.jsonl"), "--variant", "fp32"]
    main([*asked, "--scores"], standalone_mode=False)
    answers = capfd.readouterr().out.splitlines()
    assert [row["prediction"] for row in rows if row["text"] is not None] == answers
    assert rows[1]["prediction"] is rows[1]["predicted_label"] is None


def test_a_column_that_is_null_throughout_a_file(tiny_bundle: Path, tmp_path: Path) -> None:
    write_rows(tmp_path / "in", "a.parquet", note=[None, None], text=["a", "b"])
    write_rows(tmp_path / "in", "b.parquet", note=[None, "x"], text=[None, None])
    _work(_prepared(tiny_bundle, tmp_path / "in", tmp_path / "out"))
    assert [row["note"] for row in rows_in(tmp_path / "out")] == [None, None, None, "x"]
    assert [row["prediction"] is None for row in rows_in(tmp_path / "out")] == [
        False, False, True, True,
    ]  # fmt: skip


def test_what_is_there_is_not_written_again(tiny_bundle: Path, tmp_path: Path) -> None:
    source, out = write_rows(tmp_path, **many(12)), tmp_path / "out"
    job = _prepared(tiny_bundle, source, out)
    _work(job, 1)
    before = parts_in(out)[0].stat()
    # Others may be cut otherwise by now; what was begun goes on as it was.
    again = _prepared(tiny_bundle, source, out, part_rows=2, options={"variant": "auto"})
    assert (again.parts, again.options["variant"]) == (job.parts, "fp32")
    _work(again)
    assert parts_in(out)[1].stat().st_mtime_ns == before.st_mtime_ns
    assert [*ids_in(out)] == [*range(12)]


@pytest.mark.parametrize(("rows", "workers", "parts"), [(3, 2, 1), (9000, 2, 8), (9000, 9, 9)])
def test_parts_suit_rows_and_workers(
    tiny_bundle: Path, tmp_path: Path, rows: int, workers: int, parts: int
) -> None:
    source = tmp_path / "rows.parquet"
    pyarrow.parquet.write_table(pyarrow.table(many(rows)), source)  # in one group
    job = _prepared(tiny_bundle, source, tmp_path / "out", part_rows=None, workers=workers)
    assert len(job.parts) == parts


def test_another_request_does_not_go_on(
    tiny_bundle: Path, labeller_bundle: Path, tmp_path: Path
) -> None:
    source, out = write_rows(tmp_path / "in", **many(5)), tmp_path / "out"
    _prepared(tiny_bundle, source, out)

    def refused(match: str, bundle: Path = tiny_bundle, **changed: Any) -> None:
        with pytest.raises(OutputError, match=match):
            _prepared(bundle, changed.pop("source", source), out, **changed)

    refused("begun with another bundle, sha256:", labeller_bundle)
    refused("begun with the columns id, text kept", keep=["id"])
    refused("begun with scores False; now it is True", scores=True)
    refused("begun with --variant fp32", options={"variant": "int8"})
    refused("begun with on_long None; now it is window", options={"on_long": "window"})
    write_rows(tmp_path / "in", "more.parquet", **many(5))
    refused("begun with other input: .*more.parquet is new", source=tmp_path / "in")
    write_rows(tmp_path / "in", **many(5, 1))
    refused("begun with other input: .*rows.parquet has changed")
    (out / RECORD_FILE).write_text("{")
    refused("_edgeft.json cannot be read")


def test_a_folder_of_something_else(tiny_bundle: Path, tmp_path: Path) -> None:
    source = write_rows(tmp_path / "in", **many(5))
    (tmp_path / "notes").mkdir()
    (tmp_path / "notes" / "a.txt").write_text("mine")
    with pytest.raises(OutputError, match=r"holds something else: a.txt"):
        _prepared(tiny_bundle, source, tmp_path / "notes")
    for out in (tmp_path, tmp_path / "in", tmp_path / "in" / "out"):
        with pytest.raises(OutputError, match="holds what is read, or stands in it"):
            _prepared(tiny_bundle, tmp_path / "in", out)


def test_columns_that_are_not_there(tiny_bundle: Path, tmp_path: Path) -> None:
    source, out = write_rows(tmp_path / "in", **many(5)), tmp_path / "out"
    with pytest.raises(DataError, match="has no column 'none'"):
        _prepared(tiny_bundle, source, out, columns={"text": "none"})
    with pytest.raises(DataError, match="has no column 'other'"):
        _prepared(tiny_bundle, source, out, keep=["other"])
    with pytest.raises(UsageError, match="--question-column is given"):
        _prepared(tiny_bundle, source, out, columns={"question": "text"})
    write_rows(tmp_path / "in", "z.parquet", id=[1], words=["a"])
    with pytest.raises(DataError, match=r"z.parquet has no column 'text'"):
        _prepared(tiny_bundle, tmp_path / "in", out)
    write_rows(tmp_path / "in", "z.parquet", id=["1"], text=["a"])
    with pytest.raises(DataError, match=r"z.parquet: the column 'id' holds string, and int64 in"):
        _prepared(tiny_bundle, tmp_path / "in", out)
    _prepared(tiny_bundle, tmp_path / "in", tmp_path / "texts", keep=["text"])
    lists = write_rows(tmp_path / "lists", text=[["a"]])
    with pytest.raises(DataError, match="the column 'text' holds list"):
        _prepared(tiny_bundle, lists, out)
    taken = write_rows(tmp_path / "taken", text=["a"], prediction=["b"])
    with pytest.raises(UsageError, match="have a column 'prediction'"):
        _prepared(tiny_bundle, taken, out)
    assert _prepared(tiny_bundle, taken, out, keep=["text"]).kept.names == ["text"]


def test_nothing_to_do(tiny_bundle: Path, tmp_path: Path) -> None:
    source = write_rows(tmp_path, text=[])
    with pytest.raises(DataError, match="has no rows"):
        _prepared(tiny_bundle, source, tmp_path / "out")
    assert not (tmp_path / "out").exists()
    with pytest.raises(BundleError):
        _prepared(tmp_path / "no-bundle", write_rows(tmp_path, **many(3)), tmp_path / "out")


def test_an_error_of_a_worker_comes_as_it_is(tiny_bundle: Path, tmp_path: Path) -> None:
    source = write_rows(tmp_path, text=["a", "shares fell " * 500])
    job = _prepared(tiny_bundle, source, tmp_path / "out", options={"on_long": "error"})
    kind, message, _ = _work(job)["error"][0].split("\0")
    assert (kind, "tokens" in message) == ("DataError", True)
    assert parts_in(tmp_path / "out") == []


def test_without_ray(tiny_bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("edgeft.cluster.run.find_spec", lambda name: None)
    with pytest.raises(DependencyError, match=r"not installed: ray.*\n.*edgeft\[ray\]"):
        predict_parquet(tiny_bundle, str(tmp_path), str(tmp_path / "out"))
