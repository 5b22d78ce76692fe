"""What the pipelines of transformers and optimum share: the use that their documentation shows."""


class HfPipeline:
    """A text-classification pipeline around the model that ``load`` of a peer gives."""

    def __init__(self, folder, threads, variant):
        import transformers

        transformers.logging.set_verbosity_error()
        self.pipeline = transformers.pipeline(
            "text-classification", model=self.load(folder, threads, variant),
            device=0 if variant == "cuda" else "cpu",
            tokenizer=transformers.AutoTokenizer.from_pretrained(folder / "checkpoint"),
        )  # fmt: skip

    def one(self, text):
        return self.pipeline(text, truncation=True)[0]["label"]

    def all(self, texts, batch):
        return [one["label"] for one in self.pipeline(texts, batch_size=batch, truncation=True)]
