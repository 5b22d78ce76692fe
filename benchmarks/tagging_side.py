"""One side of the tagging benchmark: `python -m benchmarks.tagging_side SIDE WORK OUT`.

WORK holds train.conll, choose.conll and report.conll. The last line on stdout is a JSON object:
the seconds from the read rows to the saved weights, imports not counted, and the entity F1 on
report.conll.
"""

import argparse
import json
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
import transformers
from transformers import Trainer  # which loads most of the library

from benchmarks.ordinary import ranked_by, trained_by_edgeft, trainer_arguments
from benchmarks.tagging import MAX_LENGTH, Sentence, sentences_of
from benchmarks.training import side_options
from edgeft.tasks.entity_metrics import score_entities
from edgeft.tasks.tags import NONE
from edgeft.train.embedded import minilm_folder

IGNORED = -100


def spans(tags: Sequence[str], kinds: dict[str, int]) -> tuple[tuple[int, int, int], ...]:
    """(first word, word behind, type) of each entity; an I- that follows nothing begins one."""
    found: list[tuple[int, int, int]] = []
    open_kind, begin = "", 0
    for at, tag in enumerate([*tags, NONE]):
        mark, _, kind = tag.partition("-")
        if open_kind and (mark != "I" or kind != open_kind):
            found.append((begin, at, kinds.setdefault(open_kind, len(kinds))))
            open_kind = ""
        if mark in ("B", "I") and not open_kind:
            open_kind, begin = kind, at
    return tuple(found)


def ordinary_side(work: Path, out: Path, options: argparse.Namespace) -> float:
    """The Trainer of transformers."""
    torch.set_num_threads(options.threads)
    transformers.set_seed(options.seed)
    transformers.logging.set_verbosity_error()
    begin = time.perf_counter()
    source = options.model or minilm_folder()
    tokenizer = transformers.AutoTokenizer.from_pretrained(source)
    parts = {part: sentences_of(work / f"{part}.conll") for part in ("train", "choose")}
    labels = sorted({tag for one in parts["train"] for tag in one.tags})
    model = transformers.AutoModelForTokenClassification.from_pretrained(
        source,
        num_labels=len(labels),
        id2label=dict(enumerate(labels)),
        label2id={label: at for at, label in enumerate(labels)},
        dtype=torch.float32,
    )
    arguments = trainer_arguments(out, options, **ranked_by("f1"))
    rows = {part: _rows(tokenizer, some, labels) for part, some in parts.items()}

    def score(one: Any) -> dict[str, float]:
        given = one.predictions.argmax(-1)
        kinds: dict[str, int] = {}
        pairs = [
            (
                spans([labels[at] for at in truth[asked]], kinds),
                spans([labels[at] for at in found[asked]], kinds),
            )
            for truth, found in zip(one.label_ids, given, strict=True)
            if (asked := truth != IGNORED).any()
        ]
        return {"f1": _f1([a for a, _ in pairs], [b for _, b in pairs], kinds)}

    trainer = Trainer(
        model=model,
        args=arguments,
        train_dataset=rows["train"],
        eval_dataset=rows["choose"],
        data_collator=transformers.DataCollatorForTokenClassification(tokenizer),
        compute_metrics=score,
    )
    trainer.train()
    trainer.save_model(str(out))
    tokenizer.save_pretrained(out)
    return time.perf_counter() - begin


def _rows(tokenizer: Any, sentences: list[Sentence], labels: list[str]) -> list[dict[str, Any]]:
    encoded = tokenizer(
        [one.words for one in sentences], is_split_into_words=True, truncation=True,
        max_length=MAX_LENGTH,
    )  # fmt: skip
    rows = []
    for at, one in enumerate(sentences):
        words = encoded.word_ids(at)
        rows.append(
            {
                "input_ids": encoded["input_ids"][at],
                "attention_mask": encoded["attention_mask"][at],
                "labels": [
                    labels.index(one.tags[word])
                    if word is not None and word != words[place - 1]
                    else IGNORED
                    for place, word in enumerate(words)
                ],
            }
        )
    return rows


def _f1(truths: Any, answers: Any, kinds: dict[str, int]) -> float:
    names = [name for name, _ in sorted(kinds.items(), key=lambda one: one[1])]
    return score_entities(truths, answers, names).overall.f1


def f1_of(folder: Path, sentences: Sequence[Sentence], device: str = "cpu") -> float:
    """The entity F1 of a checkpoint."""
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    model = transformers.AutoModelForTokenClassification.from_pretrained(folder)
    model = model.to(device).eval()
    kinds: dict[str, int] = {}
    truths, answers = [], []
    order = sorted(range(len(sentences)), key=lambda at: len(sentences[at].words))
    for begin in range(0, len(order), 64):
        some = [sentences[at] for at in order[begin : begin + 64]]
        batch = tokenizer(
            [one.words for one in some], is_split_into_words=True, padding=True, truncation=True,
            max_length=MAX_LENGTH, return_tensors="pt",
        ).to(device)  # fmt: skip
        with torch.inference_mode():
            found = model(**batch).logits.argmax(-1).tolist()
        for at, one in enumerate(some):
            words, tags = batch.word_ids(at), [NONE] * len(one.words)
            for place, word in enumerate(words):
                if word is not None and word != words[place - 1]:
                    tags[word] = model.config.id2label[found[at][place]]
            truths.append(spans(one.tags, kinds))
            answers.append(spans(tags, kinds))
    return _f1(truths, answers, kinds)


def main() -> None:
    """Train one side and print its figures."""
    options = side_options(__doc__).parse_args()
    if options.side == "edgeft":
        files = (options.work / "train.conll", options.work / "choose.conll")
        task = "token-classification"
        seconds = trained_by_edgeft(*files, options, max_length=MAX_LENGTH, task=task)
    else:
        seconds = ordinary_side(options.work, options.out, options)
    found = f1_of(options.out, sentences_of(options.work / "report.conll"), options.device)
    print(json.dumps({"seconds": seconds, "f1": found}))


if __name__ == "__main__":
    main()
