import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

import edgeft
from edgeft.cli import main
from tests.bundles import with_file

SMALL = ("--samples", "2", "--rounds", "1", "--threads", "1")


def run(*arguments: object) -> Result:
    return CliRunner().invoke(main, ["bench", *map(str, arguments)])


def test_the_table_names_units_machine_and_method(tiny_bundle: Path) -> None:
    result = run(tiny_bundle, "--device", "cpu", *SMALL)
    assert result.exit_code == 0, result.output
    for word in (
        "p50 ms",
        "p99 ms",
        "texts/s",
        "load ms",
        "peak MB",
        "file MB",
        "same label",
        "fp32",
    ):
        assert word in result.stdout
    for line in ("On cpu, int8 against fp32:", "Machine: ", "Texts: 240 (built-in)", "Method: "):
        assert line in result.stdout
    assert "is warmed up until" in result.stdout
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
    assert "int8 on cpu failed:" in result.stdout
    assert "[red]bad" in result.stdout
    assert "100.00%" in result.stdout  # fp32 was measured all the same


def test_cuda_on_a_machine_without_it_is_one_clear_error(tiny_bundle: Path) -> None:
    from edgeft.runtime.providers import available_devices

    if not available_devices()["cuda"]:
        pytest.skip("CUDA runs here")
    result = run(tiny_bundle, "--device", "cuda")
    assert result.exit_code == 1
    assert result.stdout == ""
    assert result.stderr.startswith("Error: The device 'cuda' cannot run here: ")
    assert "Traceback" not in result.stderr


def test_a_missing_bundle_and_a_missing_file_are_told(tiny_bundle: Path, tmp_path: Path) -> None:
    missing = run(tmp_path / "none")
    assert (missing.exit_code, missing.stdout) == (1, "")
    assert "none is not a folder" in missing.stderr
    no_data = run(tiny_bundle, "--data", tmp_path / "none.csv")
    assert no_data.exit_code == 1
    assert "none.csv does not exist" in no_data.stderr


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
    assert saved == {cell["variant"]: cell["p50_ms"] for cell in cells}
    with edgeft.load(tiny_bundle, device="cpu", threads=1) as model:
        assert model.variant == min(saved, key=saved.__getitem__)
