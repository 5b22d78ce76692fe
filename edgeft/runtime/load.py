"""load: from a bundle's folder to a Model, every file checked before it is parsed."""

import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Literal, Unpack, overload

from edgeft.bundle import MANIFEST
from edgeft.bundle.integrity import Verify
from edgeft.errors import BundleError
from edgeft.runtime.assemble import Wishes, assemble
from edgeft.runtime.cpu import usable_cores
from edgeft.runtime.model import Model
from edgeft.runtime.observer import Observer
from edgeft.runtime.options import Options, check_options
from edgeft.runtime.runner import Serving
from edgeft.tasks.task import LongTexts

if TYPE_CHECKING:
    from edgeft.tasks.answers import Answer
    from edgeft.tasks.classification import Classification
    from edgeft.tasks.embeddings import Embedding
    from edgeft.tasks.entities import Entities
    from edgeft.tasks.labels import Labels
    from edgeft.tasks.numbers import Number

__all__ = ["load"]

MOST_SWAPS = 20  # of a bundle by another, while it is being loaded
SWAP_S = 0.02  # more than a folder is missing while another takes its place


# A task that is named tells type checkers what is predicted.
@overload
def load(
    path: str | os.PathLike[str],
    *,
    task: Literal["text-classification"],
    **options: Unpack[Options],
) -> "Model[Classification]": ...
@overload
def load(
    path: str | os.PathLike[str],
    *,
    task: Literal["multi-label-classification"],
    **options: Unpack[Options],
) -> "Model[Labels]": ...
@overload
def load(
    path: str | os.PathLike[str],
    *,
    task: Literal["token-classification"],
    **options: Unpack[Options],
) -> "Model[Entities]": ...
@overload
def load(
    path: str | os.PathLike[str],
    *,
    task: Literal["question-answering"],
    **options: Unpack[Options],
) -> "Model[Answer]": ...
@overload
def load(
    path: str | os.PathLike[str],
    *,
    task: Literal["text-regression"],
    **options: Unpack[Options],
) -> "Model[Number]": ...
@overload
def load(
    path: str | os.PathLike[str],
    *,
    task: Literal["feature-extraction"],
    **options: Unpack[Options],
) -> "Model[Embedding]": ...
@overload
def load(
    path: str | os.PathLike[str], *, task: str | None = None, **options: Unpack[Options]
) -> Model: ...
def load(
    path: str | os.PathLike[str],
    *,
    device: str = "auto",
    variant: str = "auto",
    task: str | None = None,
    threads: int | None = None,
    verify: Verify = "full",
    expect: str | None = None,
    on_long: LongTexts | None = None,
    overlap: int | None = None,
    batch_invariant: bool = False,
    batch_tokens: int | None = None,
    max_waiting: int = 1024,
    wait_ms: float = 1.0,
    spin: bool | None = None,
    cuda_graphs: bool = False,
    min_score: float | None = None,
    aggregation: str | None = None,
    top_k: int | None = None,
    max_answer_tokens: int | None = None,
    pair_prompts: tuple[str, str] | None = None,
    remember: int = 0,
    symmetric: bool = False,
    observer: Observer | None = None,
) -> Model:
    """Load a bundle.

    device: "auto", "cpu", "cuda", "cuda:N", "tensorrt", "openvino", "coreml",
        "directml". A named device that cannot run the model is an error with the
        provider's own reason and the package that mends it; only "auto" chooses, and
        ``Model.device`` says what.
    variant: "auto" or a name such as "fp32", "int8", "fp16". "auto" takes what
        ``edgeft bench --save`` found quickest here. On a CPU the first load of a
        bundle that nothing was saved of tries fp32 against int8 for less than a
        second and keeps what it found in the cache: ~/.cache/edgeft, or what the
        environment variable EDGEFT_CACHE names (/dev/null: none). fp32 where no other
        is clearly quicker. Without a cache, and for graphs above 256 MB, a rule
        decides: int8 where the CPU has int8 dot products (VNNI, AMX, Arm), else fp32.
        On a GPU it is fp16, if there. "auto" of a cascade is all of its stages, each in the
        variant that it was proven with, and so is "cascade"; the name of one of its stages, or
        of a variant of its full model, is that model alone.
    task: what the model is asked for, such as "token-classification": a bundle of another
        task is an error. By default whatever the bundle is of.
    threads: CPU threads; by default as many as the process may use.
    verify: what is compared with the manifest, for each file before it is
        parsed, for all before the model is given: "full" the sha256, "fast" the
        size, "off" nothing. Unless "off", the golden texts are answered once, too, so
        that a machine which computes the variant differently fails here. Whatever is
        said, every field of the manifest is checked by type and range, and graphs with
        foreign operators or outside files are refused.
    expect: the manifest's digest, "sha256:…", when it is known from elsewhere: the one
        bundle that may be loaded.
    on_long: a text of more than ``Model.max_length`` tokens is cut ("truncate": it says
        so in ``Classification.truncated``, and what can change nothing is not
        tokenized), refused ("error"; of a cascade by the last stage alone: what is too long
        for one before is left to the next), or read in windows that share ``overlap``
        tokens (by default an eighth of the maximum) and whose logits are averaged,
        each weighted by its own tokens ("window"; a text of more than 1,048,576
        characters is refused). By default as suits the task: "truncate" for text
        classifiers; "window" where entities or answers are found, each then by the
        window that has most context. What a cascade promises is of the default.
    batch_invariant: never let a text's neighbours touch its answer, as they do a little
        with int8, whose scales span a batch: a variant whose manifest does not promise
        that runs each text alone. So do the stages of a cascade, whatever is said here: in
        that way it was proven.
    batch_tokens: padded tokens in a batch, at most; by default what suits the device.
    max_waiting: texts that may wait in ``apredict``; one more is refused.
    wait_ms: how long a batch of ``apredict`` may wait for callers to come back.
    spin: CPU threads wait busily during a call, which makes single texts quicker, or
        never do. By default for as long as the process has its cores to itself:
        no quota, no neighbour, no calls that overlap; from then on they sleep.
    cuda_graphs: on CUDA, record the kernels of single texts and replay them.
    min_score, aggregation: of entities: those below it are not given, from 0 to 1; which
        tokens of a word speak for it, "first", "average" or "max".
    top_k, max_answer_tokens: of answers: how many are told, and how long they may be.
    pair_prompts: of vectors: the names of the prompts before the first and the second text of a
        Pair, "" for none; ("query", "passage") for those of such a pair, where the model has them.
        Each setting by default as the bundle says; one that its task lacks is an error.
    remember: how many answers are kept from one call to the next, by the exact input, so
        that an equal one is not run again; ``Model.remembered`` counts. The answer that
        was not asked for longest is forgotten first, as it is where the inputs have more
        than 16,777,216 characters together; all are with the model.
    symmetric: a Pair is read in both orders, and what the graph gives for the two is averaged, so
        that Pair(a, b) and Pair(b, a) get one answer, in twice the time. What was proven of the
        bundle is of one order.
    observer: told of each step that the model makes; see ``runtime.observer``.

    Raises BundleError, FormatError, IntegrityError, DeviceError,
    DependencyError, UsageError.
    """
    settings = {
        "min_score": min_score,
        "aggregation": aggregation,
        "top_k": top_k,
        "max_answer_tokens": max_answer_tokens,
        "pair_prompts": [*pair_prompts] if isinstance(pair_prompts, tuple) else pair_prompts,
    }
    check_options(
        device=device,
        variant=variant,
        task=task,
        threads=threads,
        verify=verify,
        expect=expect,
        on_long=on_long,
        overlap=overlap,
        batch_invariant=batch_invariant,
        batch_tokens=batch_tokens,
        max_waiting=max_waiting,
        wait_ms=wait_ms,
        spin=spin,
        cuda_graphs=cuda_graphs,
        remember=remember,
        symmetric=symmetric,
        **settings,
    )
    folder = Path(path)
    return _settled(
        folder,
        lambda: assemble(
            folder,
            Wishes(
                device=device,
                variant=variant,
                task=task,
                threads=threads or usable_cores(),
                verify=verify,
                expect=expect,
                on_long=on_long,
                overlap=overlap,
                batch_invariant=batch_invariant,
                spin=spin,
                cuda_graphs=cuda_graphs,
                settings={name: one for name, one in settings.items() if one is not None},
                serving=Serving(
                    batch_tokens=batch_tokens, max_waiting=max_waiting, wait_s=wait_ms / 1e3
                ),
                remember=remember,
                observer=observer,
                symmetric=symmetric,
            ),
        ),
    )


def _settled(folder: Path, attempt: Callable[[], Model]) -> Model:
    """What ``attempt`` gives once the bundle is the same before it and after it failed.

    So a bundle that is replaced while it is read is read once more, and a manifest
    is never held against another bundle's files.
    """
    for _ in range(MOST_SWAPS):
        with _held(folder):
            before = _state(folder)
            try:
                return attempt()
            except BundleError:
                if before is None:
                    time.sleep(SWAP_S)
                if _state(folder) == before:
                    raise
    return attempt()


@contextmanager
def _held(folder: Path) -> Iterator[None]:
    """Keep a folder open, where the system can, so that none after it gets its number."""
    try:
        handle = os.open(folder, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0))
    except (OSError, ValueError):
        handle = None
    try:
        yield
    finally:
        if handle is not None:
            os.close(handle)


def _state(folder: Path) -> tuple[int, ...] | None:
    """What tells a bundle from another that takes its place; None where there is none."""
    try:
        place, manifest = folder.stat(), (folder / MANIFEST).stat()
    except (OSError, ValueError):
        return None
    return place.st_dev, place.st_ino, manifest.st_ino, manifest.st_mtime_ns, manifest.st_size
