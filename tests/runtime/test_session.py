"""Devices: what is named either runs or says why not."""

import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import onnxruntime
import pytest

import edgeft
from edgeft.bundle import read_manifest
from edgeft.errors import BundleError, DeviceError, UsageError
from edgeft.runtime import opening, providers
from edgeft.runtime.providers import (
    CLOUD_PROVIDERS,
    DEVICE_KINDS,
    DeviceName,
    _parse,
    available_devices,
    provider_problems,
)
from edgeft.runtime.session import (
    SessionOptions,
    open_session,
    provider_options,
    session_options,
)

HAS_DRIVER = shutil.which("nvidia-smi") is not None
HAS_CUDA = available_devices()["cuda"] == ""


def test_cpu_is_always_there() -> None:
    assert available_devices()["cpu"] == ""


def test_cloud_providers_are_never_offered(monkeypatch: pytest.MonkeyPatch) -> None:
    listed = ["AzureExecutionProvider", "CPUExecutionProvider"]
    monkeypatch.setattr(onnxruntime, "get_available_providers", lambda: listed)
    assert provider_problems() == {"CPUExecutionProvider": ""}
    assert not any(
        name in CLOUD_PROVIDERS for name in (kind.provider for kind in DEVICE_KINDS.values())
    )


def test_cuda_libraries_may_lie_in_another_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As where an environment that has onnxruntime lies over one that has torch."""
    capi, below = tmp_path / "over" / "onnxruntime" / "capi", tmp_path / "below"
    for folder in (capi, below / "nvidia" / "cu13" / "lib", below / "nvidia" / "cudnn" / "lib"):
        folder.mkdir(parents=True)
    asked: list[str | None] = []

    class Installed:
        @staticmethod
        def preload_dlls(directory: str | None = None) -> None:
            asked.append(directory)

    monkeypatch.setattr(sys, "path", [str(tmp_path / "over"), str(below)])
    providers._load_cuda(Installed, capi)
    assert asked == [None]  # nothing is missing
    asked.clear()
    (capi / "libonnxruntime_providers_cuda.so").write_bytes(b"of which something is missing")
    (capi / "onnxruntime_providers_cuda.dll").write_bytes(b"of which something is missing")
    providers._load_cuda(Installed, capi)
    assert asked == [None, *(str(below / "nvidia" / one / "lib") for one in ("cu13", "cudnn"))]


@pytest.mark.skipif(HAS_CUDA, reason="CUDA runs here")
def test_a_gpu_that_is_not_there_is_an_error_with_its_reason(tiny_bundle: Path) -> None:
    with pytest.raises(DeviceError, match="'cuda' cannot run here") as caught:
        edgeft.load(tiny_bundle, device="cuda")
    reason = available_devices()["cuda"]
    assert reason
    assert reason in str(caught.value)
    assert "--device cpu" in caught.value.hint
    if not HAS_DRIVER:
        assert "No NVIDIA driver was found" in caught.value.hint
        assert "pip install" not in caught.value.hint
    with pytest.raises(DeviceError, match="'cuda:1'"):
        edgeft.load(tiny_bundle, device="cuda:1")


@pytest.mark.skipif(HAS_CUDA, reason="CUDA runs here")
def test_auto_runs_on_the_cpu_and_says_so(tiny_bundle: Path) -> None:
    with edgeft.load(tiny_bundle, device="auto") as model:
        assert model.device.name == "cpu"


def test_naming_the_cpu_tries_no_other_provider(tiny_bundle: Path) -> None:
    program = (
        "import sys, edgeft\n"
        "from edgeft.runtime import providers\n"
        "edgeft.load(sys.argv[1], device='cpu')\n"
        "print(providers._problem.cache_info().misses)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, str(tiny_bundle)], capture_output=True, text=True
    )
    assert (done.stdout.strip(), done.stderr) == ("0", "")


def test_a_file_that_is_no_graph_is_one_clear_error(tmp_path: Path) -> None:
    (tmp_path / "model.onnx").write_bytes(b"not a graph")
    with pytest.raises(BundleError, match="cannot be opened"):
        open_session(tmp_path / "model.onnx", DeviceName("cpu"), SessionOptions(threads=1))


@pytest.mark.parametrize(
    ("name", "kind", "which"),
    [
        ("cpu", "cpu", ""),
        ("cuda", "cuda", "0"),
        ("cuda:1", "cuda", "1"),
        ("tensorrt:02", "tensorrt", "2"),
        ("openvino", "openvino", "CPU"),
        ("openvino:gpu", "openvino", "GPU"),
        ("coreml", "coreml", ""),
        ("directml:3", "directml", "3"),
    ],
)
def test_names_of_devices(name: str, kind: str, which: str) -> None:
    assert _parse(name) == DeviceName(kind, which)


@pytest.mark.parametrize("name", ["", "gpu", "cpu:0", "cuda:", "cuda:x", "coreml:1", "azure",
                                  "openvino:TPU", "AzureExecutionProvider", "auto:1"])  # fmt: skip
def test_other_names_are_refused(name: str) -> None:
    with pytest.raises(UsageError, match="There is no device") as caught:
        _parse(name)
    assert "openvino" in caught.value.hint


@pytest.mark.parametrize("kind", [name for name in DEVICE_KINDS if name != "cpu"])
def test_every_device_that_is_not_here_says_why_and_what_mends_it(
    kind: str, tiny_bundle: Path
) -> None:
    reason = available_devices()[kind]
    if not reason:
        pytest.skip(f"{kind} runs here")
    with pytest.raises(DeviceError, match=f"'{kind}' cannot run here") as caught:
        edgeft.load(tiny_bundle, device=kind)
    assert reason in caught.value.message
    assert "pip install" in caught.value.hint or "No NVIDIA driver" in caught.value.hint


def test_tensorrt_gets_its_cache_and_profile(tmp_path: Path) -> None:
    options = SessionOptions(1, engine_cache=tmp_path, profile=("a:1x1", "a:2x2", "a:3x3"))
    trt, cuda, cpu = provider_options(DeviceName("tensorrt", "1"), options)
    assert trt[0] == "TensorrtExecutionProvider"
    assert trt[1]["device_id"] == cuda[1]["device_id"] == "1"
    assert trt[1]["trt_engine_cache_path"] == str(tmp_path)
    assert trt[1]["trt_profile_opt_shapes"] == "a:2x2"
    assert cpu == "CPUExecutionProvider"


@pytest.mark.parametrize("place", ["cache", "nowhere"])
def test_tensorrt_does_without_a_cache(
    tiny_bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    (tmp_path / "nowhere").write_text("")
    monkeypatch.setenv("EDGEFT_CACHE", str(tmp_path / place / "edgeft"))
    device = DeviceName("tensorrt", "0")
    one = opening.Opening(tiny_bundle, read_manifest(tiny_bundle), device, 1, "full")
    options = opening._session_options(one, "fp32", spin=False)
    assert (options.engine_cache is None) is (place == "nowhere")
    assert options.profile is not None


@pytest.mark.parametrize(("full_range", "features", "exact"), [
    (True, {"avx2"}, "1"), (True, {"avx2", "vnni"}, ""), (False, {"avx2"}, ""),
    (True, {"neon"}, ""),
])  # fmt: skip
def test_sums_that_would_overflow_are_computed_exactly(
    tiny_bundle: Path, monkeypatch: pytest.MonkeyPatch,
    full_range: bool, features: set[str], exact: str,
) -> None:  # fmt: skip
    manifest = read_manifest(tiny_bundle)
    int8 = replace(manifest.model.variants["int8"], full_range=full_range)
    record = replace(manifest.model, variants={"int8": int8})
    monkeypatch.setattr(opening, "cpu_features", lambda: frozenset(features))
    manifest = replace(manifest, models={"main": record})
    one = opening.Opening(tiny_bundle, manifest, DeviceName("cpu"), 1, "full")
    options = opening._session_options(one, "int8", spin=False)
    assert options.exact_int8 is bool(exact)
    settings = session_options(onnxruntime, DeviceName("cpu"), options)
    if exact:
        assert settings.get_session_config_entry("session.x64quantprecision") == exact
    assert settings.get_session_config_entry("session.intra_op.allow_spinning") == "0"
