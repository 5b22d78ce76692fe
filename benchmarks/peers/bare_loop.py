"""A careful hand-written loop: tokenizers and onnxruntime alone, with edgeft's own graph."""

from padded import PaddedLoop
from serve import serve


class Bare(PaddedLoop):
    """Sorted by length, padded to the batch's longest text.

    Idle threads sleep, as edgeft's do; as "fp32-spin" they wait busily, which is
    onnxruntime's own default.
    """

    def __init__(self, folder, threads, variant):
        super().__init__(folder)
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        name = variant.removesuffix("-spin")
        spin = "0" if name == variant else "1"
        options.add_session_config_entry("session.intra_op.allow_spinning", spin)
        graph = folder / "bundle" / self.record["variants"][name]["files"]["model"]
        self.session = onnxruntime.InferenceSession(
            graph, options, providers=["CPUExecutionProvider"]
        )

    def logits(self, feed):
        return self.session.run(None, feed)[0]


if __name__ == "__main__":
    serve(Bare)
