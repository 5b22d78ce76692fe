"""Devices: which there are, whether they really load here, and what mends them if not."""

import contextlib
import ctypes
import io
import platform
import re
import sys
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

from edgeft.errors import DependencyError, DeviceError, UsageError
from edgeft.runtime.native import native_call
from edgeft.settings import environment

__all__ = [
    "CLOUD_PROVIDERS",
    "DEVICE_KINDS",
    "Device",
    "DeviceName",
    "available_devices",
    "import_onnxruntime",
    "nvidia_gpu",
    "provider_problems",
    "resolve_device",
]

CLOUD_PROVIDERS = ("AzureExecutionProvider",)  # these would send texts over the network
CPU_PROVIDER = "CPUExecutionProvider"
# onnxruntime's "Privacy.md": no uploader, no events, no device id. Read once, as it is imported.
TELEMETRY_OFF = {"ORT_DISABLE_TELEMETRY": "1"}


@dataclass(frozen=True)
class DeviceKind:
    """A kind of device: onnxruntime's name for it, what may follow the colon, the cure.

    ``which`` are the allowed words, the first one the default; empty where
    devices are numbered, None where there is but one.
    """

    provider: str
    install: str
    which: tuple[str, ...] | None = None


_SWAP = "pip uninstall -y onnxruntime onnxruntime-gpu && pip install "
DEVICE_KINDS: Mapping[str, DeviceKind] = {
    "cpu": DeviceKind(CPU_PROVIDER, "pip install 'edgeft[cpu]'"),
    "cuda": DeviceKind("CUDAExecutionProvider", f"{_SWAP}'edgeft[gpu-cuda]'", ()),
    "tensorrt": DeviceKind("TensorrtExecutionProvider", f"{_SWAP}'edgeft[gpu-cuda]' tensorrt", ()),
    "openvino": DeviceKind(
        "OpenVINOExecutionProvider", f"{_SWAP}onnxruntime-openvino", ("CPU", "GPU", "NPU")
    ),
    "coreml": DeviceKind("CoreMLExecutionProvider", f"{_SWAP}onnxruntime   (on macOS)"),
    "directml": DeviceKind(
        "DmlExecutionProvider", f"{_SWAP}onnxruntime-directml   (on Windows)", ()
    ),
}
_PROBING = threading.Lock()
_NVIDIA = (DEVICE_KINDS["cuda"].provider, DEVICE_KINDS["tensorrt"].provider)

# An Identity node over one float: the smallest graph that a provider can be tried with.
_PROBE = (
    b'\x08\x08:7\n\x10\n\x01x\x12\x01y"\x08Identity\x12\x01gZ\x0f\n\x01x\x12\n\n\x08\x08\x01\x12'
    b"\x04\n\x02\x08\x01b\x0f\n\x01y\x12\n\n\x08\x08\x01\x12\x04\n\x02\x08\x01B\x04\n\x00\x10\r"
)


@dataclass(frozen=True)
class DeviceName:
    """A device that was asked for: its kind, and which one of them ("0", "GPU", "")."""

    kind: str
    which: str = ""

    @property
    def provider(self) -> str:
        """The execution provider that runs it."""
        return DEVICE_KINDS[self.kind].provider

    def __str__(self) -> str:
        return f"{self.kind}:{self.which}" if self.which else self.kind


@dataclass(frozen=True)
class Device:
    """Where a loaded model really runs.

    ``name`` is "cpu", "cuda:0" …; ``provider`` the execution provider of
    onnxruntime; ``nodes`` how many of the graph's nodes each provider took,
    empty where this onnxruntime does not tell. ``str(device)`` is the name.
    """

    name: str
    provider: str
    nodes: Mapping[str, int] = field(default_factory=dict)

    def __str__(self) -> str:
        return self.name


def resolve_device(name: str) -> DeviceName:
    """What "auto", "cpu", "cuda", "cuda:1", "tensorrt", "openvino:GPU" … stand for here.

    "auto" is the first NVIDIA GPU where CUDA really loads, else the CPU. Raises
    UsageError for another name, DeviceError for a device that cannot run here.
    """
    if name == "auto":
        return DeviceName("cuda", "0") if _cuda_loads() else DeviceName("cpu")
    wanted = _parse(name)
    if wanted.kind == "cpu":  # no provider is tried: trying CUDA would load hundreds of megabytes
        return wanted
    reason = _reason(wanted.provider)
    if reason:
        raise DeviceError(
            f"The device {name!r} cannot run here: {reason}",
            hint=f"{_mend(wanted.kind, reason)}\nOr run on the CPU with: --device cpu",
        )
    return wanted


def available_devices() -> dict[str, str]:
    """Each kind of device that edgeft knows: "" where it really loads, else the reason why not."""
    return {name: _reason(kind.provider) for name, kind in DEVICE_KINDS.items()}


def provider_problems() -> dict[str, str]:
    """Each local execution provider of this build: "" where it loads, else the reason.

    Every provider is tried with a tiny session, since onnxruntime lists what
    it was built with, not what loads. Cloud providers are left out. Raises
    DependencyError where no onnxruntime is installed.
    """
    return {name: _problem(name) for name in _built_in()}


def import_onnxruntime() -> Any:
    """The onnxruntime module, its telemetry off; whatever needs it imports it by this first.

    The official builds look up a host of their maker and keep a device id and a file
    of events in the user's cache folder, but where an environment variable says no
    as they are imported; after, it is as it was. Where the application imported
    onnxruntime itself before, only the events to come can be stopped.

    Raises DependencyError where there is none that works.
    """
    try:
        if "onnxruntime" in sys.modules:
            import onnxruntime
        else:
            with environment(**TELEMETRY_OFF):
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
    onnxruntime.disable_telemetry_events()  # Windows' own kind of telemetry knows no variable
    return onnxruntime


@lru_cache(maxsize=8)
def nvidia_gpu(index: int) -> str:
    """The name of an NVIDIA GPU and the version of its driver's CUDA; "" where there is none.

    Asks the driver itself (CUDA Driver API: cuInit, cuDriverGetVersion,
    cuDeviceGet, cuDeviceGetName), which is quick and needs no package.
    """
    driver = _nvidia_driver()
    name, version, device = ctypes.create_string_buffer(256), ctypes.c_int(), ctypes.c_int()
    if driver is None or driver.cuInit(0):
        return ""
    failed = (
        driver.cuDriverGetVersion(ctypes.byref(version))
        or driver.cuDeviceGet(ctypes.byref(device), index)
        or driver.cuDeviceGetName(name, len(name), device)
    )
    return "" if failed else f"{name.value.decode('utf-8', 'replace')}, CUDA {version.value}"


def _parse(name: str) -> DeviceName:
    kind, colon, which = name.partition(":")
    allowed = DEVICE_KINDS[kind].which if kind in DEVICE_KINDS else None
    if kind in DEVICE_KINDS and not colon:
        if allowed is None:
            return DeviceName(kind)
        return DeviceName(kind, allowed[0] if allowed else "0")
    if allowed == () and re.fullmatch("[0-9]{1,4}", which):
        return DeviceName(kind, str(int(which)))
    if allowed and which.upper() in allowed:
        return DeviceName(kind, which.upper())
    raise UsageError(
        f"There is no device {name!r}.",
        hint=f"Choose auto, {', '.join(DEVICE_KINDS)}; or by number, such as cuda:1 (from 0), "
        "or by name, such as openvino:GPU.",
    )


def _cuda_loads() -> bool:
    return (
        DEVICE_KINDS["cuda"].provider in _built_in()
        and _nvidia_driver() is not None
        and not _reason(DEVICE_KINDS["cuda"].provider)
    )


def _built_in() -> list[str]:
    names = import_onnxruntime().get_available_providers()
    return [name for name in names if name not in CLOUD_PROVIDERS]


def _reason(provider: str) -> str:
    if provider not in _built_in():
        return "the installed onnxruntime was built without it."
    return _problem(provider)


def _mend(kind: str, reason: str) -> str:
    no_gpu = _nvidia_driver() is None or "no CUDA-capable device" in reason
    if DEVICE_KINDS[kind].provider in _NVIDIA and no_gpu:
        return "No NVIDIA driver was found: install one, or run where there is a GPU."
    return f"Mend it with: {DEVICE_KINDS[kind].install}"


@lru_cache(maxsize=1)
def _nvidia_driver() -> Any:
    try:
        return ctypes.CDLL("nvcuda.dll" if sys.platform == "win32" else "libcuda.so.1")
    except OSError:
        return None


@lru_cache(maxsize=16)
def _problem(provider: str) -> str:
    """Why a provider of this build does not load; "" where it does."""
    ort = import_onnxruntime()
    if provider == CPU_PROVIDER:
        return ""
    # Both print where they could raise; and stdout is the whole process's.
    with native_call(opens=True), _PROBING, contextlib.redirect_stdout(io.StringIO()):
        capi = Path(ort.__file__).parent / "capi"
        if provider in _NVIDIA and hasattr(ort, "preload_dlls"):
            _load_cuda(ort, capi)
        missing = _missing_library(capi, provider)
        if missing:
            return missing
        try:
            session = ort.InferenceSession(_PROBE, providers=[provider], enable_fallback=0)
        except Exception as error:
            return f"{error}."
    return "" if provider in session.get_providers() else "it did not load, and gave no reason."


def _load_cuda(ort: Any, capi: Path) -> None:
    """Load CUDA's libraries, where they come as packages.

    onnxruntime looks for them beside itself and where the system does. But an environment
    may lie over another that has them, such as torch's.
    """
    ort.preload_dlls()
    for entry in sys.path:
        folders = sorted(Path(entry).glob("nvidia/*/lib"))
        if folders and _missing_library(capi, DEVICE_KINDS["cuda"].provider):
            for folder in folders:
                ort.preload_dlls(directory=str(folder.absolute()))


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
