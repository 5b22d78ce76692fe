import json
import re
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from edgeft.bench.matrix import BenchConfig
from edgeft.bench.result import BenchResult, CellResult, Quality
from edgeft.bench.roofline import Roofline
from edgeft.bench.statistics import spread
from edgeft.cli import main
from edgeft.report import rows
from edgeft.report.charts import figures
from edgeft.report.page import render
from edgeft.report.rows import MeasuredMachine, machines_of
from tests.bench.makers import FACTS, QUIET, cell, machine, measured

ROOF = Roofline(1e9, 5e10, 100.0, 1e11, 2e10, 0.5, "arithmetic")


def document(*cells: CellResult, cpu: str = "Chip", name: str = "mine") -> dict[str, Any]:
    result = BenchResult(
        config=BenchConfig(Path(name)),
        name=name,
        bundle_digest="sha256:00",
        adopted=False,
        task="text-classification",
        machine=machine(cpu=cpu),
        texts=FACTS,
        disturbance=QUIET,
        cells=cells,
        verdicts=("From 32 tokens on, cuda:0 is quicker.",),
        warnings=("<b>busy</b>",),
    )
    content: dict[str, Any] = json.loads(json.dumps(result.to_dict()))
    return content


def both(scale: float = 1.0) -> list[CellResult]:
    return [
        cell("fp32", measured(4.0 * scale, 200.0), drop=0.0, single_roofline=ROOF),
        cell("int8", measured(2.0 * scale, 400.0), drop=0.3, offline_roofline=ROOF),
    ]


def by_length() -> list[CellResult]:
    return [
        cell("fp32", measured(p50, 100.0), device=device, length=length)
        for device, times in (("cpu", (2.0, 8.0)), ("cuda:0", (4.0, 4.0)))
        for length, p50 in zip((16, 64), times, strict=True)
    ]


def specs(text: str) -> dict[str, Any]:
    found = re.search(r"<script>const SPECS = (.*?);\n", text)
    assert found is not None
    content: dict[str, Any] = json.loads(found[1])
    return content


def test_machines_are_named_by_their_cpu_and_by_their_file_where_that_is_not_enough() -> None:
    ours, theirs = document(*both()), document(*both(), cpu="Intel(R) Xeon(R) Processor @ 2.0GHz")
    assert [one.name for one in machines_of([("a", ours), ("b", theirs)])] == [
        "Chip, 2 cores", "Intel Xeon, 2 cores",
    ]  # fmt: skip
    assert [one.name for one in machines_of([("a", ours), ("b", ours)])] == [
        "Chip, 2 cores (a)", "Chip, 2 cores (b)",
    ]  # fmt: skip


def test_the_rows_are_the_figures() -> None:
    one = MeasuredMachine("here", document(*both()))
    latencies = rows.latencies(one)
    assert len(latencies) == 2 * 99
    assert latencies[49]["ms"] == pytest.approx(4.0, rel=0.02)
    assert [row["value"] for row in rows.throughputs([one], whole=True)] == pytest.approx(
        [200, 400], rel=0.01
    )
    quick = rows.frontier([one])
    assert [(row["variant"], row["MB"]) for row in quick] == [("fp32", 90.0), ("int8", 23.0)]
    assert [row["variant"] for row in rows.pareto(quick)] == ["int8"]  # as good, and quicker
    points = rows.roof_points(one)
    assert [(row["scenario"], row["flops"]) for row in points] == [
        ("single texts", 50.0), ("batches", 50.0),
    ]  # fmt: skip
    parts = [row for row in rows.splits(one) if row["cell"] == "fp32 on cpu"]
    for scenario in ("single texts", "batches"):
        assert sum(row["share"] for row in parts if row["scenario"] == scenario) == \
            pytest.approx(1)  # fmt: skip


def test_the_roof_has_a_slope_a_ridge_and_a_flat() -> None:
    roof = [row for row in rows.roofs(MeasuredMachine("here", document(*both())))
            if row["roof"] == "fp32 on cpu"]  # fmt: skip
    assert roof[0]["flops"] == pytest.approx(roof[0]["intensity"] * 20)  # 20 GB/s
    assert roof[-1]["flops"] == 100
    assert any(row["intensity"] == pytest.approx(5.0) for row in roof)  # 100 / 20
    assert [row["flops"] for row in roof] == sorted(row["flops"] for row in roof)


def test_the_crossing_of_devices_is_marked() -> None:
    found = rows.crossings(rows.lengths(MeasuredMachine("here", document(*by_length()))))
    assert [one["sentence"] for one in found] == ["cuda:0 overtakes cpu at 32 tokens."]
    assert found[0]["tokens"] == pytest.approx(32.0)
    page = render(machines_of([("a", document(*by_length()))]), "edgeft report a.json")
    assert "cuda:0 overtakes cpu at 32 tokens." in page


def test_every_section_is_there_and_what_was_not_measured_says_how() -> None:
    page = render(machines_of([("a", document(*both())), ("b", document(*both(2.0)))]), "made so")
    titles = ("In short", "Latency", "Throughput", "Quality, latency, size", "By length",
              "Roofline", "Where the time goes", "The machines", "How it was measured")  # fmt: skip
    for title in titles:
        assert f"<h2>{title}</h2>" in page
    nothing = render(machines_of([("a", document(cell("fp32", None, error="broken")))]), "so")
    assert "Not measured. Add --length 16 --length 64 --length 256 to edgeft bench." in nothing
    assert "failed: broken" in nothing
    assert "<pre>edgeft bench mine -o RESULTS.json</pre>" in page
    assert "<pre>made so</pre>" in page
    assert len(page.encode()) < 3_000_000


def test_the_kept_results_make_a_page(tmp_path: Path) -> None:
    kept = sorted((Path(__file__).parents[2] / "benchmarks" / "results").glob("bench-*.json"))
    gpu = [path for path in kept if path.stem == "bench-gpu"]  # of another model
    for files in ([path for path in kept if path not in gpu], gpu):
        assert files
        out = tmp_path / f"{files[0].stem}.html"
        told = CliRunner().invoke(main, ["report", *map(str, files), "-o", str(out)])
        assert told.exit_code == 0, told.output
        page = out.read_text(encoding="utf-8")
        assert out.stat().st_size < 3_000_000
        assert "failed:" not in page
        assert "Not all of these measured" not in page


def test_the_page_asks_nothing_of_the_network_and_runs_no_ones_script() -> None:
    evil = "</script><script>alert(1)</script>"
    page = render(machines_of([("a", document(*both(), cpu=evil, name=evil))]), evil)
    assert evil not in page
    assert "<b>busy</b>" not in page
    assert "default-src 'none'" in page
    assert not re.search(r"<[^>]+(src|href)=", page.partition("<script>")[0])
    assert page.count("<script") == 2 + page.count('"<script')  # Vega's and the page's own
    assert any("alert(1)" in json.dumps(one) for one in specs(page).values())  # as a name, unharmed


def test_every_chart_is_one_that_vega_lite_draws() -> None:
    import vl_convert

    machines = machines_of([("a", document(*both())), ("b", document(*by_length()))])
    drawn = [one for one in figures(machines) if one.spec is not None]
    assert len(drawn) >= 9
    for one in drawn:
        assert one.spec is not None
        svg = vl_convert.vegalite_to_svg({**one.spec, "width": 300})
        marks = re.findall(
            r'<g class="mark-(?:line|symbol|rect|rule) role-mark[^>]*>(.*?)</g>', svg
        )
        drawn_marks = sum(mark.count("<path") + mark.count("<line") for mark in marks)
        assert drawn_marks > 0, one.title


def test_documents_that_measured_other_things_are_told_apart() -> None:
    ours, theirs = document(*both()), document(*both())
    theirs["texts"]["sha256"] = "other"
    page = render(machines_of([("a", ours), ("b", theirs)]), "so")
    assert "Not all of these measured the same texts" in page
    assert "measured the same texts" not in render(machines_of([("a", ours)]), "so")
    same = [one.name for one in machines_of([("a", ours), ("a", ours)])]
    assert len(set(same)) == 2  # even files of one name, from two folders


def test_threads_are_a_chart_where_one_machine_tried_several() -> None:
    one = document(*both())
    two = document(*both(), cpu="Other")
    for content in two["cells"]:
        content["threads"] = 1
    assert "By threads" not in render(machines_of([("a", one), ("b", two)]), "so")
    more = [{**content, "threads": 1} for content in one["cells"]]
    one["cells"] += more
    assert "By threads" in render(machines_of([("a", one)]), "so")


def test_a_caption_says_how_sure_the_intervals_are() -> None:
    one = document(*both())
    assert "the lines are 97% intervals over processes" in render(machines_of([("a", one)]), "so")
    for content in one["cells"]:
        content["texts_per_s"] |= {"low": None, "high": None, "confidence": None}
    assert "intervals over processes" not in render(machines_of([("a", one)]), "so")


def test_arrivals_and_all_figures_are_on_the_page() -> None:
    trial = {"rate_texts_per_s": 80.0, "arrivals": 300, "refused": 0, "p50_ms": 4.0,
             "p99_ms": 9.0, "goodput_texts_per_s": 79.0}  # fmt: skip
    kept = spread([70.0, 75.0, 80.0, 85.0, 90.0, 95.0])
    one = cell("fp32", measured(4.0, 200.0, trials=(trial,), highest_rate=kept))
    page = render(machines_of([("a", document(one))]), "so")
    assert "<h4>Texts that arrive by chance</h4>" in page
    assert "fp32 on cpu: keeps the bound up to 82 (70 to 95) texts a second." in page
    for column in ("tokens/s", "CPU s / 1,000", "p90 ms"):
        assert f"<th>{column}</th>" in page


def test_accuracy_and_agreement_are_never_on_one_axis() -> None:
    cells = [cell("fp32", measured(4.0, 200.0), drop=0.0), cell("int8", measured(2.0, 400.0))]
    found = rows.frontier([MeasuredMachine("here", document(*cells))])
    assert {row["metric"] for row in found} == {"same label as fp32"}
    assert {row["quality"] for row in found} == {0.994}


def test_the_page_speaks_of_questions_where_these_were_asked() -> None:
    facts = replace(FACTS, kind="questions", windowed=2)
    quality = Quality(0.61, 0.5, "F1", 0.9, ("exact match", "F1"))
    cells = [
        cell(name, measured(4.0, 200.0), quality=quality, texts=facts, alike="same answer")
        for name in ("fp32", "int8")
    ]
    told = {**document(*cells), "task": "question-answering", "texts": asdict(facts)}
    page = render(machines_of([("a", told)]), "so")
    for words in ("<th>questions/s</th>", "<th>same answer</th>", "% of questions", "exact match",
                  "questions a second", "tokens of question and context", "2 in several windows",
                  "<p>question-answering, 1 machine", "of either at most 0.90"):  # fmt: skip
        assert words in page, words
    assert "same label" not in page


def test_bundles_of_two_tasks_share_no_axis_of_quality() -> None:
    one = cell("fp32", measured(4.0, 200.0), drop=0.0)
    quality = Quality(0.61, 0.5, "entity F1", 0.9, ("entity F1",))
    other = cell("fp32", measured(4.0, 200.0), quality=quality, alike="same entities")
    machines = [MeasuredMachine("here", document(one)), MeasuredMachine("there", document(other))]
    assert rows.frontier(machines) == []
    assert len(rows.frontier(machines[1:])) == 1
    (chart,) = [one for one in figures(machines) if one.section == "Quality, latency, size"]
    assert (chart.spec, "of several tasks" in chart.caption) == (None, True)


def test_the_command_writes_a_page_and_keeps_an_old_one(tmp_path: Path) -> None:
    path, out = tmp_path / "a.json", tmp_path / "page.html"
    path.write_text(json.dumps(document(*both())))
    arguments = ["report", str(path), str(path), "-o", str(out)]
    first = CliRunner().invoke(main, arguments)
    assert first.exit_code == 0, first.output
    assert "<pre>edgeft report a.json a.json -o page.html</pre>" in out.read_text()
    again = CliRunner().invoke(main, arguments)
    assert again.exit_code == 1
    assert "page.html exists already" in again.stderr
    assert CliRunner().invoke(main, [*arguments, "--force"]).exit_code == 0
    wrong = tmp_path / "wrong.json"
    wrong.write_text("{}")
    told = CliRunner().invoke(main, ["report", str(wrong), "-o", str(tmp_path / "no.html")])
    assert told.exit_code == 1
    assert "wrong.json was not written by edgeft bench" in told.stderr
    assert not (tmp_path / "no.html").exists()
