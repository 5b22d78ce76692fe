"""What hand-written loops share: texts sorted by length and padded to a batch's longest."""

import json


class PaddedLoop:
    """A careful loop around ``logits(feed)``, which a peer defines."""

    def __init__(self, folder):
        import numpy
        from tokenizers import Tokenizer

        self.numpy = numpy
        manifest = json.loads((folder / "bundle" / "edgeft.json").read_text(encoding="utf-8"))
        self.record = manifest["models"]["main"]
        # Version 0.1 wrote the labels beside its models.
        self.labels = self.record.get("labels") or manifest["labels"]
        self.tokenizer = Tokenizer.from_file(str(folder / "bundle" / "tokenizer.json"))
        self.tokenizer.no_padding()
        self.tokenizer.enable_truncation(self.record["max_length"])

    def one(self, text):
        return self.run([self.tokenizer.encode(text).ids])[0]

    def all(self, texts, batch):
        ids = [one.ids for one in self.tokenizer.encode_batch_fast(texts)]
        order = sorted(range(len(ids)), key=lambda at: -len(ids[at]))
        labels = [None] * len(ids)
        for begin in range(0, len(order), batch):
            places = order[begin : begin + batch]
            for at, label in zip(places, self.run([ids[at] for at in places]), strict=True):
                labels[at] = label
        return labels

    def run(self, rows):
        return [self.labels[at] for at in self.logits(self.feed(rows)).argmax(axis=1)]

    def feed(self, rows):
        longest = max(map(len, rows))
        ids = self.numpy.zeros((len(rows), longest), self.numpy.int64)
        mask = self.numpy.zeros_like(ids)
        for at, row in enumerate(rows):
            ids[at, : len(row)] = row
            mask[at, : len(row)] = 1
        return {"input_ids": ids, "attention_mask": mask,
                "token_type_ids": self.numpy.zeros_like(ids)}  # fmt: skip
