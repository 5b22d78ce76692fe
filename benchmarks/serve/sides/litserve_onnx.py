"""LitServe with its own batches around the same graph: tokenizers and onnxruntime, no more.

    PYTHON benchmarks/serve/sides/litserve_onnx.py BUNDLE PORT [--threads N]

LitServe batches in a worker process: up to `--batch` requests, for which it waits `--wait` seconds
at most. A batch is padded to its longest text.
"""

import argparse
import json
import os
from pathlib import Path

os.environ["ORT_DISABLE_TELEMETRY"] = "1"

import litserve
import numpy
import onnxruntime
from tokenizers import Tokenizer


class Classifier(litserve.LitAPI):
    def __init__(self, model, threads, **options):
        super().__init__(api_path="/predict", **options)
        self.folder, self.threads = model, threads

    def setup(self, device):
        manifest = json.loads((self.folder / "edgeft.json").read_text(encoding="utf-8"))
        models = manifest["models"]
        record = models.get("main") or models["full"]
        self.labels = record["labels"]
        self.tokenizer = Tokenizer.from_file(str(self.folder / record["tokenizer"]))
        self.tokenizer.enable_truncation(record["max_length"])
        self.tokenizer.enable_padding(pad_id=record["pad_id"], pad_type_id=record["pad_type_id"])
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = self.threads
        graph = self.folder / record["variants"]["fp32"]["files"]["model"]
        self.session = onnxruntime.InferenceSession(
            graph, options, providers=["CPUExecutionProvider"]
        )
        self.names = [one.name for one in self.session.get_inputs()]

    def decode_request(self, request):
        return request["text"]

    def predict(self, texts):
        rows = self.tokenizer.encode_batch_fast(texts)
        every = {
            "input_ids": [row.ids for row in rows],
            "attention_mask": [row.attention_mask for row in rows],
            "token_type_ids": [row.type_ids for row in rows],
        }
        feed = {name: numpy.array(every[name], numpy.int64) for name in self.names}
        logits = self.session.run(None, feed)[0]
        weights = numpy.exp(logits - logits.max(axis=-1, keepdims=True))
        best, scores = logits.argmax(axis=-1), weights.max(axis=-1) / weights.sum(axis=-1)
        return [
            {"label": self.labels[at], "score": score}
            for at, score in zip(best.tolist(), scores.tolist(), strict=True)
        ]

    def unbatch(self, output):
        return output

    def encode_response(self, output):
        return output


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("model", type=Path)
    parser.add_argument("port", type=int)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--wait", type=float, default=0.005)
    chosen = parser.parse_args()
    classifier = Classifier(
        chosen.model, chosen.threads, max_batch_size=chosen.batch, batch_timeout=chosen.wait
    )
    server = litserve.LitServer(classifier, accelerator="cpu", healthcheck_path="/health")
    server.run(host="127.0.0.1", port=chosen.port, generate_client_file=False,
               log_level="warning", access_log=False)  # fmt: skip


if __name__ == "__main__":
    main()
