"""Opening a graph on a device, and on that device only."""

from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edgeft.errors import BundleError, DeviceError
from edgeft.runtime.native import native_call
from edgeft.runtime.providers import CPU_PROVIDER, Device, DeviceName, import_onnxruntime

if TYPE_CHECKING:
    import onnxruntime

__all__ = [
    "SessionOptions",
    "check_placement",
    "device_of",
    "open_session",
    "provider_options",
    "session_options",
]

SPIN_US = "1000"  # longer than any gap between two operators; onnxruntime's own is up to 0.5 s


@dataclass(frozen=True)
class SessionOptions:
    """How a graph is run.

    threads: CPU threads.
    spin: idle threads wait busily during a call, and only then.
    exact_int8: sums of full-range int8 products are computed so that they
        cannot overflow on x86 CPUs without VNNI, which is slower.
    cuda_graphs: CUDA records the kernels of a shape and replays them.
    engine_cache: TensorRT's folder for compiled engines.
    profile: TensorRT's smallest, usual and largest shape of the inputs.
    fp16: TensorRT may compute in fp16.
    """

    threads: int
    spin: bool = False
    exact_int8: bool = False
    cuda_graphs: bool = False
    engine_cache: Path | None = None
    profile: tuple[str, str, str] | None = None
    fp16: bool = False


def open_session(
    model: Path, device: DeviceName, options: SessionOptions, *, name: str = ""
) -> "onnxruntime.InferenceSession":
    """Open a graph on one device. Raises DeviceError, BundleError.

    ``name`` is what messages call the file. A node that another device cannot
    take may run on the CPU; a session in which the device did not load, or took
    fewer nodes than the CPU, is an error.
    """
    ort = import_onnxruntime()
    name = name or str(model)
    providers = provider_options(device, options)
    try:
        with native_call(opens=True):
            session = ort.InferenceSession(
                model, session_options(ort, device, options), providers=providers, enable_fallback=0
            )
    except Exception as error:  # onnxruntime's errors share no base but Exception
        reason = str(error).replace(str(model), name)
        if device.kind != "cpu":
            raise DeviceError(
                f"{name} cannot be opened on {device}: {reason}",
                hint="See what this machine can run with: edgeft doctor",
            ) from error
        raise BundleError(
            f"{name} cannot be opened: {reason}",
            hint="Export it anew, or update with: pip install --upgrade onnxruntime",
        ) from error
    check_placement(session, device, name)
    return session


def device_of(session: "onnxruntime.InferenceSession", device: DeviceName) -> Device:
    """Where the session runs, and how many nodes each of its providers took."""
    nodes: Counter[str] = Counter()
    if hasattr(session, "get_provider_graph_assignment_info"):
        for part in session.get_provider_graph_assignment_info():
            nodes[part.ep_name] += len(part.get_nodes())
    return Device(str(device), session.get_providers()[0], dict(nodes))


def check_placement(session: "onnxruntime.InferenceSession", device: DeviceName, name: str) -> None:
    """Raise DeviceError where a session does not run on its device, or hardly does."""
    found = device_of(session, device)
    if found.provider != device.provider:
        raise DeviceError(
            f"onnxruntime opened {name} on {found.provider}, not on {device.provider}.",
            hint="See what this machine can run with: edgeft doctor",
        )
    mine, whole = found.nodes.get(device.provider, 0), sum(found.nodes.values())
    if whole and mine * 2 < whole:
        raise DeviceError(
            f"{device} takes only {mine} of the {whole} nodes of {name}; the CPU would run most.",
            hint="Choose another variant, or --device cpu.",
        )


def session_options(ort: Any, device: DeviceName, options: SessionOptions) -> Any:
    """onnxruntime's session options for a device."""
    settings = ort.SessionOptions()
    settings.intra_op_num_threads = options.threads
    settings.inter_op_num_threads = 1
    settings.log_severity_level = 3  # errors; warnings about node placement are no news
    # A pattern is kept for every new shape, so memory would grow with every new length.
    settings.enable_mem_pattern = False
    entries = {
        "session.intra_op.allow_spinning": "1" if options.spin else "0",
        "session.intra_op.spin_duration_us": SPIN_US,
        "session.force_spinning_stop": "1",  # even where it spins, an idle model burns nothing
        "session.load_model_format": "ONNX",  # the format that was looked at before
        "session.record_ep_graph_assignment_info": "1",
    }
    if options.exact_int8:
        entries["session.x64quantprecision"] = "1"
    for key, value in entries.items():
        settings.add_session_config_entry(key, value)
    return settings


def provider_options(
    device: DeviceName, options: SessionOptions
) -> list[str | tuple[str, dict[str, str]]]:
    """The provider with its options, and what runs the nodes that it cannot take."""
    match device.kind:
        case "cpu":
            return [CPU_PROVIDER]
        case "cuda":
            return [_cuda(device, options), CPU_PROVIDER]
        case "tensorrt":
            return [_tensorrt(device, options), _cuda(device, options), CPU_PROVIDER]
        case "openvino":
            return [(device.provider, {"device_type": device.which}), CPU_PROVIDER]
        case "coreml":
            return [(device.provider, {"ModelFormat": "MLProgram"}), CPU_PROVIDER]
        case _:
            return [(device.provider, {"device_id": device.which}), CPU_PROVIDER]


def _cuda(device: DeviceName, options: SessionOptions) -> tuple[str, dict[str, str]]:
    return "CUDAExecutionProvider", {
        "device_id": device.which,
        # TF32 keeps 10 bits of a float's 23; whoever wants speed for digits takes fp16.
        "use_tf32": "0",
        "arena_extend_strategy": "kSameAsRequested",
        "enable_cuda_graph": "1" if options.cuda_graphs else "0",
    }


def _tensorrt(device: DeviceName, options: SessionOptions) -> tuple[str, dict[str, str]]:
    settings = {"device_id": device.which, "trt_fp16_enable": "1" if options.fp16 else "0"}
    if options.engine_cache is not None:
        folder = str(options.engine_cache)
        settings |= {
            "trt_engine_cache_enable": "1",
            "trt_engine_cache_path": folder,
            "trt_timing_cache_enable": "1",
            "trt_timing_cache_path": folder,
        }
    if options.profile is not None:
        names = ("min", "opt", "max")
        settings |= {
            f"trt_profile_{name}_shapes": shapes
            for name, shapes in zip(names, options.profile, strict=True)
        }
    return device.provider, settings
