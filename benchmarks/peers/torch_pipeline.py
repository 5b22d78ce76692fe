"""The pipeline of transformers on torch: fp32 on a CPU, fp16 with fused attention on a GPU."""

from hf_pipeline import HfPipeline
from serve import serve


class TorchPipeline(HfPipeline):
    """``variant`` "cuda" runs on a GPU."""

    def load(self, folder, threads, variant):
        import torch
        import transformers

        torch.set_num_threads(threads)
        kind = torch.float16 if variant == "cuda" else torch.float32
        return transformers.AutoModelForSequenceClassification.from_pretrained(
            folder / "checkpoint", dtype=kind, attn_implementation="sdpa"
        )


if __name__ == "__main__":
    serve(TorchPipeline)
