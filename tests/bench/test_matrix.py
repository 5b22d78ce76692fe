from dataclasses import replace
from pathlib import Path

import pytest

from edgeft.bench.cell import Cell
from edgeft.bench.matrix import BenchConfig, cells_of, check, in_turn, takes
from edgeft.bundle import Manifest, Variant, read_manifest
from edgeft.errors import DeviceError, UsageError
from tests.cascades import cascade

NOWHERE = Path("nowhere")


@pytest.fixture
def manifest(tiny_bundle: Path) -> Manifest:
    return read_manifest(tiny_bundle)


@pytest.fixture
def variants(manifest: Manifest) -> dict[str, Variant]:
    return dict(manifest.model.variants)


def test_the_matrix_is_every_combination_once(manifest: Manifest) -> None:
    config = BenchConfig(
        NOWHERE,
        devices=("cpu", "cpu"),
        variants=("int8", "fp32", "int8"),
        threads=(1, 2),
        batch_tokens=(64, 512),
        lengths=(8, 16, 16),
    )
    cells = cells_of(config, manifest)
    assert len(cells) == len(set(cells)) == 2 * 2 * 2 * 2
    assert cells[0] == Cell("cpu", "int8", 1, 64, 8)
    plain = cells_of(BenchConfig(NOWHERE, devices=("auto",)), manifest)
    assert plain[0].threads is None
    assert [cell.variant for cell in plain] == ["fp32", "int8"]


def test_what_does_not_exist_is_told(manifest: Manifest) -> None:
    with pytest.raises(UsageError, match="no variant 'int4'"):
        cells_of(BenchConfig(NOWHERE, variants=("int4",)), manifest)
    with pytest.raises(UsageError, match="no device 'gpu'"):
        cells_of(BenchConfig(NOWHERE, devices=("gpu",)), manifest)
    with pytest.raises(UsageError, match="No text can have 128 tokens: the model reads 64"):
        cells_of(BenchConfig(NOWHERE, devices=("cpu",), lengths=(16, 128)), manifest)


def test_a_named_device_that_cannot_run_is_an_error(manifest: Manifest) -> None:
    from edgeft.runtime.providers import available_devices

    if not available_devices()["cuda"]:
        pytest.skip("CUDA runs here")
    with pytest.raises(DeviceError, match="'cuda' cannot run here"):
        cells_of(BenchConfig(NOWHERE, devices=("cpu", "cuda")), manifest)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"samples": 1, "rounds": 2}, "1 samples cannot be spread over 2 rounds"),
        ({"rounds": 0}, "spread over 0 rounds"),
        ({"threads": (2, 0)}, "0 is no number of threads"),
        ({"lengths": (-1,)}, "-1 is no number of length"),
        ({"slo_ms": float("nan")}, "nan is no number of milliseconds"),
        ({"scenarios": ("server",), "rates": (float("inf"),)}, "inf is no number of arrivals"),
        ({"scenarios": ("multi-stream",)}, "no scenario 'multi-stream'"),
        ({"scenarios": ("server",)}, "needs to know what is fast enough"),
        ({"rates": (10.0,)}, "belong to the server scenario"),
        ({"text_column": "text"}, "no file"),
    ],
)
def test_what_makes_no_sense_is_told_before_anything_runs(
    change: dict[str, object], message: str
) -> None:
    check(BenchConfig(NOWHERE))
    with pytest.raises(UsageError, match=message):
        check(replace(BenchConfig(NOWHERE), **change))  # type: ignore[arg-type]


def test_each_device_gets_the_precisions_that_it_computes(variants: dict[str, Variant]) -> None:
    taken = {
        (device, precision)
        for device in ("cpu", "cuda:0")
        for precision in ("fp32", "int8", "fp16")
        if takes(device, replace(variants["fp32"], precision=precision))
    }
    assert taken == {("cpu", "fp32"), ("cpu", "int8"), ("cuda:0", "fp32"), ("cuda:0", "fp16")}
    fused = replace(variants["fp32"], graph="ort-fused")
    plain = replace(variants["fp32"], graph="onnx")
    for device in ("tensorrt:0", "coreml", "openvino:CPU"):
        assert not takes(device, fused)
        assert takes(device, plain)
    assert takes("openvino:CPU", replace(plain, precision="int8"))
    fixed = replace(plain, precision="int8", batch_invariant=True)
    fleeting = replace(fixed, batch_invariant=False)
    assert takes("tensorrt:0", fixed)
    assert takes("openvino:GPU", fixed)
    assert not takes("tensorrt:0", fleeting)
    assert not takes("cuda:0", fixed)


def test_a_bundle_with_nothing_for_the_device_is_told(manifest: Manifest) -> None:
    fp16 = replace(manifest.model.variants["fp32"], precision="fp16")
    record = replace(manifest.model, variants={"fp16": fp16})
    only = replace(manifest, models={"main": record})
    with pytest.raises(UsageError, match="No variant suits cpu: there is only fp16"):
        cells_of(BenchConfig(NOWHERE, devices=("cpu",)), only)
    named = BenchConfig(NOWHERE, devices=("cpu",), variants=("fp16",))
    assert cells_of(named, only) == [Cell("cpu", "fp16")]


def test_cells_take_turns_so_that_drift_hits_all_alike() -> None:
    cells = [Cell("cpu", name) for name in "abc"]
    order = ["".join(cell.variant for cell in in_turn(cells, number)) for number in range(6)]
    assert order == ["abc", "cba", "bca", "acb", "cab", "bac"]
    for cell in cells:  # over six rounds each is second on average
        places = [one.index(cell.variant) for one in order]
        assert sum(places) == 6


def test_a_cascade_is_one_more_variant(tmp_path: Path, tiny_bundle: Path) -> None:
    steps = (("cheap", "int8", 0.5), ("main", "fp32", None))
    bundles = {"cheap": tiny_bundle, "main": tiny_bundle}
    manifest = read_manifest(cascade(tmp_path / "b", bundles, steps))
    cpu = BenchConfig(NOWHERE, devices=("cpu",))
    assert [cell.variant for cell in cells_of(cpu, manifest)] == ["fp32", "int8", "cascade"]
    named = replace(cpu, variants=("cheap", "cascade"))
    assert [cell.variant for cell in cells_of(named, manifest)] == ["cheap", "cascade"]
    with pytest.raises(UsageError, match="no variant 'fp16'") as caught:
        cells_of(replace(cpu, variants=("fp16",)), manifest)
    assert caught.value.hint == "It has: fp32, int8, cascade, cheap, main."
