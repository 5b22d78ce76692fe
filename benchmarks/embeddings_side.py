"""One side of the benchmark of embeddings: `python -m benchmarks.embeddings_side SIDE WORK OUT`.

WORK holds train.csv, choose.csv and report.csv. The last line on stdout is a JSON object: the
seconds from the read rows to the saved weights, imports not counted, and Spearman's correlation on
report.csv, after training and before.
"""

import argparse
import json
import time
from pathlib import Path

import numpy as np
import torch
from datasets import Dataset
from sentence_transformers import (
    SentenceTransformer,
    SentenceTransformerTrainer,
    SentenceTransformerTrainingArguments,
)
from sentence_transformers.evaluation import EmbeddingSimilarityEvaluator
from sentence_transformers.losses import CoSENTLoss

from benchmarks.pair_rows import MAX_LENGTH, texts_of
from benchmarks.training import side_options
from edgeft.tasks.embeddings import TASK
from edgeft.tasks.reading import read_examples
from edgeft.tasks.similarity_metrics import score_similarities
from edgeft.train.config import DataConfig, TrainConfig
from edgeft.train.embedded import minilm_folder
from edgeft.train.models import EMBEDDED
from edgeft.train.recipe import RecipeChoice
from edgeft.train.run import train

BATCH, RATE, WARMUP = 16, 5e-5, 0.1  # of the example


def edgeft_side(work: Path, options: argparse.Namespace) -> float:
    """``edgeft train`` with its defaults, but for epochs, length, seed and a validation file."""
    config = TrainConfig(
        data=DataConfig(data=str(work / "train.csv"), validation=str(work / "choose.csv")),
        recipe=RecipeChoice(
            epochs=options.epochs, max_length=MAX_LENGTH, patience=0, seed=options.seed
        ),
        model=str(options.model) if options.model else EMBEDDED,
        device=options.device,
        threads=options.threads,
        task=TASK.name,
    )
    begin = time.perf_counter()
    train(config, options.out)
    return time.perf_counter() - begin


def ordinary_side(work: Path, options: argparse.Namespace) -> float:
    """sentence-transformers' trainer, as its example of STSbenchmark has it."""
    torch.set_num_threads(options.threads)
    begin = time.perf_counter()
    model = SentenceTransformer(str(options.model or minilm_folder()), device=options.device)
    model.max_seq_length = MAX_LENGTH
    rows = {}
    for part in ("train", "choose"):
        examples = read_examples(work / f"{part}.csv", TASK)
        first, second = texts_of(examples.inputs)
        lowest, highest = min(examples.truths), max(examples.truths)
        score = [(one - lowest) / (highest - lowest) for one in examples.truths]
        rows[part] = {"sentence1": first, "sentence2": second, "score": score}
    choose = rows["choose"]
    trainer = SentenceTransformerTrainer(
        model=model,
        args=SentenceTransformerTrainingArguments(
            output_dir=str(options.out / "work"),
            num_train_epochs=options.epochs,
            per_device_train_batch_size=BATCH,
            per_device_eval_batch_size=BATCH,
            learning_rate=RATE,
            warmup_ratio=WARMUP,
            eval_strategy="epoch",
            save_strategy="epoch",
            save_total_limit=1,
            load_best_model_at_end=True,
            metric_for_best_model="eval_choose_spearman_cosine",
            seed=options.seed,
            report_to=[],
            disable_tqdm=True,
            use_cpu=options.device == "cpu",
            bf16=options.device != "cpu",
        ),
        train_dataset=Dataset.from_dict(rows["train"]),
        loss=CoSENTLoss(model),
        evaluator=EmbeddingSimilarityEvaluator(
            choose["sentence1"], choose["sentence2"], choose["score"], name="choose",
            main_similarity="cosine", show_progress_bar=False,
        ),
    )  # fmt: skip
    trainer.train()
    model.save_pretrained(str(options.out))
    return time.perf_counter() - begin


def spearman(folder: Path, data: Path, device: str) -> float:
    """Of the cosines of a folder's vectors and a file's numbers, computed alike for both sides."""
    model = SentenceTransformer(str(folder), device=device)
    model.max_seq_length = MAX_LENGTH
    examples = read_examples(data, TASK)
    first, second = (
        model.encode(side, normalize_embeddings=True, show_progress_bar=False)
        for side in texts_of(examples.inputs)
    )
    cosines = (np.asarray(first) * np.asarray(second)).sum(axis=1)
    return score_similarities(examples.truths, cosines).figure("spearman")


def main() -> None:
    """Train one side and print its figures."""
    options = side_options(__doc__).parse_args()
    side = edgeft_side if options.side == "edgeft" else ordinary_side
    seconds = side(options.work, options)
    report = options.work / "report.csv"
    found = {
        "spearman": spearman(options.out, report, options.device),
        "before": spearman(options.model or minilm_folder(), report, options.device),
    }
    print(json.dumps({"seconds": seconds, **found}))


if __name__ == "__main__":
    main()
