"""Devices and sessions: the only file that imports onnxruntime to run a model."""

import contextlib
import ctypes
import io
import platform
import sys
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edgeft.errors import BundleError, DependencyError, DeviceError, UsageError

if TYPE_CHECKING:
    import onnxruntime

__all__ = ["available_devices", "open_session", "provider_problems", "resolve_device"]

PROVIDERS = {"cpu": "CPUExecutionProvider", "cuda": "CUDAExecutionProvider"}
CLOUD_PROVIDERS = ("AzureExecutionProvider",)  # these would send texts over the network
INSTALL_CUDA = "pip uninstall -y onnxruntime onnxruntime-gpu && pip install 'edgeft[gpu-cuda]'"

# An Identity node over one float: the smallest graph that a provider can be tried with.
_PROBE = (
    b'\x08\x08:7\n\x10\n\x01x\x12\x01y"\x08Identity\x12\x01gZ\x0f\n\x01x\x12\n\n\x08\x08\x01\x12'
    b"\x04\n\x02\x08\x01b\x0f\n\x01y\x12\n\n\x08\x08\x01\x12\x04\n\x02\x08\x01B\x04\n\x00\x10\r"
)


def resolve_device(name: str) -> tuple[str, int]:
    """("cpu", 0) or ("cuda", index) for "auto", "cpu", "cuda" or "cuda:1".

    "auto" is the first GPU where CUDA really loads, else the CPU. Raises
    UsageError for another name, DeviceError for a device that cannot run here.
    """
    kind, _, number = name.partition(":")
    if name == "auto":
        return ("cuda", 0) if available_devices()["cuda"] == "" else ("cpu", 0)
    if name == "cpu":  # no provider is tried: trying CUDA would load hundreds of megabytes
        return ("cpu", 0)
    if kind not in PROVIDERS or (number and not (kind == "cuda" and number.isdecimal())):
        raise UsageError(
            f"There is no device {name!r}.", hint="Choose auto, cpu, cuda or cuda:N (N from 0)."
        )
    reason = available_devices()[kind]
    if reason:
        raise DeviceError(
            f"The device {name!r} cannot run here: {reason}",
            hint=f"{_mend(reason)}\nOr run on the CPU with: --device cpu",
        )
    return kind, int(number or 0)


def available_devices() -> dict[str, str]:
    """Each device that edgeft knows: "" where it really loads, else the reason why not."""
    problems = provider_problems()
    missing = "the installed onnxruntime was built without it."
    return {device: problems.get(provider, missing) for device, provider in PROVIDERS.items()}


@lru_cache(maxsize=1)
def provider_problems() -> dict[str, str]:
    """Each local execution provider of this build: "" where it loads, else the reason.

    Every provider is tried with a tiny session, since onnxruntime lists what
    it was built with, not what loads. Cloud providers are left out. Raises
    DependencyError where no onnxruntime is installed.
    """
    ort = _onnxruntime()
    names = [name for name in ort.get_available_providers() if name not in CLOUD_PROVIDERS]
    return {name: _problem(ort, name) for name in names}


def open_session(
    model: Path, device: tuple[str, int], threads: int
) -> "onnxruntime.InferenceSession":
    """Open a graph on one device. Raises DeviceError, BundleError.

    A node that a GPU cannot take may run on the CPU, but a session in which the
    GPU itself did not load is an error.
    """
    ort = _onnxruntime()
    kind, index = device
    provider = PROVIDERS[kind]
    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = 3  # errors; warnings about node placement are no news
    providers: list[str | tuple[str, dict[str, str]]] = [PROVIDERS["cpu"]]
    if kind == "cuda":
        providers.insert(0, (provider, {"device_id": str(index)}))
    try:
        session = ort.InferenceSession(model, options, providers=providers, enable_fallback=0)
    except Exception as error:  # onnxruntime's errors share no base but Exception
        if kind == "cuda":
            raise DeviceError(
                f"{model.name} cannot be opened on cuda:{index}: {error}",
                hint="See what this machine can run with: edgeft doctor",
            ) from error
        raise BundleError(
            f"{model} cannot be opened: {error}",
            hint="Export it anew, or update with: pip install --upgrade onnxruntime",
        ) from error
    if session.get_providers()[0] != provider:
        raise DeviceError(
            f"onnxruntime opened {model.name} on {session.get_providers()[0]}, not on {provider}.",
            hint="See what this machine can run with: edgeft doctor",
        )
    return session


def _mend(reason: str) -> str:
    if not _has_nvidia_driver() or "no CUDA-capable device" in reason:
        return "No NVIDIA driver was found: install one, or run where there is a GPU."
    return f"Mend it with: {INSTALL_CUDA}"


def _has_nvidia_driver() -> bool:
    try:
        ctypes.CDLL("nvcuda.dll" if sys.platform == "win32" else "libcuda.so.1")
    except OSError:
        return False
    return True


def _problem(ort: Any, provider: str) -> str:
    if provider == PROVIDERS["cpu"]:
        return ""
    with contextlib.redirect_stdout(io.StringIO()):  # both print where they could raise
        if provider in (PROVIDERS["cuda"], "TensorrtExecutionProvider"):
            ort.preload_dlls()
        missing = _missing_library(Path(ort.__file__).parent / "capi", provider)
        if missing:
            return missing
        try:
            session = ort.InferenceSession(_PROBE, providers=[provider], enable_fallback=0)
        except Exception as error:
            return f"{error}."
    return "" if provider in session.get_providers() else "it did not load, and gave no reason."


def _missing_library(folder: Path, provider: str) -> str:
    """Why the provider's shared library does not load; "" where it does or has none."""
    stem = provider.removesuffix("ExecutionProvider").lower()
    name = {
        "linux": f"libonnxruntime_providers_{stem}.so",
        "win32": f"onnxruntime_providers_{stem}.dll",
    }
    library = folder / name.get(sys.platform, "")
    if not library.is_file():
        return ""
    try:
        # The shared bridge must be in the process before any provider is.
        bridge = library.with_name(library.name.replace(f"_{stem}.", "_shared."))
        ctypes.CDLL(str(bridge), mode=ctypes.RTLD_GLOBAL)
        ctypes.CDLL(str(library))
    except OSError as error:
        return f"{error}."
    return ""


def _onnxruntime() -> Any:
    try:
        import onnxruntime
    except ImportError as error:
        raise DependencyError(
            f"onnxruntime cannot be imported on {platform.machine()}: {error}.",
            hint="Install one build: pip install 'edgeft[cpu]'   or: pip install 'edgeft[gpu]'",
        ) from error
    if not hasattr(onnxruntime, "InferenceSession"):  # what a half-removed install leaves
        raise DependencyError(
            "onnxruntime is damaged: it has no InferenceSession.",
            hint="pip uninstall -y onnxruntime onnxruntime-gpu && pip install 'edgeft[cpu]'",
        )
    return onnxruntime
