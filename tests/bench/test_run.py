import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from edgeft.bench.cell import Cell, summarize
from edgeft.bench.run import BenchConfig, bench, reference_of, takes
from edgeft.bundle import read_manifest
from edgeft.errors import BundleError, DataError, DeviceError, UsageError
from tests.bench.test_cell import run
from tests.bundles import with_file


def quick(bundle: Path, **other: object) -> BenchConfig:
    """As small a measurement as there is, on the CPU."""
    config = BenchConfig(bundle, devices=("cpu",), samples=4, rounds=2, threads=1)
    return replace(config, **other)  # type: ignore[arg-type]


@pytest.fixture
def texts_file(tmp_path: Path) -> Path:
    path = tmp_path / "texts.csv"
    path.write_text("text,label\nthe cat fell,sad\ngood bread,glad\nquiet night,calm\n")
    return path


def test_each_variant_is_a_cell_and_the_cells_take_turns(
    tiny_bundle: Path, texts_file: Path
) -> None:
    steps: list[tuple[str, int, int]] = []
    config = quick(tiny_bundle, data=texts_file)
    result = bench(config, lambda step, done, total: steps.append((step, done, total)))
    assert [(cell.device, cell.variant) for cell in result.cells] == [
        ("cpu", "fp32"),
        ("cpu", "int8"),
    ]
    assert steps == [("benchmark", done, 4) for done in range(5)]
    for cell in result.cells:
        assert cell.measured is not None
        assert cell.measured.latency.samples == 4
        assert len(cell.measured.round_texts_per_s) == 2
        assert cell.measured.threads == 1
        assert cell.agreement is not None
    assert result.cells[0].agreement == 1.0
    assert (result.texts.source, result.texts.count) == ("texts.csv", 3)
    assert 3 <= result.texts.tokens_p50 <= result.texts.tokens_max


def test_the_result_is_json_with_units_and_without_texts(
    tiny_bundle: Path, texts_file: Path
) -> None:
    document = json.loads(json.dumps(bench(quick(tiny_bundle, data=texts_file)).to_dict()))
    fp32, int8 = document["cells"]
    for name in ("p50_ms", "p90_ms", "p99_ms", "texts_per_s", "load_ms", "first_prediction_ms"):
        assert fp32[name] > 0
    sizes = {
        one: (tiny_bundle / one).stat().st_size
        for one in ("onnx/model.onnx", "onnx/model_int8.onnx")
    }
    assert [fp32["file_bytes"], int8["file_bytes"]] == list(sizes.values())
    assert document["percentile_method"] == "nearest rank"
    assert document["bundle_digest"] == read_manifest(tiny_bundle).digest
    assert len(document["verdicts"]) == 1
    assert "good bread" not in str(document)
    assert str(texts_file.parent) not in str(document)


def test_a_damaged_variant_does_not_stop_the_other(tiny_bundle: Path, tmp_path: Path) -> None:
    damaged = with_file(tiny_bundle, tmp_path / "damaged", "onnx/model_int8.onnx", b"not a model")
    fp32, int8 = bench(quick(damaged)).cells
    assert fp32.measured is not None
    assert int8.measured is None
    assert "model_int8.onnx" in int8.error
    assert int8.to_dict()["error"] == int8.error


def test_int8_alone_has_nothing_to_agree_with(tiny_bundle: Path) -> None:
    result = bench(quick(tiny_bundle, variants=("int8",)))
    assert [cell.agreement for cell in result.cells] == [None]
    assert result.verdicts == ()


def test_labels_are_compared_with_fp32_and_rather_with_the_cpus() -> None:
    on_gpu, on_cpu, int8 = (summarize([run(1.0, labels=[name])]) for name in ("gpu", "cpu", "int8"))
    measured = {Cell("cpu", "int8"): int8, Cell("cuda:0", "fp32"): on_gpu}
    assert reference_of(measured) is on_gpu
    assert reference_of({**measured, Cell("cpu", "fp32"): on_cpu}) is on_cpu
    assert reference_of({Cell("cpu", "int8"): int8}) is None


def test_names_are_measured_once(tiny_bundle: Path) -> None:
    config = quick(tiny_bundle, devices=("cpu", "cpu"), variants=("fp32", "fp32"), rounds=1)
    assert len(bench(config).cells) == 1


def test_each_device_gets_the_precisions_that_it_computes(tiny_bundle: Path) -> None:
    fp32 = read_manifest(tiny_bundle).model.variants["fp32"]
    taken = {
        (device, precision)
        for device in ("cpu", "cuda:0")
        for precision in ("fp32", "int8", "fp16")
        if takes(device, replace(fp32, precision=precision))
    }
    assert taken == {("cpu", "fp32"), ("cpu", "int8"), ("cuda:0", "fp32"), ("cuda:0", "fp16")}


def test_what_makes_no_sense_is_told_before_anything_runs(
    tiny_bundle: Path, tmp_path: Path
) -> None:
    with pytest.raises(UsageError, match="no variant 'int4'"):
        bench(quick(tiny_bundle, variants=("int4",)))
    with pytest.raises(UsageError, match="no device 'gpu'"):
        bench(quick(tiny_bundle, devices=("gpu",)))
    with pytest.raises(UsageError, match="1 samples cannot be spread over 2 rounds"):
        bench(quick(tiny_bundle, samples=1))
    with pytest.raises(UsageError, match="no file"):
        bench(quick(tiny_bundle, text_column="text"))
    with pytest.raises(DataError, match="no texts"):
        bench(quick(tiny_bundle, data=_empty(tmp_path)))
    with pytest.raises(BundleError, match="no bundle"):
        bench(quick(tmp_path))


def test_a_named_device_that_cannot_run_is_an_error(tiny_bundle: Path) -> None:
    from edgeft.runtime.providers import available_devices

    if not available_devices()["cuda"]:
        pytest.skip("CUDA runs here")
    with pytest.raises(DeviceError, match="'cuda' cannot run here"):
        bench(quick(tiny_bundle, devices=("cpu", "cuda")))


def test_measuring_imports_no_training_library() -> None:
    code = (
        "import sys, edgeft.bench.run, edgeft.bench.worker, edgeft.doctor\n"
        "print(sorted({'torch', 'transformers', 'optimum', 'onnx', 'psutil'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def _empty(folder: Path) -> Path:
    path = folder / "empty.txt"
    path.touch()
    return path
