"""Vectors of texts: in the form in which they are kept, and which of them may be compared."""

import zipfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from edgeft.errors import DataError, UsageError
from edgeft.inputs import Input
from edgeft.runtime.texts import one_by_one
from edgeft.runtime.vector_files import write_vectors
from edgeft.tasks.outputs import Array
from edgeft.tasks.prompts import prompt_of
from edgeft.tasks.vectors import of_length_1, told_vectors

if TYPE_CHECKING:
    from edgeft.runtime.model import Model

__all__ = ["VectorForm", "Vectors", "Written", "embedded", "in_form", "vectors_of",
           "write_embedded"]  # fmt: skip

VectorForm = Literal["float32", "int8", "binary"]
FORMS: tuple[VectorForm, ...] = get_args(VectorForm)
# int8 reaches so far in units of 1 / sqrt(D), which is what the numbers of a vector of length 1 and
# D dimensions are like on average. Few are larger, and they are told as the largest.
WIDEST = 8.0
MOST = 127
KEPT = ("array", "digest", "form", "dimensions")


def embedded(
    model: "Model[Any]",
    texts: Sequence[str],
    dimensions: int | None,
    prompt: str | None,
    form: VectorForm,
) -> NDArray[Any]:
    """See ``Model.embed``."""
    width = _check(model, dimensions, form)
    groups = [in_form(one, form) for one, _ in _groups(model, texts, width, prompt)]
    return np.concatenate(groups) if groups else in_form(np.zeros((0, width), np.float32), form)


@dataclass(frozen=True)
class Written:
    """So many vectors were written, of which so many are of texts that were cut."""

    rows: int
    truncated: int


def write_embedded(
    model: "Model[Any]",
    texts: Iterable[str],
    path: Path,
    dimensions: int | None = None,
    *,
    prompt: str | None = None,
    form: VectorForm = "float32",
) -> Written:
    """Write the vectors of texts to a file, whole or not at all, in bounded memory.

    A row is that of a text, in their order. For .npz and .npy see ``vector_files``. Raises what
    ``Model.embed`` raises, and OutputError.
    """
    width = _check(model, dimensions, form)
    like = in_form(np.zeros((0, width), np.float32), form)
    truncated = 0

    def groups() -> Iterator[NDArray[Any]]:
        nonlocal truncated
        for one, cut in _groups(model, texts, width, prompt):
            truncated += cut
            yield in_form(one, form)

    rows = write_vectors(path, like, groups(), _beside(model.manifest.digest, form, width))
    return Written(rows, truncated)


def _beside(digest: str, form: str, dimensions: int) -> dict[str, NDArray[Any]]:
    """What a file holds beside the vectors, to tell whether others may be compared with them."""
    named = {"digest": digest, "form": form, "dimensions": dimensions}
    return {name: np.array(value) for name, value in named.items()}


def _check(model: "Model[Any]", dimensions: int | None, form: VectorForm) -> int:
    """How many numbers vectors are to have. Raises UsageError for what the model has not."""
    if not model.task.embeds:
        raise UsageError(
            f"The bundle is of the task {model.task.name}, which gives no vectors.",
            hint="Ask it with predict, or export an encoder: edgeft export FOLDER "
            "--task feature-extraction",
        )
    if form not in FORMS:
        raise UsageError(f"There is no form {form!r}.", hint=f"Choose from: {', '.join(FORMS)}.")
    most = model.head.dimensions
    if dimensions is None:
        return most
    if isinstance(dimensions, bool) or not isinstance(dimensions, int):
        raise TypeError(f"dimensions must be an int, not {type(dimensions).__name__}")
    if not 1 <= dimensions <= most:
        raise UsageError(
            f"dimensions is {dimensions:,}; the model's vectors have {most:,} numbers.",
            hint=f"Choose from 1 to {most:,}, or leave it out.",
        )
    return dimensions


def _groups(
    model: "Model[Any]", texts: Iterable[str], width: int, prompt: str | None
) -> Iterator[tuple[Array, int]]:
    """The (n, D) float32 vectors of one group of texts after the other, and how many were cut."""
    before = prompt_of(model.head, prompt)
    checked: Iterable[Input] = one_by_one(texts, (str,))
    if before:
        checked = (before + text for text in checked if isinstance(text, str))
    shorter = model.head.unit_length and width < model.head.dimensions
    for _, encoded, outputs in model.runner.stream(checked):
        vectors = np.concatenate(told_vectors(outputs, encoded, model.head))[:, :width]  # (n, D)
        yield of_length_1(vectors) if shorter else vectors, sum(one.truncated for one in encoded)


def in_form(vectors: Array, form: VectorForm) -> NDArray[Any]:
    """(N, D) float32 vectors as they are, as int8 or as bits.

    "int8": (N, D) int8, symmetric and of one fixed range for all vectors, so that those of two
    calls can be compared: a vector of length 1, each number divided by 8 / sqrt(D), times 127,
    rounded; what lies outside is the largest. Vectors of another length are brought to 1 first:
    only their direction is kept. "binary": (N, D / 8 rounded up) uint8, a bit for each number, 1
    where it is above 0, the first in the highest place; compare them by the bits that differ.
    """
    if form == "float32":
        return vectors
    if form == "binary":
        return np.packbits(vectors > 0, axis=1)
    scale = MOST * np.sqrt(vectors.shape[1]) / WIDEST
    codes: NDArray[np.int8] = np.clip(np.rint(of_length_1(vectors) * scale), -MOST, MOST).astype(
        np.int8
    )
    return codes


# --- which may be compared ---------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class Vectors:
    """Vectors with what tells whether others may be compared with them.

    array: (N, D), of the form "float32", "int8" or "binary". digest: that of the bundle.
    dimensions: of each vector, before bits were packed.
    """

    array: NDArray[Any]
    digest: str
    form: VectorForm
    dimensions: int

    def __len__(self) -> int:
        return len(self.array)

    def similarity(self, others: "Vectors") -> NDArray[np.float32]:
        """How alike each of these N vectors is to each of M others: (N, M) float32, -1 to 1.

        The cosine; of bits the share of equal ones, from -1 for none to 1 for all. Raises
        UsageError where the others are another bundle's, or in another form.
        """
        if self.digest != others.digest:
            raise UsageError(
                f"Vectors of two bundles cannot be compared: these are of {self.digest[:19]}…, "
                f"the others of {others.digest[:19]}….",
                hint="Embed both with one bundle.",
            )
        for name in ("form", "dimensions"):
            ours, theirs = getattr(self, name), getattr(others, name)
            if ours != theirs:
                raise UsageError(
                    f"These vectors have the {name} {ours}, the others {theirs}.",
                    hint="Embed both alike.",
                )
        if self.form == "binary":
            signs = (
                np.unpackbits(one.array, axis=1, count=self.dimensions) for one in (self, others)
            )
            one, other = (bits.astype(np.float32) * 2 - 1 for bits in signs)
            return one @ other.T / np.float32(self.dimensions)
        one, other = (of_length_1(some.array.astype(np.float32)) for some in (self, others))
        return one @ other.T

    def save(self, path: Path | str) -> None:
        """Write them to a .npz file, which numpy reads: array, digest, form, dimensions.

        It is there whole or not at all. Raises OutputError.
        """
        beside = _beside(self.digest, self.form, self.dimensions)
        write_vectors(Path(path), self.array[:0], [self.array], beside)

    @classmethod
    def read(cls, path: Path | str) -> "Vectors":
        """Read what ``save`` wrote. Raises DataError for anything else."""
        try:
            with np.load(Path(path), allow_pickle=False) as found:
                array, digest, form, dimensions = (found[name] for name in KEPT)
        except FileNotFoundError:
            raise DataError(f"{path}: there is no such file.") from None
        except (OSError, ValueError, KeyError, TypeError, EOFError, zipfile.BadZipFile) as error:
            raise DataError(
                f"{path} holds no vectors that edgeft wrote.",
                hint="Write them with: edgeft predict BUNDLE FILE -o VECTORS.npz",
            ) from error
        return cls(array, str(digest), _form(str(form), path), int(dimensions))


def _form(name: str, path: Path | str) -> VectorForm:
    for one in FORMS:
        if name == one:
            return one
    raise DataError(f"{path} holds vectors of an unknown form, {name!r}.")


def vectors_of(
    model: "Model[Any]",
    texts: Sequence[str],
    dimensions: int | None = None,
    *,
    prompt: str | None = None,
    form: VectorForm = "float32",
) -> Vectors:
    """``model.embed``, with what tells which others may be compared with them."""
    array = model.embed(texts, dimensions, prompt=prompt, form=form)
    width = dimensions or model.head.dimensions
    return Vectors(array, model.manifest.digest, form, width)
