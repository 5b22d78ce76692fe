"""One side of the answering benchmark: `python -m benchmarks.answering_side SIDE WORK OUT`.

WORK holds train.json and report.json. The last line on stdout is a JSON object: the seconds from
the read rows to the saved weights, imports not counted, and exact match and F1 on report.json.
"""

import argparse
import json
import time
from pathlib import Path
from typing import Any

import torch
import transformers
from transformers import Trainer  # which loads most of the library

from benchmarks.answering import MAX_LENGTH, OVERLAP
from benchmarks.ordinary import BATCH, trainer_arguments
from benchmarks.training import side_options
from edgeft.checkpoint.open import open_checkpoint
from edgeft.checkpoint.reference import torch_told
from edgeft.inputs import Question
from edgeft.tasks import task_named
from edgeft.tasks.reading import read_examples
from edgeft.train.config import DataConfig, TrainConfig
from edgeft.train.embedded import minilm_folder
from edgeft.train.models import EMBEDDED
from edgeft.train.recipe import RecipeChoice
from edgeft.train.run import train

TASK = task_named("question-answering")


def edgeft_side(work: Path, out: Path, options: argparse.Namespace) -> float:
    """``edgeft train`` on all rows; the last epoch is kept."""
    config = TrainConfig(
        data=DataConfig(data=str(work / "train.json"), hold_out=0.0, skip_bad=True),
        recipe=RecipeChoice(
            epochs=options.epochs, batch_size=BATCH, max_length=MAX_LENGTH, seed=options.seed
        ),
        model=str(options.model) if options.model else EMBEDDED,
        device=options.device,
        threads=options.threads,
        task=TASK.name,
    )
    begin = time.perf_counter()
    train(config, out)
    return time.perf_counter() - begin


def ordinary_side(work: Path, out: Path, options: argparse.Namespace) -> float:
    """The Trainer of transformers."""
    torch.set_num_threads(options.threads)
    transformers.set_seed(options.seed)
    transformers.logging.set_verbosity_error()
    begin = time.perf_counter()
    source = options.model or minilm_folder()
    tokenizer = transformers.AutoTokenizer.from_pretrained(source, model_max_length=MAX_LENGTH)
    model = transformers.AutoModelForQuestionAnswering.from_pretrained(source, dtype=torch.float32)
    arguments = trainer_arguments(out, options)
    trainer = Trainer(
        model=model,
        args=arguments,
        train_dataset=_rows(tokenizer, work / "train.json"),
        data_collator=transformers.default_data_collator,
    )
    trainer.train()
    trainer.save_model(str(out))
    tokenizer.save_pretrained(out)
    return time.perf_counter() - begin


def _rows(tokenizer: Any, data: Path) -> list[dict[str, Any]]:
    """Windows, and where in each the answer's tokens stand: the first token where it is not."""
    examples = read_examples(data, TASK, on_bad="skip")
    asked = [one for one in examples.inputs if isinstance(one, Question)]
    encoded = tokenizer(
        [one.question for one in asked], [one.context for one in asked],
        truncation="only_second", max_length=MAX_LENGTH, stride=OVERLAP,
        return_overflowing_tokens=True, return_offsets_mapping=True, padding="max_length",
    )  # fmt: skip
    rows = []
    for at, owner in enumerate(encoded["overflow_to_sample_mapping"]):
        text, start = examples.truths[owner][0]
        end, offsets = start + len(text), encoded["offset_mapping"][at]
        places = [place for place, one in enumerate(encoded.sequence_ids(at)) if one == 1]
        first = last = 0
        if offsets[places[0]][0] <= start and end <= offsets[places[-1]][1]:
            first = max(place for place in places if offsets[place][0] <= start)
            last = min(place for place in places if end <= offsets[place][1])
        rows.append({name: encoded[name][at] for name in tokenizer.model_input_names}
                    | {"start_positions": first, "end_positions": last})  # fmt: skip
    return rows


def scores_of(folder: Path, data: Path) -> dict[str, float]:
    """Exact match and F1 of a checkpoint."""
    examples = read_examples(data, TASK, on_bad="skip")
    told = torch_told(open_checkpoint(str(folder), task=TASK.name), examples.inputs)
    scores = TASK.score(examples.truths, told.answers().given, ())
    return {name: scores.figure(name) for name in ("exact_match", "f1")}


def main() -> None:
    """Train one side and print its figures."""
    options = side_options(__doc__).parse_args()
    side = edgeft_side if options.side == "edgeft" else ordinary_side
    seconds = side(options.work, options.out, options)
    print(json.dumps({"seconds": seconds, **scores_of(options.out, options.work / "report.json")}))


if __name__ == "__main__":
    main()
