"""The pipeline of transformers around optimum's ORTModel, with the very graph that edgeft runs."""

from hf_pipeline import HfPipeline
from serve import serve


class OptimumPipeline(HfPipeline):
    """On onnxruntime."""

    def load(self, folder, kind, threads, variant):
        import onnxruntime
        from optimum import onnxruntime as models

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        return getattr(models, f"ORTModelFor{kind}").from_pretrained(
            folder / "bundle", subfolder="onnx", file_name="model.onnx", session_options=options
        )


if __name__ == "__main__":
    serve(OptimumPipeline)
