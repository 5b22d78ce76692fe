"""The models that are carried to a GPU machine, and the bundles that edgeft exports of them.

- minilm: the embedded all-MiniLM-L6-v2, fine-tuned on the first of the data and then rounded to
  half precision, so that fp32 and fp16 compute the same function and fp32 packs to half its size.
- others: any checkpoint of edgeft's, of any task, rounded like the first.
- distilbert: DistilBERT's shape (6 layers of 768) over MiniLM's tokenizer. Its weights are a few
  thousand numbers again and again, of the spread with which DistilBERT's own begin (0.02): as quick
  as any others, and 66 million of them pack to next to nothing.
"""

from pathlib import Path

import torch
import transformers

from benchmarks.gpu import kit
from edgeft.checkpoint.open import open_checkpoint
from edgeft.checkpoint.pretrained import quiet
from edgeft.export.run import ExportConfig, export
from edgeft.train.config import DataConfig, TrainConfig
from edgeft.train.embedded import minilm_folder
from edgeft.train.recipe import RecipeChoice
from edgeft.train.run import train

__all__ = ["bundle", "distilbert", "minilm", "other"]

MAX_LENGTH = 256  # tokens: what all-MiniLM was made for
SPREAD = 0.02
PATTERN = 4099  # a prime, so that no two rows of a matrix are alike
LABELS = {0: "no", 1: "yes"}


def minilm(folder: Path, data: Path, work: Path, *, epochs: int = 1) -> None:
    """Fine-tune MiniLM on a labelled file, and write it in half precision."""
    trained = work / "trained"
    train(
        TrainConfig(
            data=DataConfig(data=str(data)),
            recipe=RecipeChoice(epochs=epochs, max_length=MAX_LENGTH),
            device="cpu",
        ),
        trained,
    )
    with quiet():
        tokenizer = transformers.AutoTokenizer.from_pretrained(trained)
        model = transformers.AutoModelForSequenceClassification.from_pretrained(trained)
        _write(model, tokenizer, folder)


def other(checkpoint: Path, folder: Path) -> None:
    """Write a checkpoint in half precision."""
    opened = open_checkpoint(str(checkpoint))
    with quiet():
        _write(opened.model, opened.tokenizer, folder)


def distilbert(folder: Path) -> None:
    """Write a model of DistilBERT's shape with a head of two labels."""
    with quiet():
        tokenizer = transformers.AutoTokenizer.from_pretrained(
            minilm_folder(), model_max_length=MAX_LENGTH
        )
        torch.manual_seed(0)
        config = transformers.DistilBertConfig(
            vocab_size=len(tokenizer), num_labels=len(LABELS), id2label=LABELS
        )
        model = transformers.AutoModelForSequenceClassification.from_config(config)
        pattern = SPREAD * torch.randn(PATTERN)
        with torch.no_grad():
            for at, parameter in enumerate(model.parameters()):
                if parameter.dim() > 1:
                    times = parameter.numel() // PATTERN + 1
                    own = pattern.roll(31 * at)  # equal matrices would become one, and not fuse
                    parameter.copy_(own.repeat(times)[: parameter.numel()].view_as(parameter))
        _write(model, tokenizer, folder)


def bundle(
    checkpoint: Path,
    folder: Path,
    data: Path | None,
    variants: tuple[str, ...] = kit.VARIANTS,
) -> None:
    """Export the kit's variants of a checkpoint, held to labelled rows where there are some."""
    with quiet():
        export(ExportConfig(str(checkpoint), folder, data=data, variants=variants))


def _write(
    model: transformers.PreTrainedModel,
    tokenizer: transformers.PreTrainedTokenizerBase,
    folder: Path,
) -> None:
    model.half().save_pretrained(folder)
    tokenizer.save_pretrained(folder)
