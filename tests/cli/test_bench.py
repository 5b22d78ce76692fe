import json
import shutil
import tempfile
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

import edgeft
from edgeft.cli import main
from tests.bundles import with_file

SMALL = ("--samples", "2", "--rounds", "1", "--threads", "1", "--texts", "20")


def run(*arguments: object) -> Result:
    return CliRunner().invoke(main, ["bench", *map(str, arguments)])


def test_the_tables_name_units_machine_and_method(tiny_bundle: Path) -> None:
    result = run(tiny_bundle, "--device", "cpu", *SMALL)
    assert result.exit_code == 0, result.output
    for word in ("p50 ms", "texts/s", "tokens/s", "first ms", "load ms", "peak MB", "file MB",
                 "CPU s / 1,000", "same label", "reached", "padding", "fp32"):  # fmt: skip
        assert word in result.stdout, word
    for line in ("int8 on cpu, 1 thread: ", "Machine: ", "Method: ", "Energy: ",
                 "Texts: 20 (built-in, of usual lengths)"):  # fmt: skip
        assert line in result.stdout
    assert "is warmed up until" in result.stdout
    assert "p99" not in result.stdout.partition("Warning")[0]  # two samples tell none
    assert "benchmark: 0/2" in result.stderr


def test_json_is_one_document(tiny_bundle: Path) -> None:
    result = run(tiny_bundle, "--device", "cpu", "--variant", "int8", "--json", *SMALL)
    assert result.exit_code == 0, result.output
    (cell,) = json.loads(result.stdout)["cells"]
    assert (cell["device"], cell["variant"]) == ("cpu", "int8")


def test_a_failed_variant_is_shown_beside_the_others(tiny_bundle: Path, tmp_path: Path) -> None:
    damaged = with_file(tiny_bundle, tmp_path / "[red]bad", "onnx/model_int8.onnx", b"no model")
    result = run(damaged, "--device", "cpu", *SMALL)
    assert result.exit_code == 1
    assert "int8 on cpu, 1 thread failed:" in result.stdout
    assert "[red]bad" in result.stdout
    assert "100.00%" in result.stdout  # fp32 was measured all the same


def test_the_matrix_and_the_server_scenario_are_shown(tiny_bundle: Path) -> None:
    result = run(
        tiny_bundle, "--device", "cpu", "--variant", "fp32", "--length", 8, "--length", 16,
        "--rate", 300, "--slo-ms", 100, "--seconds", 0.1, *SMALL,
    )  # fmt: skip
    assert result.exit_code == 0, result.output
    assert "length" in result.stdout
    assert "Texts that arrive by chance" in result.stdout
    assert "goodput/s" in result.stdout


def test_cuda_on_a_machine_without_it_is_one_clear_error_and_auto_says_cpu(
    tiny_bundle: Path,
) -> None:
    from edgeft.runtime.providers import available_devices

    if not available_devices()["cuda"]:
        pytest.skip("CUDA runs here")
    result = run(tiny_bundle, "--device", "cuda")
    assert result.exit_code == 1
    assert result.stdout == ""
    assert result.stderr.startswith("Error: The device 'cuda' cannot run here: ")
    assert "Traceback" not in result.stderr
    auto = run(tiny_bundle, "--device", "auto", "--variant", "fp32", *SMALL)
    assert auto.exit_code == 0
    assert "The device auto is cpu here, since CUDA does not load: " in auto.stderr


def test_a_missing_bundle_and_a_missing_file_are_told(tiny_bundle: Path, tmp_path: Path) -> None:
    missing = run(tmp_path / "none")
    assert (missing.exit_code, missing.stdout) == (1, "")
    assert "none is not a folder" in missing.stderr
    no_data = run(tiny_bundle, "--data", tmp_path / "none.csv")
    assert no_data.exit_code == 1
    assert "none.csv does not exist" in no_data.stderr
    no_old = run(tiny_bundle, "--against", tmp_path / "old.json")
    assert no_old.exit_code == 1
    assert "old.json does not exist" in no_old.stderr
    no_limit = run(tiny_bundle, "--fail-slower", "5")
    assert no_limit.exit_code == 2
    assert "--against" in no_limit.stderr


def test_saved_figures_decide_what_auto_runs(
    tiny_bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EDGEFT_CACHE", str(tmp_path / "cache"))
    result = run(tiny_bundle, "--device", "cpu", "--json", "--save", *SMALL)
    assert result.exit_code == 0, result.output
    (path,) = (tmp_path / "cache" / "measurements").iterdir()
    assert str(path) in result.stderr
    cells = json.loads(result.stdout)["cells"]
    saved = {one["variant"]: one["p50_ms"] for one in json.loads(path.read_text())["measurements"]}
    assert saved == {cell["variant"]: cell["single_p50_ms"]["median"] for cell in cells}
    with edgeft.load(tiny_bundle, device="cpu", threads=1) as model:
        # fp32 where int8 is not clearly quicker
        assert model.variant == ("fp32" if 0.97 * saved["fp32"] <= saved["int8"] else "int8")


@pytest.mark.parametrize("options", [("--length", "16"), ("--scenario", "offline")])
def test_what_auto_could_not_use_is_refused_before_anything_is_measured(
    tiny_bundle: Path, options: tuple[str, str]
) -> None:
    result = run(tiny_bundle, "--device", "cpu", "--save", *options)
    assert result.exit_code == 2
    assert "There would be nothing to save" in result.stderr
    assert "benchmark" not in result.stderr


def test_a_variant_that_works_is_saved_beside_one_that_fails(
    tiny_bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EDGEFT_CACHE", str(tmp_path / "cache"))
    copy = with_file(tiny_bundle, tmp_path / "half", "onnx/model_int8.onnx", b"no model")
    result = run(copy, "--device", "cpu", "--save", *SMALL)
    assert result.exit_code == 1
    assert "Saved for --variant auto" in result.stderr
    assert "which needs figures of two variants" in result.stderr
    (path,) = (tmp_path / "cache" / "measurements").iterdir()
    (saved,) = json.loads(path.read_text())["measurements"]
    assert saved["variant"] == "fp32"


def test_a_bound_that_nothing_keeps_is_told(tiny_bundle: Path) -> None:
    options = ("--device", "cpu", "--variant", "fp32", "--texts", "20", "--samples", "20",
               "--rounds", "1", "--seconds", "0.05")  # fmt: skip
    result = run(tiny_bundle, *options, "--slo-ms", "0.0001")
    assert result.exit_code == 0, result.output
    assert "fp32 on cpu: keeps the bound at no rate that was tried." in result.stdout
    alone = run(tiny_bundle, *options, "--slo-ms", "0.0001", "--scenario", "server")
    assert "keeps the bound at no rate" in alone.stdout
    assert "Where the time goes" not in alone.stdout  # of which nothing is known


@pytest.mark.parametrize("name", ["tokenizer.json", "config.json"])
def test_a_damaged_or_missing_file_of_the_bundle_is_told(
    tiny_bundle: Path, tmp_path: Path, name: str
) -> None:
    copy = shutil.copytree(tiny_bundle, tmp_path / "copy")
    (copy / name).write_text("{}")
    damaged = run(copy, "--device", "cpu", *SMALL)
    (copy / name).unlink()
    missing = run(copy, "--device", "cpu", *SMALL)
    for result in (damaged, missing):
        assert result.exit_code == 1
        assert name in result.stderr
        assert "bug" not in result.stderr


def test_a_bundle_is_measured_where_nothing_can_be_written(
    tiny_bundle: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def nowhere(*_: object, **__: object) -> str:
        raise FileNotFoundError(2, "No usable temporary directory found")

    monkeypatch.setattr(tempfile, "gettempdir", nowhere)
    monkeypatch.setattr(tempfile, "_get_default_tempdir", nowhere)
    result = run(tiny_bundle, "--device", "cpu", *SMALL)
    assert result.exit_code == 0, result.output


def slowed(bundle: Path, to: Path) -> Path:
    """A copy whose fp32 graph also multiplies matrices for nothing: some 20 ms a run."""
    import numpy as np
    import onnx
    from onnx import helper, numpy_helper

    model = onnx.load(bundle / "onnx" / "model.onnx")
    graph = model.graph
    output = graph.output[0].name
    for node in graph.node:  # what was the output is now on its way there
        for at, name in enumerate(node.output):
            if name == output:
                node.output[at] = "before"
    weight = np.zeros((700, 700), np.float32)
    graph.initializer.append(numpy_helper.from_array(weight, "waste"))
    graph.initializer.append(numpy_helper.from_array(np.array([0, 0], np.int64), "zeros"))
    graph.initializer.append(numpy_helper.from_array(np.array([1, 1], np.int64), "ones"))
    # Hung on the logits, so that it cannot be computed beforehand.
    graph.node.append(helper.make_node("Slice", ["before", "zeros", "ones"], ["one"]))
    graph.node.append(helper.make_node("Add", ["waste", "one"], ["w0"]))
    for at in range(8):
        graph.node.append(helper.make_node("MatMul", [f"w{at}", "waste"], [f"w{at + 1}"]))
    graph.node.append(helper.make_node("ReduceSum", ["w8"], ["sum"], keepdims=0))
    graph.node.append(helper.make_node("Add", ["before", "sum"], [output]))
    return with_file(bundle, to, "onnx/model.onnx", model.SerializeToString())


@pytest.mark.slow
def test_a_slowed_copy_is_called_slower_and_fails_the_limit(
    tiny_bundle: Path, tmp_path: Path
) -> None:
    options = ("--device", "cpu", "--variant", "fp32", "--threads", "1", "--texts", "20",
               "--samples", "50", "--rounds", "5", "--scenario", "single-stream")  # fmt: skip
    old = tmp_path / "old.json"
    first = run(tiny_bundle, *options, "-o", old)
    assert first.exit_code == 0, first.output
    assert "Speed" in first.stdout
    copy = slowed(tiny_bundle, tmp_path / "slow")
    new = tmp_path / "new.json"
    result = run(copy, *options, "--against", old, "--fail-slower", "20", "-o", new)
    assert result.exit_code == 3, result.output
    assert "slower" in result.stdout
    assert "single-text p50 takes" in result.stderr
    few = run(copy, *options, "--rounds", "4", "--against", old, "--fail-slower", "20")
    assert few.exit_code == 2  # four processes tell nothing for sure, and that is no pass
    assert "--fail-slower cannot be tried with 4 rounds" in few.stderr
    assert "benchmark" not in few.stderr
    figures = {one["figure"]: one for one in json.loads(new.read_text())["against"]["figures"]}
    assert figures["single-text p50"]["verdict"] == "slower"
    assert figures["single-text p50"]["low"] > 1.2


def test_an_older_file_is_kept_and_that_is_told_before_anything_is_measured(
    tiny_bundle: Path, tmp_path: Path
) -> None:
    old = tmp_path / "old.json"
    old.write_text("mine")
    result = run(tiny_bundle, "--device", "cpu", "-o", old, *SMALL)
    assert result.exit_code == 1
    assert "old.json exists already" in result.stderr
    assert "benchmark" not in result.stderr
    forced = run(tiny_bundle, "--device", "cpu", "-o", old, "--force", *SMALL)
    assert forced.exit_code == 1
    assert "which is not replaced even with --force" in forced.stderr
    assert old.read_text() == "mine"
    old.write_text('{"edgeft_bench": 1}')
    assert run(tiny_bundle, "--device", "cpu", "-o", old, "--force", *SMALL).exit_code == 0
    assert "cells" in json.loads(old.read_text())


def test_a_limit_that_cannot_be_tried_is_an_error(tiny_bundle: Path, tmp_path: Path) -> None:
    old = tmp_path / "old.json"
    options = ("--device", "cpu", "--variant", "fp32", "--threads", "1", "--samples", "5",
               "--rounds", "5", "--scenario", "single-stream")  # fmt: skip
    assert run(tiny_bundle, *options, "--texts", "20", "-o", old).exit_code == 0
    other = (*options, "--texts", "15", "--against", old, "--fail-slower", "5")
    result = run(tiny_bundle, *other)
    assert result.exit_code == 1
    assert "--fail-slower could not be tried: It was measured on other texts." in result.stderr
    assert "cannot tell. It was measured on other texts." in result.stdout
    document = json.loads(old.read_text())
    cpu, document["machine"]["cpu"] = document["machine"]["cpu"], "Other"
    old.write_text(json.dumps(document))
    elsewhere = run(tiny_bundle, *other)
    document["machine"]["cpu"] = cpu
    for figure in document["cells"][0].values():  # as after a single round
        if isinstance(figure, dict) and "low" in figure:
            figure["low"] = figure["high"] = None
    old.write_text(json.dumps(document))
    once = run(tiny_bundle, *other)
    for result, reason in (
        (elsewhere, "It was measured on another CPU: Other"),
        (once, "the older file was measured in too few rounds"),
    ):
        assert result.exit_code == 1
        assert f"--fail-slower cannot be tried: {reason}" in result.stderr
        assert "benchmark" not in result.stderr
