"""--model static: a model that begins with nothing but a tokenizer."""

from collections.abc import Sequence
from typing import Any

from edgeft.checkpoint.model import heads_of
from edgeft.checkpoint.pretrained import quiet
from edgeft.checkpoint.tokenizer import read_tokenizer
from edgeft.errors import DependencyError, ModelError
from edgeft.inputs import Input, columns_of
from edgeft.runtime.tokenize import TextEncoder
from edgeft.tasks.task import Task
from edgeft.train.embedded import minilm_folder
from edgeft.train.models import DRAWN, EMBEDDED, NO_LIMIT, BaseModel
from edgeft.train.report import MOST_UNKNOWN, count_tokens
from edgeft.train.vocabulary import learn_tokenizer

__all__ = ["open_static"]

MOST_LENGTH = 512  # tokens; what is longer says little more about a text
# Of twice the width nothing was gained that could be told from chance, on held-out rows of intents,
# reviews and movies; pairs of neighbours, each of which few labelled rows show, cost up to a point.
WIDTH = 128  # numbers of a token's vector
INNER = 256
DROPOUT = 0.3


def open_static(inputs: Sequence[Input], task: Task) -> BaseModel:
    """A static model for the texts of ``inputs``, whose weights are still to be drawn.

    Its tokenizer is the embedded model's, or where that lacks too much of the texts one that is
    learned from them. Raises ModelError for a task that needs more than a label for each text.
    """
    from edgeft.checkpoint.static import StaticConfig, register

    register()
    if StaticConfig not in heads_of(task):
        raise ModelError(
            f"A static model gives each text one label; it is no {task.noun}.",
            hint=f"Take another model: --model {EMBEDDED}",
        )
    tokenizer, notes = _tokenizer(inputs)
    config = StaticConfig(
        vocab_size=len(tokenizer),
        hidden_size=WIDTH,
        inner=INNER,
        classifier_dropout=DROPOUT,
        pad_token_id=tokenizer.pad_token_id,
    )
    return BaseModel(DRAWN, None, None, config, tokenizer, MOST_LENGTH, notes=notes, task=task)


def _tokenizer(inputs: Sequence[Input]) -> tuple[Any, tuple[str, ...]]:
    """The tokenizer, and what there is to say of where it comes from."""
    texts = [text for one in inputs for text in columns_of(one)]
    try:
        folder = minilm_folder()
    except DependencyError:
        why = f"The tokenizer of {EMBEDDED} is not installed"
    else:
        with quiet():
            tokenizer = read_tokenizer(EMBEDDED, folder)
        unknown = _unknown_share(tokenizer, inputs)
        if unknown <= MOST_UNKNOWN:
            return tokenizer, ()
        why = f"The tokenizer of {EMBEDDED} does not know {unknown:.0%} of the tokens"
    tokenizer = learn_tokenizer(texts, max_length=MOST_LENGTH)
    return tokenizer, (
        f"{why}, so one of {len(tokenizer):,} tokens was learned from the texts of train.",
    )


def _unknown_share(tokenizer: Any, inputs: Sequence[Input]) -> float:
    encoder = TextEncoder(tokenizer.backend_tokenizer.to_str().encode(), NO_LIMIT)
    return count_tokens(encoder.encode(inputs), tokenizer.num_special_tokens_to_add()).unknown_share
