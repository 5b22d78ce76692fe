"""Training a tagger against the ordinary recipe: `python -m benchmarks.tagging train.conll …`.

The ordinary recipe is that of most scripts for token classification with the Trainer of
transformers: the words as they are given, the label on the first piece of each, batches drawn at
random and padded to their longest text, every epoch saved and scored, the best kept. Both sides
start from the same encoder, get the same sentences to train, choose and report on, the same
epochs, batch size and learning rate, and are measured in processes of their own that take turns,
from the read rows to the saved weights. Their F1 is computed alike: the tag of a word is that of
its first piece, an entity is right where its words and its type are (strict, micro).
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import mean, median
from typing import Any

import torch
import transformers
from transformers import Trainer, TrainingArguments  # which loads most of the library

from benchmarks.compare import RESULTS, ROOT
from edgeft.bench.machine import describe_machine
from edgeft.tasks.entity_metrics import score_entities
from edgeft.tasks.tags import NONE
from edgeft.train.config import DataConfig, TrainConfig
from edgeft.train.embedded import minilm_folder
from edgeft.train.recipe import RecipeChoice, default_learning_rate
from edgeft.train.run import train

SIDES = ("edgeft", "ordinary")
BATCH = 32
WIDTH = 384  # of MiniLM
MAX_LENGTH = 128  # tokens
CHOOSING = 20  # every so many-th sentence of train ranks the epochs
IGNORED = -100
# What was to be reached: of the ordinary recipe's time, points of F1 below it, and F1 itself.
MOST_TIME, MOST_POINTS, LEAST_F1 = 0.5, 0.5, 0.78


@dataclass(frozen=True)
class Sentence:
    """Words, and the tag of each."""

    words: list[str]
    tags: list[str]


def sentences_of(path: Path) -> list[Sentence]:
    """The sentences of a file with a word and a tag a line."""
    blocks = path.read_text(encoding="utf-8").strip().split("\n\n")
    rows = [[line.split() for line in block.split("\n") if line.strip()] for block in blocks]
    return [Sentence([row[0] for row in one], [row[-1] for row in one]) for one in rows if one]


def write(path: Path, sentences: Sequence[Sentence]) -> None:
    """Write such a file."""
    blocks = ["\n".join(f"{w} {t}" for w, t in zip(one.words, one.tags, strict=True))
              for one in sentences]  # fmt: skip
    path.write_text("\n\n".join(blocks) + "\n", encoding="utf-8")


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


def edgeft_side(work: Path, out: Path, options: argparse.Namespace) -> float:
    """``edgeft train`` with a file that ranks the epochs."""
    config = TrainConfig(
        data=DataConfig(data=str(work / "train.conll"), validation=str(work / "choose.conll")),
        recipe=RecipeChoice(
            epochs=options.epochs, batch_size=BATCH, max_length=MAX_LENGTH, patience=0,
            seed=options.seed,
        ),
        device="cpu",
        threads=options.threads,
        task="token-classification",
    )  # fmt: skip
    begin = time.perf_counter()
    train(config, out)
    return time.perf_counter() - begin


def ordinary_side(work: Path, out: Path, options: argparse.Namespace) -> float:
    """The Trainer of transformers."""
    torch.set_num_threads(options.threads)
    transformers.set_seed(options.seed)
    transformers.logging.set_verbosity_error()
    begin = time.perf_counter()
    tokenizer = transformers.AutoTokenizer.from_pretrained(minilm_folder())
    parts = {part: sentences_of(work / f"{part}.conll") for part in ("train", "choose")}
    labels = sorted({tag for one in parts["train"] for tag in one.tags})
    model = transformers.AutoModelForTokenClassification.from_pretrained(
        minilm_folder(),
        num_labels=len(labels),
        id2label=dict(enumerate(labels)),
        label2id={label: at for at, label in enumerate(labels)},
        dtype=torch.float32,
    )
    arguments = TrainingArguments(
        output_dir=str(out / "work"),
        num_train_epochs=options.epochs,
        per_device_train_batch_size=BATCH,
        per_device_eval_batch_size=BATCH,
        learning_rate=default_learning_rate(WIDTH),
        weight_decay=0.01,
        eval_strategy="epoch",
        save_strategy="epoch",
        save_total_limit=1,
        load_best_model_at_end=True,
        metric_for_best_model="f1",
        seed=options.seed,
        report_to=[],
        disable_tqdm=True,
        use_cpu=True,
    )
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


def f1_of(folder: Path, sentences: Sequence[Sentence]) -> float:
    """The entity F1 of a checkpoint."""
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    model = transformers.AutoModelForTokenClassification.from_pretrained(folder).eval()
    kinds: dict[str, int] = {}
    truths, answers = [], []
    order = sorted(range(len(sentences)), key=lambda at: len(sentences[at].words))
    for begin in range(0, len(order), 64):
        some = [sentences[at] for at in order[begin : begin + 64]]
        batch = tokenizer(
            [one.words for one in some], is_split_into_words=True, padding=True, truncation=True,
            max_length=MAX_LENGTH, return_tensors="pt",
        )  # fmt: skip
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
    """Train both sides with each seed, print the table, keep it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path, help="a word and a tag a line")
    parser.add_argument("--test", type=Path, required=True)
    parser.add_argument("--name", help="of the row; else the data's folder")
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rows", type=int, help="train on the first so many sentences")
    parser.add_argument("--side", choices=SIDES, help=argparse.SUPPRESS)
    parser.add_argument("--seed", type=int, default=0, help=argparse.SUPPRESS)
    parser.add_argument("-o", "--out", type=Path, default=RESULTS / "tagging.json")
    chosen = parser.parse_args()
    if chosen.side:
        side = edgeft_side if chosen.side == "edgeft" else ordinary_side
        seconds = side(chosen.data, chosen.out, chosen)
        print(json.dumps({"seconds": seconds, "f1": f1_of(chosen.out, sentences_of(chosen.test))}))
        return
    given = sentences_of(chosen.data)[: chosen.rows]
    with tempfile.TemporaryDirectory(prefix="edgeft-bench-") as name:
        work = Path(name)
        write(work / "train.conll", [one for at, one in enumerate(given) if at % CHOOSING])
        write(work / "choose.conll", given[::CHOOSING])
        runs = []
        for seed in range(chosen.seeds):
            for side_name in SIDES if seed % 2 == 0 else SIDES[::-1]:
                run = _run(work, side_name, seed, chosen)
                runs.append({"side": side_name, "seed": seed, **run})
                print(f"{side_name}, seed {seed}: {run['seconds']:.0f} s, F1 {run['f1']:.4f}",
                      file=sys.stderr, flush=True)  # fmt: skip
    row = {
        "name": chosen.name or chosen.data.parent.name,
        "machine": describe_machine().to_dict(),
        "sentences": len(given),
        "epochs": chosen.epochs,
        "threads": chosen.threads,
        "runs": runs,
        **summary(runs),
    }
    chosen.out.parent.mkdir(parents=True, exist_ok=True)
    chosen.out.write_text(json.dumps({"method": __doc__, "rows": [row]}, indent=2) + "\n")
    print("| data | sentences | epochs | edgeft | ordinary | share of the time | entity F1, edgeft "
          "| ordinary |\n" + "| --- " * 8 + "|")  # fmt: skip
    print(f"| {row['name']} | {len(given):,} | {chosen.epochs} | {row['edgeft_s']:.0f} s | "
          f"{row['ordinary_s']:.0f} s | {row['time_ratio']:.2f} | {row['edgeft_f1']:.4f} | "
          f"{row['ordinary_f1']:.4f} |")  # fmt: skip
    for what, met in (
        (f"At most {MOST_TIME} of the time", row["time_ratio"] <= MOST_TIME),
        (f"at most {MOST_POINTS} points less",
         100 * (row["ordinary_f1"] - row["edgeft_f1"]) <= MOST_POINTS),
        (f"F1 of at least {LEAST_F1}", row["edgeft_f1"] >= LEAST_F1),
    ):  # fmt: skip
        print(f"{what}: {'met' if met else 'missed'}.")


def summary(runs: Sequence[dict[str, Any]]) -> dict[str, float]:
    """Medians of the seconds and of their ratio by seed, means of F1."""
    by_side = {side: sorted((run for run in runs if run["side"] == side),
                            key=lambda run: int(run["seed"])) for side in SIDES}  # fmt: skip
    pairs = zip(by_side["edgeft"], by_side["ordinary"], strict=True)
    return {
        **{f"{side}_s": median(run["seconds"] for run in some) for side, some in by_side.items()},
        **{f"{side}_f1": mean(run["f1"] for run in some) for side, some in by_side.items()},
        "time_ratio": median(ours["seconds"] / theirs["seconds"] for ours, theirs in pairs),
    }


def _run(work: Path, side: str, seed: int, chosen: argparse.Namespace) -> dict[str, Any]:
    command = [
        sys.executable, "-m", "benchmarks.tagging", work, "--test", chosen.test.resolve(),
        "--side", side, "--seed", seed, "--epochs", chosen.epochs, "--threads", chosen.threads,
        "-o", work / f"{side}-{seed}",
    ]  # fmt: skip
    done = subprocess.run(
        list(map(str, command)), cwd=ROOT, capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        raise SystemExit(f"{side} ended with status {done.returncode}: {done.stderr[-2000:]}")
    answer: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return answer


if __name__ == "__main__":
    main()
