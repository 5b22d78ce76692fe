"""fastembed: the cost of embedding with the same encoder."""

from serve import serve

NAME = "benchmark/encoder"


class FastEmbed:
    """Mean of the last hidden states, normalized; the encoder as optimum exported it."""

    def __init__(self, folder, threads, variant):
        from fastembed import TextEmbedding
        from fastembed.common.model_description import ModelSource, PoolingType

        TextEmbedding.add_custom_model(
            model=NAME, pooling=PoolingType.MEAN, normalization=True,
            sources=ModelSource(hf=NAME), dim=384, model_file="onnx/model.onnx",
        )  # fmt: skip
        self.model = TextEmbedding(
            model_name=NAME, specific_model_path=str(folder / "encoder"), threads=threads
        )

    def one(self, text):
        return next(iter(self.model.embed([text], batch_size=1))).tolist()

    def all(self, texts, batch):
        return [one.tolist() for one in self.model.embed(texts, batch_size=batch)]


if __name__ == "__main__":
    serve(FastEmbed)
