"""The bundle beside this file, in Triton's Python backend. Written by `edgeft deploy triton`."""

import json
from pathlib import Path
from typing import Any

import triton_python_backend_utils as triton

from edgeft.deploy.triton.backend import Answerer, TensorRequest
from edgeft.errors import DataError


class TritonPythonModel:
    """What Triton makes of this file, once for each instance."""

    def initialize(self, args: dict[str, str]) -> None:
        """Load the bundle on the device of the instance."""
        on_gpu = args["model_instance_kind"] == "GPU"
        device = f"cuda:{args['model_instance_device_id']}" if on_gpu else "cpu"
        bundle = Path(__file__).parent / "bundle"
        self.answerer = Answerer(json.loads(args["model_config"]), bundle, device)

    def execute(self, requests: list[Any]) -> list[Any]:
        """Answer a batch of requests, each with tensors or an error of its own."""
        return [_response(one) for one in self.answerer.answers([_asked(one) for one in requests])]

    def finalize(self) -> None:
        """Free the bundle."""
        self.answerer.close()


def _asked(request: Any) -> TensorRequest:
    tensors = {one.name(): one.as_numpy() for one in request.inputs()}
    parameters = json.loads(request.parameters() or "{}")
    return TensorRequest(
        tensors, request.requested_output_names(), parameters.get("scores") is True
    )


def _response(found: Any) -> Any:
    if isinstance(found, Exception):
        wrong = isinstance(found, DataError)
        code = triton.TritonError.INVALID_ARG if wrong else triton.TritonError.INTERNAL
        return triton.InferenceResponse(error=triton.TritonError(str(found), code))
    return triton.InferenceResponse([triton.Tensor(name, one) for name, one in found.items()])
