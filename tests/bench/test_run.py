import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from edgeft.bench.cell import Cell, summarize
from edgeft.bench.matrix import BenchConfig
from edgeft.bench.result import BenchResult
from edgeft.bench.run import bench, reference_of
from edgeft.bundle import read_manifest
from edgeft.errors import BundleError, DataError, UsageError
from tests.bench.makers import run
from tests.bundles import with_file

ROWS = "text,label\nthe cat fell,sad\ngood bread,glad\nquiet night,calm\n"


def quick(bundle: Path, **other: object) -> BenchConfig:
    """As small a measurement as there is, on the CPU."""
    config = BenchConfig(bundle, devices=("cpu",), samples=4, rounds=1, threads=(1,))
    return replace(config, **other)  # type: ignore[arg-type]


@pytest.fixture
def texts_file(tmp_path: Path) -> Path:
    path = tmp_path / "texts.csv"
    path.write_text(ROWS)
    return path


@pytest.fixture(scope="module")
def whole(tiny_bundle: Path, tmp_path_factory: pytest.TempPathFactory) -> BenchResult:
    """Both variants, two rounds, every scenario."""
    path = tmp_path_factory.mktemp("data") / "texts.csv"
    path.write_text(ROWS)
    return bench(
        quick(
            tiny_bundle,
            data=path,
            rounds=2,
            scenarios=("single-stream", "offline", "server", "cold-start"),
            rates=(200.0,),
            slo_ms=100.0,
            most_s=0.1,
        )
    )


def test_each_variant_is_a_cell(whole: BenchResult) -> None:
    assert [str(one.cell) for one in whole.cells] == [
        "fp32 on cpu, 1 thread", "int8 on cpu, 1 thread",
    ]  # fmt: skip
    for one in whole.cells:
        assert one.measured is not None
        assert one.measured.samples == 4
        assert len(one.measured.runs) == 2
        assert one.measured.threads == 1
        given, highest = one.measured.trials
        assert (given["rate_texts_per_s"], given["arrivals"]) == (200.0, 2 * 299)
        assert highest["p99_ms"] <= 100.0
        assert one.agreement is not None
    assert whole.cells[0].agreement == 1.0
    assert (whole.texts.source, whole.texts.count) == ("texts.csv", 3)
    assert 3 <= whole.texts.tokens_p50 <= whole.texts.tokens_max


def test_each_cell_has_its_place_under_the_roof(whole: BenchResult) -> None:
    for one in whole.cells:
        for roof in (one.single_roofline, one.offline_roofline):
            assert roof is not None
            assert 0 < roof.share < 1
            assert roof.operations > 0
    fp32, int8 = (one.single_roofline for one in whole.cells)
    assert fp32 is not None
    assert int8 is not None
    assert fp32.operations == int8.operations  # what is useful does not hang on the precision
    assert int8.intensity == pytest.approx(4 * fp32.intensity)


def test_the_result_is_json_with_units_and_without_what_is_private(whole: BenchResult) -> None:
    text = json.dumps(whole.to_dict())
    document = json.loads(text)
    fp32, int8 = document["cells"]
    for name in ("single_p50_ms", "texts_per_s", "tokens_per_s", "load_ms", "first_ms",
                 "cpu_s_per_1000", "peak_rss_bytes"):  # fmt: skip
        assert len(fp32[name]["values"]) == 2
        assert fp32[name]["median"] > 0
    manifest = read_manifest(whole.config.bundle)
    assert [fp32["file_bytes"], int8["file_bytes"]] == [
        manifest.files[f"onnx/{name}.onnx"].bytes for name in ("model", "model_int8")
    ]
    assert fp32["p50_ms"] is None  # four samples do not tell a median
    assert document["edgeft_bench"] == 1
    assert document["bundle_digest"] == manifest.digest
    assert document["command"] == (
        f"edgeft bench {whole.config.bundle.name} --data texts.csv --device cpu --threads 1 "
        "--rate 200 --scenario single-stream --scenario offline --scenario server "
        "--scenario cold-start --slo-ms 100 --samples 4 --rounds 2 --seconds 0.1"
    )
    assert "good bread" not in text
    assert str(whole.config.bundle.parent) not in text
    assert str(whole.config.data and whole.config.data.parent) not in text


def test_cells_take_turns_and_progress_is_told(tiny_bundle: Path, texts_file: Path) -> None:
    steps: list[tuple[str, int, int]] = []
    config = quick(tiny_bundle, data=texts_file, scenarios=("cold-start",), rounds=2)
    result = bench(config, lambda step, done, total: steps.append((step, done, total)))
    assert steps == [("benchmark", done, 4) for done in range(5)]
    for one in result.cells:  # nothing but cold starts was measured
        assert one.measured is not None
        assert (one.measured.single_p50_ms, one.measured.texts_per_s) == (None, None)
        assert one.measured.first_ms.median > 0
        assert one.agreement is None


def test_texts_of_several_lengths_are_cells(tiny_bundle: Path) -> None:
    config = quick(tiny_bundle, variants=("fp32",), lengths=(8, 32), texts=20)
    result = bench(config)
    for one, length in zip(result.cells, (8, 32), strict=True):
        assert one.measured is not None
        (bucket,) = one.measured.buckets
        assert bucket.tokens == (16 if length == 8 else 32)
        assert one.texts.tokens_p50 == one.texts.tokens_max == length


def test_a_damaged_variant_does_not_stop_the_other(tiny_bundle: Path, tmp_path: Path) -> None:
    damaged = with_file(tiny_bundle, tmp_path / "damaged", "onnx/model_int8.onnx", b"not a model")
    fp32, int8 = bench(quick(damaged)).cells
    assert fp32.measured is not None
    assert int8.measured is None
    assert "model_int8.onnx" in int8.error
    assert int8.to_dict()["error"] == int8.error
    assert str(tmp_path) not in int8.error  # the result is shown around
    assert "damaged" in int8.error


def test_int8_alone_has_nothing_to_agree_with(tiny_bundle: Path) -> None:
    result = bench(quick(tiny_bundle, variants=("int8",)))
    assert [one.agreement for one in result.cells] == [None]


def test_labels_are_compared_with_fp32_of_that_length_and_rather_with_the_cpus() -> None:
    names = ("gpu", "cpu", "int8")
    on_gpu, on_cpu, int8 = (summarize([run(1.0, answers=[name])]) for name in names)
    found = {Cell("cpu", "int8"): int8, Cell("cuda:0", "fp32"): on_gpu}
    assert reference_of(found, None) is on_gpu
    assert reference_of({**found, Cell("cpu", "fp32"): on_cpu}, None) is on_cpu
    assert reference_of({Cell("cpu", "int8"): int8}, None) is None
    assert reference_of(found, 16) is None


def test_what_cannot_be_measured_is_told(tiny_bundle: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="1 samples cannot be spread over 2 rounds"):
        bench(quick(tiny_bundle, samples=1, rounds=2))
    empty = tmp_path / "empty.txt"
    empty.touch()
    with pytest.raises(DataError, match="no texts"):
        bench(quick(tiny_bundle, data=empty))
    with pytest.raises(BundleError, match="no bundle"):
        bench(quick(tmp_path))


def test_measuring_imports_no_training_library() -> None:
    code = (
        "import sys, edgeft.bench.run, edgeft.bench.worker, edgeft.bench.doctor\n"
        "print(sorted({'torch', 'transformers', 'optimum', 'onnx', 'psutil', 'altair'} "
        "& set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
