"""Text to label from one file, without edgeft: what `edgeft export --single-file` wrote.

    pip install onnxruntime onnxruntime-extensions
    python single_file.py build/news/onnx/model_text.onnx "Shares fell after the report"

In another language it is the same: the library of onnxruntime-extensions is registered, a tensor of
strings "text" (N) goes in, "label" (N) and "scores" (N, labels) come out.
"""

import json
import os
import sys

# Else onnxruntime tells its maker how it is used.
os.environ["ORT_DISABLE_TELEMETRY"] = "1"

import numpy as np
import onnxruntime
import onnxruntime_extensions


def opened(path: str) -> onnxruntime.InferenceSession:
    """The model, its tokenizer inside."""
    options = onnxruntime.SessionOptions()
    options.register_custom_ops_library(onnxruntime_extensions.get_library_path())
    return onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])


def predict(session: onnxruntime.InferenceSession, texts: list[str]) -> list[tuple[str, float]]:
    """The likeliest label of each text, and its probability."""
    labels, scores = session.run(["label", "scores"], {"text": np.array(texts, dtype=object)})
    return [(label, float(row.max())) for label, row in zip(labels, scores, strict=True)]


if __name__ == "__main__":
    for label, score in predict(opened(sys.argv[1]), sys.argv[2:]):
        print(json.dumps({"label": label, "score": round(score, 6)}, ensure_ascii=False))
