"""The pipeline of transformers on torch: fp32 on a CPU, fp16 with fused attention on a GPU."""

from hf_pipeline import HfPipeline
from serve import serve


class TorchPipeline(HfPipeline):
    """``variant`` "cuda" runs on a GPU."""

    def load(self, folder, kind, threads, variant):
        import torch
        import transformers

        torch.set_num_threads(threads)
        dtype = torch.float16 if variant == "cuda" else torch.float32
        return getattr(transformers, f"AutoModelFor{kind}").from_pretrained(
            folder / "checkpoint", dtype=dtype, attn_implementation="sdpa"
        )


if __name__ == "__main__":
    serve(TorchPipeline)
