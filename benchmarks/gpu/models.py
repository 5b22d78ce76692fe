"""The models that are carried to a GPU machine, and the bundles that edgeft exports of them.

- minilm: the embedded all-MiniLM-L6-v2, its weights rounded to half precision, so that fp32 and
  fp16 compute the same function and fp32 packs to little more than half its size.
- distilbert: DistilBERT's shape (6 layers of 768) over MiniLM's tokenizer. Its weights are a few
  thousand numbers again and again, of the spread with which DistilBERT's own begin (0.02): as quick
  as any others, and 66 million of them pack to a small part of their size.
"""

from pathlib import Path

import torch
import transformers

from edgeft.export.run import ExportConfig, export
from edgeft.pretrained import quiet
from edgeft.train.embedded import minilm_folder

__all__ = ["NAMES", "bundle", "checkpoint"]

NAMES = ("minilm", "distilbert")
MAX_LENGTH = 256  # tokens: what all-MiniLM was made for
SPREAD = 0.02
PATTERN = 4099  # a prime, so that no two rows of a matrix are alike
LABELS = {0: "no", 1: "yes"}


def checkpoint(name: str, folder: Path) -> None:
    """Write a model of NAMES with a head of two labels, in half precision."""
    source = minilm_folder()
    with quiet():
        tokenizer = transformers.AutoTokenizer.from_pretrained(source, model_max_length=MAX_LENGTH)
        torch.manual_seed(0)
        model = _minilm(source) if name == "minilm" else _distilbert(tokenizer)
        model.half().save_pretrained(folder)
        tokenizer.save_pretrained(folder)


def bundle(checkpoint: Path, folder: Path) -> None:
    """Export fp32, int8 and fp16 of a checkpoint."""
    export(ExportConfig(checkpoint=str(checkpoint), out=folder, variants=("fp32", "int8", "fp16")))


def _minilm(source: Path) -> transformers.PreTrainedModel:
    model = transformers.AutoModelForSequenceClassification.from_pretrained(
        source, num_labels=len(LABELS), id2label=LABELS
    )
    torch.nn.init.normal_(model.classifier.weight, std=0.3)  # else all logits are alike
    return model


def _distilbert(tokenizer: transformers.PreTrainedTokenizerBase) -> transformers.PreTrainedModel:
    config = transformers.DistilBertConfig(
        vocab_size=len(tokenizer), num_labels=len(LABELS), id2label=LABELS
    )
    model = transformers.AutoModelForSequenceClassification.from_config(config)
    pattern = SPREAD * torch.randn(PATTERN)
    with torch.no_grad():
        for at, parameter in enumerate(model.parameters()):
            if parameter.dim() > 1:
                times = parameter.numel() // PATTERN + 1
                own = pattern.roll(31 * at)  # equal matrices would become one, and fuse no more
                parameter.copy_(own.repeat(times)[: parameter.numel()].view_as(parameter))
    return model
