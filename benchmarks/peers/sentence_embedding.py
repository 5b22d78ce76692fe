"""sentence-transformers with its ONNX backend: the cost of embedding with the same encoder."""

from serve import serve


class SentenceEmbedding:
    """Mean of the last hidden states, normalized; the encoder as optimum exported it."""

    def __init__(self, folder, threads, variant):
        import onnxruntime
        from sentence_transformers import SentenceTransformer

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        self.model = SentenceTransformer(
            str(folder / "encoder"), backend="onnx", device="cpu",
            model_kwargs={"provider": "CPUExecutionProvider", "session_options": options,
                          "file_name": "onnx/model.onnx"},
        )  # fmt: skip

    def one(self, text):
        return self.all([text], 1)[0]

    def all(self, texts, batch):
        found = self.model.encode(
            texts, batch_size=batch, normalize_embeddings=True, show_progress_bar=False
        )
        return found.tolist()


if __name__ == "__main__":
    serve(SentenceEmbedding)
