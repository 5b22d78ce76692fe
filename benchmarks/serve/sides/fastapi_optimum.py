"""The handler that one writes first: FastAPI, a plain function, optimum's pipeline in it.

    PYTHON benchmarks/serve/sides/fastapi_optimum.py BUNDLE PORT [--threads N]

A plain function runs in FastAPI's own pool of threads (40 of them), so that the event loop stays
free, and the pipeline is called once for each request. uvicorn is as `uvicorn[standard]` comes,
without its access log.
"""

import argparse
import os
from pathlib import Path

os.environ["ORT_DISABLE_TELEMETRY"] = "1"

import onnxruntime
import transformers
import uvicorn
from fastapi import FastAPI
from optimum.onnxruntime import ORTModelForSequenceClassification
from pydantic import BaseModel


class Text(BaseModel):
    text: str


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("model", type=Path)
    parser.add_argument("port", type=int)
    parser.add_argument("--threads", type=int, default=2)
    chosen = parser.parse_args()
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = chosen.threads
    classify = transformers.pipeline(
        "text-classification",
        model=ORTModelForSequenceClassification.from_pretrained(
            chosen.model, subfolder="onnx", file_name="model.onnx", session_options=options
        ),
        tokenizer=transformers.AutoTokenizer.from_pretrained(chosen.model),
    )
    app = FastAPI()

    @app.get("/health")
    def health():
        return {"ok": True}

    @app.post("/predict")
    def predict(one: Text):
        return classify(one.text, truncation=True)[0]

    uvicorn.run(app, host="127.0.0.1", port=chosen.port, access_log=False, log_level="warning")


if __name__ == "__main__":
    main()
