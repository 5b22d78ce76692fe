"""The same pipeline with its model compiled by torch.compile, for texts of any length."""

from serve import serve
from torch_pipeline import TorchPipeline


class TorchCompiled(TorchPipeline):
    """Compiled at the first calls; the compiler's own cache lives on between processes."""

    def load(self, folder, threads, variant):
        import torch

        model = super().load(folder, threads, variant)
        model.forward = torch.compile(model.forward, dynamic=True)
        return model


if __name__ == "__main__":
    serve(TorchCompiled)
