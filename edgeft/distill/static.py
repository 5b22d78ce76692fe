"""A static student's first vectors: what the teacher's encoder says of each token by itself."""

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from edgeft.checkpoint.open import Checkpoint
from edgeft.checkpoint.static import new_static
from edgeft.progress import Progress, silent
from edgeft.runtime.cpu import usable_cores
from edgeft.settings import torch_threads
from edgeft.train.objectives import objective_named

__all__ = ["begin_static", "principal", "rarities", "token_vectors"]

WIDTH = 256  # of a vector; in int8 a vocabulary of 30,522 then takes 8 MB
INNER = 256  # of the perceptron
DROPOUT = 0.2
BATCH = 512  # tokens at a time, each a text of its own

Floats = NDArray[np.float32]


def begin_static(
    teacher: Checkpoint, *, bigrams: int = 0, seed: int, progress: Progress = silent
) -> Any:
    """A static student of a teacher's labels and tokenizer, which has learned nothing yet.

    ``bigrams`` are the vectors that pairs of neighbours share by their hash; 0 leaves pairs out.
    """
    vectors = principal(token_vectors(teacher, progress), WIDTH)
    weights = rarities(len(vectors))
    weights[[one for one in teacher.tokenizer.all_special_ids if one < len(weights)]] = 0
    return new_static(
        vectors,
        weights,
        objective_named(teacher.task.name).config(teacher.labels),
        inner=INNER,
        dropout=DROPOUT,
        bigrams=bigrams,
        pad_id=teacher.pad_id,
        seed=seed,
    )


def rarities(tokens: int) -> Floats:
    """(V,) float32: how much each token counts at first, 1 on average.

    The logarithm of its rank, as Model2Vec has it: vocabularies begin with what is common, and a
    common word says little (Zipf). Training then learns them.
    """
    logarithms = np.log1p(np.arange(tokens, dtype=np.float64))
    return (logarithms / (logarithms.mean() or 1.0)).astype(np.float32)


def token_vectors(teacher: Checkpoint, progress: Progress = silent) -> Floats:
    """(V, H) float32: of each token of the vocabulary the encoder's last hidden state, where it
    stands alone between the special tokens.

    As Model2Vec does (Tulkens and van Dongen 2024); a fine-tuned encoder's also tell what the
    labels are about.
    """
    size = teacher.config.vocab_size
    frame = teacher.tokenizer.build_inputs_with_special_tokens([-1])
    place = frame.index(-1)
    encoder = teacher.model.base_model
    found: Floats = np.empty((size, teacher.config.hidden_size), np.float32)
    with torch.inference_mode(), torch_threads(usable_cores()):
        for begin in range(0, size, BATCH):
            ids = torch.tensor([
                [one if one >= 0 else token for one in frame]
                for token in range(begin, min(begin + BATCH, size))
            ])  # (B, T) int64  # fmt: skip
            states = encoder(input_ids=ids, attention_mask=torch.ones_like(ids)).last_hidden_state
            found[begin : begin + len(ids)] = states[:, place].numpy()
            progress("reading the vocabulary", min(begin + BATCH, size), size)
    return found


def principal(vectors: Floats, width: int) -> Floats:
    """(V, width) float32: the vectors along their principal components, the largest first.

    Centred, and scaled so that a vector's mean square is 1. Fewer columns where the vectors have no
    more.
    """
    centred = vectors.astype(np.float64) - vectors.mean(0, dtype=np.float64)
    _, axes = np.linalg.eigh(centred.T @ centred)  # (H,), (H, H): the largest last
    found = centred @ axes[:, ::-1][:, :width]  # (V, width)
    spread = np.sqrt(np.mean(found**2))
    scaled: Floats = (found / (spread or 1.0)).astype(np.float32)
    return scaled
