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
        # Version 0.1 wrote the task and the labels beside its models.
        self.labels = self.record.get("labels") or manifest["labels"]
        self.tags = (self.record.get("task") or manifest["task"]) == "token-classification"
        self.tokenizer = Tokenizer.from_file(str(folder / "bundle" / "tokenizer.json"))
        self.tokenizer.no_padding()
        self.tokenizer.enable_truncation(self.record["max_length"])

    def one(self, text):
        return self.run([text], [self.tokenizer.encode(text)])[0]

    def all(self, texts, batch):
        encode = self.tokenizer.encode_batch if self.tags else self.tokenizer.encode_batch_fast
        rows = encode(texts)
        order = sorted(range(len(rows)), key=lambda at: -len(rows[at].ids))
        found = [None] * len(rows)
        for begin in range(0, len(order), batch):
            places = order[begin : begin + batch]
            some = self.run([texts[at] for at in places], [rows[at] for at in places])
            for at, answer in zip(places, some, strict=True):
                found[at] = answer
        return found

    def run(self, texts, rows):
        logits = self.logits(self.feed([row.ids for row in rows]))
        ids = logits.argmax(axis=-1)
        if not self.tags:
            return [self.labels[at] for at in ids]
        weights = self.numpy.exp(logits - logits.max(axis=-1, keepdims=True))
        scores = 1 / weights.sum(axis=-1)  # of the likeliest tag
        tags = [[self.labels[at] for at in some] for some in ids.tolist()]
        return [
            [one[:3] for one in entities(*some)]
            for some in zip(texts, rows, tags, scores.tolist(), strict=True)
        ]

    def feed(self, rows):
        longest = max(map(len, rows))
        ids = self.numpy.zeros((len(rows), longest), self.numpy.int64)
        mask = self.numpy.zeros_like(ids)
        for at, row in enumerate(rows):
            ids[at, : len(row)] = row
            mask[at, : len(row)] = 1
        return {"input_ids": ids, "attention_mask": mask,
                "token_type_ids": self.numpy.zeros_like(ids)}  # fmt: skip


def entities(text, row, tags, scores):
    """[type, start, end, score] of a text's entities: a word's tag is that of its first piece.

    An I- behind another type begins an entity; the score is the mean of its words'.
    """
    found, open_type, before = [], None, None
    for place, (word, (start, end)) in enumerate(zip(row.word_ids, row.offsets, strict=True)):
        if word is None:
            continue
        if word != before:
            before = word
            mark, _, kind = tags[place].partition("-")
            if mark == "O":
                open_type = None
            elif mark == "I" and kind == open_type:
                found[-1][2] = end
                found[-1][3].append(scores[place])
            else:
                open_type = kind
                found.append([kind, start, end, [scores[place]]])
        elif open_type is not None:
            found[-1][2] = end
    for one in found:
        while text[one[1]].isspace():
            one[1] += 1
        while text[one[2] - 1].isspace():
            one[2] -= 1
        one[3] = sum(one[3]) / len(one[3])
    return found
