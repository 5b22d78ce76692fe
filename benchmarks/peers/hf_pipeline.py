"""What the pipelines of transformers and optimum share: the use that their documentation shows."""

import json

KINDS = {
    "text-classification": "SequenceClassification",
    "token-classification": "TokenClassification",
}


class HfPipeline:
    """The pipeline of the bundle's task around the model that ``load`` of a peer gives."""

    def __init__(self, folder, threads, variant):
        import transformers

        transformers.logging.set_verbosity_error()
        manifest = json.loads((folder / "bundle" / "edgeft.json").read_text(encoding="utf-8"))
        task = manifest["models"]["main"].get("task") or manifest["task"]
        self.tags = task == "token-classification"
        self.options = {"aggregation_strategy": "first"} if self.tags else {"truncation": True}
        self.pipeline = transformers.pipeline(
            task, model=self.load(folder, KINDS[task], threads, variant),
            device=0 if variant == "cuda" else "cpu",
            tokenizer=transformers.AutoTokenizer.from_pretrained(folder / "checkpoint"),
        )  # fmt: skip

    def one(self, text):
        found = self.pipeline(text, **self.options)
        return self.told(found if self.tags else found[0])

    def all(self, texts, batch):
        found = self.pipeline(texts, batch_size=batch, **self.options)
        return [self.told(one) for one in found]

    def told(self, answer):
        if self.tags:
            return [[one["entity_group"], one["start"], one["end"]] for one in answer]
        return answer["label"]
