"""Devices: what is named either runs or says why not."""

import shutil
import subprocess
import sys
from pathlib import Path

import onnxruntime
import pytest

import edgeft
from edgeft.errors import BundleError, DeviceError
from edgeft.runtime.providers import (
    CLOUD_PROVIDERS,
    KINDS,
    DeviceName,
    available_devices,
    provider_problems,
)
from edgeft.runtime.session import SessionOptions, open_session

HAS_DRIVER = shutil.which("nvidia-smi") is not None
HAS_CUDA = available_devices()["cuda"] == ""


def test_cpu_is_always_there() -> None:
    assert available_devices()["cpu"] == ""


def test_cloud_providers_are_never_offered(monkeypatch: pytest.MonkeyPatch) -> None:
    listed = ["AzureExecutionProvider", "CPUExecutionProvider"]
    monkeypatch.setattr(onnxruntime, "get_available_providers", lambda: listed)
    assert provider_problems() == {"CPUExecutionProvider": ""}
    assert not any(name in CLOUD_PROVIDERS for name in (kind.provider for kind in KINDS.values()))


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
