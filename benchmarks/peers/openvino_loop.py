"""OpenVINO, fp32 and int8, in the same careful loop as the bare one."""

from padded import PaddedLoop
from serve import serve

CALIBRATION = 300  # texts, what its documentation recommends


class OpenVino(PaddedLoop):
    """The classifier as optimum exported it, compiled for latency.

    ``variant`` "int8" is quantized with NNCF as its documentation shows for
    transformers, once, on the first texts of the built-in ones; the result is kept.
    """

    def __init__(self, folder, threads, variant):
        super().__init__(folder)
        import openvino

        core = openvino.Core()
        plain = folder / "plain" / "model.onnx"
        kept = folder / "plain" / "openvino_int8.xml"
        if variant == "int8":
            if not kept.exists():
                openvino.save_model(self.quantized(core.read_model(plain), folder), kept)
            model = core.read_model(kept)
        else:
            model = core.read_model(plain)
        self.inputs = {one.get_any_name() for one in model.inputs}
        self.compiled = core.compile_model(
            model, "CPU",
            {"INFERENCE_NUM_THREADS": threads, "PERFORMANCE_HINT": "LATENCY",
             "INFERENCE_PRECISION_HINT": "f32"},
        )  # fmt: skip

    def quantized(self, model, folder):
        import json

        import nncf

        texts = json.loads((folder / "calibration.json").read_text(encoding="utf-8"))
        feeds = [self.feed([self.tokenizer.encode(text).ids]) for text in texts[:CALIBRATION]]
        return nncf.quantize(
            model, nncf.Dataset(feeds), model_type=nncf.ModelType.TRANSFORMER,
            subset_size=len(feeds),
        )  # fmt: skip

    def logits(self, feed):
        return self.compiled({name: feed[name] for name in self.inputs})[0]


if __name__ == "__main__":
    serve(OpenVino)
