"""Export: a checkpoint becomes a bundle that was checked against it.

This is the room's door: it only checks that the extra [export] is installed, in versions that
go together.
"""

from importlib.metadata import PackageNotFoundError, distribution
from importlib.util import find_spec

from edgeft.errors import DependencyError
from edgeft.packages import check_versions


def _missing() -> list[str]:
    modules = ("torch", "transformers", "optimum", "onnx", "onnx_ir", "onnxruntime", "safetensors")
    missing = [name for name in modules if find_spec(name) is None]
    try:  # the exporter is a distribution of its own inside optimum's name space
        distribution("optimum-onnx")
    except PackageNotFoundError:
        missing.append("optimum-onnx")
    return missing


if _names := _missing():
    raise DependencyError(
        f"Exporting needs packages that are not installed: {', '.join(_names)}.",
        hint="Install them with: pip install 'edgeft[export,cpu]'",
    )
check_versions("Exporting", "export")
