"""edgeft's vectors, from the base install."""

from serve import serve


class EdgeftEmbedding:
    """The encoder's bundle, whose graph pools and normalizes."""

    def __init__(self, folder, threads, variant):
        import edgeft

        self.model = edgeft.load(
            folder / "vectors", device="cpu", variant=variant, threads=threads,
        )  # fmt: skip

    def one(self, text):
        return self.all([text], None)[0]

    def all(self, texts, batch):
        return self.model.embed(texts).tolist()


if __name__ == "__main__":
    serve(EdgeftEmbedding)
