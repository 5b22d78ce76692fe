"""From what the user names (a file, a folder, a Hub data set) to labelled splits."""

import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path

from edgeft.bundle.manifest import LONGEST_LABEL
from edgeft.checkpoint.pretrained import quiet
from edgeft.data import (
    SOURCE_SUFFIXES,
    Examples,
    OnBad,
    Source,
    Splits,
    Table,
    Tell,
    lookalikes,
    open_source,
    unheard,
    visible,
)
from edgeft.data.arrow import is_unlabelled, open_dataset, open_parquet
from edgeft.data.input_columns import usual_pair
from edgeft.data.kinds import is_source
from edgeft.data.label_names import label_names, named_by_ids
from edgeft.data.tag_names import with_tag_names
from edgeft.errors import DataError, DependencyError, UsageError, first_line
from edgeft.inputs import with_texts
from edgeft.normalize import normalizer
from edgeft.settings import shared
from edgeft.tasks import task_named
from edgeft.tasks.narrowed import kind_asked
from edgeft.tasks.reading import check_kind, columns_named, examples_of
from edgeft.tasks.task import Task
from edgeft.train.config import DataConfig

__all__ = ["check_labels", "normalized_splits", "open_splits", "read_splits"]

SUFFIXES = (*SOURCE_SUFFIXES, ".parquet")
HUB_TIMEOUT_S = 5  # to say whether it has a data set; loading may take its time
SPLIT_NAMES = {
    "train": ("train", "training"),
    "validation": ("validation", "valid", "val", "dev"),
    "test": ("test",),
}


def open_splits(config: DataConfig, tell: Tell = unheard) -> dict[str, Source]:
    """Open all splits that the config names, by role; what a reader decided is told.

    ``config.data`` is a file (CSV, TSV, JSON, JSON Lines, Parquet, CoNLL), a folder with such files
    called train, validation (or valid, val, dev) and test, a folder of brat's, or the name of a
    Hub data set, with a configuration after a colon if it has several. Raises DataError.
    """
    with _readable(config.data):
        path = Path(config.data).expanduser()
        is_folder, exists = path.is_dir() and not is_source(path), path.exists()
    if is_folder:
        sources = _folder_sources(path, tell)
    elif exists or _looks_like_path(config.data):
        sources = {"train": _open_file(path, tell)}
    else:
        sources = _hub_sources(config)
    for role, name in (("validation", config.validation), ("test", config.test)):
        if name is not None:
            with _readable(name):
                path = Path(name).expanduser()
            sources[role] = _open_file(path, tell)
    return sources


def read_splits(
    sources: Mapping[str, Source], task: Task, config: DataConfig, tell: Tell = unheard
) -> Splits:
    """Read the splits as the examples of a task. Raises DataError."""
    columns = columns_named(vars(config))
    on_bad: OnBad = "skip" if config.skip_bad else "error"
    for source in sources.values():
        _check_taught(source, task)
    tagged = config.label_names is not None and bool(task.schemes)
    if tagged and config.label_names is not None:
        names = label_names(config.label_names)
        sources = {role: with_tag_names(one, names, columns) for role, one in sources.items()}
    splits = Splits(
        **{
            role: examples_of(source, task, columns, tell, on_bad)
            for role, source in sources.items()
        }
    )
    for split in splits.present().values():
        check_kind(
            split.source, task_named(task.name, kind_asked(task, splits.train.inputs)), split
        )
    _tell_other_columns(splits, tell)
    if config.label_names is None or tagged:
        return splits
    return _named(splits, task, config.label_names)


def _check_taught(source: Source, task: Task) -> None:
    """Raise DataError where a table has texts, and no column that tells what is true of them."""
    if not isinstance(source, Table) or task.embeds or task.roles[-1] != "label":
        return  # vectors are learned from pairs alone
    cells = [cell for row in source.first_rows() for cell in row.values()]
    alone, pairs = len(source.columns) == 1, len(source.columns) == 2
    if not (alone or (pairs and usual_pair(source.columns))) or any(
        not isinstance(cell, str) for cell in cells
    ):
        return
    shown = " and ".join(map(visible, source.columns))
    raise DataError(
        f"{source.source} has {'one column' if alone else 'two columns of texts'}, {shown}, and "
        "nothing beside that is to be learned.",
        hint="Put the label of each row into a column of its own, which --label-column names; "
        "`edgeft tasks` shows what each task takes. "
        + (
            "Vectors of plain texts need no training: edgeft export MODEL --task "
            "feature-extraction -o BUNDLE"
            if alone
            else "Vectors are learned from pairs that belong together: --task feature-extraction"
        ),
    )


def _named(splits: Splits, task: Task, given: str) -> Splits:
    """The splits with names for their labels. Raises UsageError, DataError."""
    if not splits.train.labels:
        raise UsageError(
            f"--label-names is for labels that are ids, and a {task.noun} learns "
            f"{task.marks.many}.",
            hint="Leave it out.",
        )
    names = label_names(given)
    whole = splits.train
    return splits.each(lambda split: named_by_ids(split, names, whole=split is whole))


def normalized_splits(splits: Splits, steps: Iterable[str]) -> Splits:
    """The splits with the named normalization steps applied to every text."""
    normalize = normalizer(steps)
    if normalize is None:
        return splits
    return splits.each(
        lambda split: replace(split, inputs=[with_texts(one, normalize) for one in split.inputs])
    )


def check_labels(splits: Splits, task: Task) -> None:
    """Raise DataError for too few labels, one that is none, or one that train never shows.

    Where a task has no labels, all is well.
    """
    train = splits.train
    if not train.labels:
        return
    shown = list(_shown(train, task))  # (line, label), in order
    names = [name for _, name in shown]
    known = set(names)
    hint = ""
    if "label" in train.columns:
        hint = f"Is {visible(train.columns['label'])} the right column? Name another with " \
            "--label-column."  # fmt: skip
    if len(known) < 2 and task.single:
        raise DataError(
            f"{train.source}: every row has the label {visible(names[0])}; "
            f"a {task.noun} needs two labels or more.",
            hint=hint,
        )
    longest = max(known, key=len)
    if len(longest) > LONGEST_LABEL:
        raise DataError(
            f"{train.source}, {train.unit} {shown[names.index(longest)][0]}: the label "
            f"{visible(longest)} has {len(longest):,} characters, and {LONGEST_LABEL:,} are the "
            "most.",
            hint=hint,
        )
    for name in ("validation", "test"):
        split = splits.present().get(name)
        if split is None:
            continue
        places: dict[str, int] = {}  # label → the first line that has it
        for line, name_of_it in _shown(split, task):
            places.setdefault(name_of_it, line)
        unseen = [label for label in places if label not in known]
        if unseen:
            line = places[unseen[0]]
            some = ", ".join(map(visible, unseen[:5])) + (", …" if len(unseen) > 5 else "")
            groups = lookalikes(dict.fromkeys((*names, *unseen)))
            alike = next((one for one in groups if known & {*one} and {*one} - known), None)
            hint = "Add rows with it to train, or remove those rows."
            if alike:
                hint = (
                    f"These differ only in case, white space or Unicode form: "
                    f"{', '.join(map(visible, alike))}. {hint}"
                )
            raise DataError(
                f"{split.source}, {split.unit} {line}: {name} has "
                f"{'a label' if len(unseen) == 1 else f'{len(unseen)} labels'} "
                f"that train never shows: {some}.",
                hint=hint,
            )


def _shown(examples: Examples, task: Task) -> Iterator[tuple[int, str]]:
    """(line, label) of every label that a row has, in order."""
    shown = task.shown(examples.truths, examples.labels)
    for line, labels in zip(examples.lines, shown, strict=True):
        yield from ((line, label) for label in labels)


# --- files and folders -----------------------------------------------------------


def _looks_like_path(name: str) -> bool:
    path = Path(name)
    return (
        path.suffix.lower() in SUFFIXES
        or path.is_absolute()
        or name.startswith((".", "~"))
        or len(path.parts) > 2
    )


@contextmanager
def _readable(name: str) -> Iterator[None]:
    """Turn what a path itself may do wrong into a DataError."""
    try:
        yield
    except OSError as error:  # no permission on the way to it, a name that is too long
        raise DataError(f"{name} cannot be read: {error.strerror}.") from error
    except (RuntimeError, ValueError) as error:  # ~ of an unknown user, a NUL in the name
        raise DataError(f"{visible(name)} is no path: {first_line(error)}") from error


def _open_file(path: Path, tell: Tell) -> Source:
    return open_parquet(path) if path.suffix.lower() == ".parquet" else open_source(path, tell)


def _folder_sources(folder: Path, tell: Tell) -> dict[str, Source]:
    with _readable(str(folder)):
        files = sorted(path for path in folder.iterdir() if path.suffix.lower() in SUFFIXES)
    chosen: dict[str, Path] = {}
    for role, names in SPLIT_NAMES.items():
        found = [path for path in files if path.stem.lower() in names]
        if len(found) > 1:
            raise DataError(
                f"{folder} has {len(found)} files for {role}: "
                f"{', '.join(path.name for path in found)}.",
                hint="Keep one of them, or name a single file.",
            )
        if found:
            chosen[role] = found[0]
    if "train" not in chosen:
        present = ", ".join(path.name for path in files) or "none"
        raise DataError(
            f"{folder} has no train file. Data files found: {present}.",
            hint=f"Call it train with one of the suffixes {', '.join(SUFFIXES)}.",
        )
    return {role: _open_file(path, tell) for role, path in chosen.items()}


def _tell_other_columns(splits: Splits, tell: Tell) -> None:
    train = splits.train
    for name, split in splits.present().items():
        for role, column in split.columns.items():
            usual = train.columns.get(role)
            if usual is not None and column != usual:
                tell(
                    f"{split.source}: the {role}s of {name} are read from {visible(column)}, those "
                    f"of train from {visible(usual)}."
                )


# --- the Hub ---------------------------------------------------------------------


def _hub_sources(config: DataConfig) -> dict[str, Source]:
    if find_spec("datasets") is None:
        raise DependencyError(
            f"{config.data!r} is no file or folder here, and a data set of the Hub needs the "
            "package datasets, which is not installed.",
            hint="Install it with: pip install 'edgeft[train]'",
        )
    import datasets

    name, _, configuration = config.data.partition(":")
    with quiet(), _no_bars():
        try:
            _probe_hub(name)
            found = datasets.load_dataset(name, configuration or None)
        except Exception as error:  # the library, the Hub's client and requests share no base
            raise DataError(
                f"{config.data!r} is no file or folder here, and no Hub data set of that name "
                f"could be loaded: {_hub_reason(error)}",
                hint=f"Check the name and the network, or name a file "
                f"({', '.join(SUFFIXES)}) or a folder with train and test files.",
            ) from error
    sources: dict[str, Source] = {}
    for role, names in SPLIT_NAMES.items():
        split = next((name for name in names if name in found), None)
        source = f"{config.data} ({split})"
        if split is not None and not is_unlabelled(source, found[split]):
            sources[role] = open_dataset(source, found[split])
    if "train" not in sources:
        raise DataError(
            f"The Hub data set {config.data!r} has no labelled train split. "
            f"Splits found: {', '.join(found)}."
        )
    return sources


@shared
@contextmanager
def _no_bars() -> Iterator[None]:
    import datasets

    shown = not datasets.are_progress_bars_disabled()
    datasets.disable_progress_bars()
    try:
        yield
    finally:
        if shown:
            datasets.enable_progress_bars()


def _probe_hub(name: str) -> None:
    """Raise at once where the Hub has no such data set; load_dataset would retry for long."""
    import datasets
    import huggingface_hub

    if not datasets.config.HF_HUB_OFFLINE:  # offline, what was loaded before will do
        huggingface_hub.HfApi().dataset_info(name, timeout=HUB_TIMEOUT_S)


def _hub_reason(error: Exception) -> str:
    # The HTTP library's own words for a connection that failed name its Python objects. It is
    # requests or httpx, as the Hub's client has it.
    told = [str(error), *(kind.__name__ for kind in type(error).__mro__)]
    if any(re.search(r"HTTPS?ConnectionPool|^TransportError$", one) for one in told):
        return "the Hub cannot be reached; HF_HUB_OFFLINE=1 takes what was loaded before."
    return first_line(error)
