"""How a model is fine-tuned, and the defaults as pure functions of model and data."""

import math
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

from edgeft.errors import UsageError

__all__ = [
    "OPTIMIZERS",
    "SCHEDULES",
    "Facts",
    "Recipe",
    "RecipeChoice",
    "check_recipe",
    "default_hold_out",
    "default_recipe",
    "option",
    "resolve_recipe",
]

OPTIMIZERS = ("adamw", "adam", "sgd", "adafactor")
SCHEDULES = ("linear", "cosine", "constant")

# --- the constants behind the defaults -------------------------------------------
# Wider models hold more and need smaller steps: 3e-4 at MiniLM's width of 384 and
# about 5e-5, the value of the BERT paper, at the 768 of BERT base.
LEARNING_RATE_AT_384 = 3e-4
LEARNING_RATE_POWER = 2.5
LEARNING_RATE_RANGE = (1e-5, 1e-3)
# Where no head begins at random, as of an encoder whose vectors are learned, there is less to learn
# and more to forget. Tried on pairs of STSbenchmark's train: a sixth, a third and the whole rate
# gave 0.861, 0.874 and 0.870 on its dev, the encoder as it was 0.867. Two texts in one row are what
# an encoder of single texts never saw, and at the whole rate it may learn nothing of them: on 1,000
# rows of MRPC's train, held out, a sixth and a third gave accuracies of 0.766 and 0.819; on 204
# others the whole rate gave 0.70, which is the larger class alone.
GENTLE = 1 / 3  # of the rate
SGD_LEARNING_RATE = 2e-2  # with momentum 0.9; its steps have no scale of their own
# A head of C classes sees each class once in C rows, so more classes need more
# updates; the root keeps many classes affordable.
UPDATES_PER_ROOT_CLASS = 300
EPOCHS_RANGE = (3, 20)
BATCH_SIZES = ((1000, 32), (200, 16), (0, 8))  # (at least so many rows, batch size)
# Smoothing keeps a model from being certain between classes that are near to each other;
# with a few classes it blurs scores for nothing.
LABEL_SMOOTHING = 0.1
MANY_CLASSES = 10
PATIENCE_EPOCHS = 3
# A static model is all vectors, each of which few rows touch and most updates leave alone: they
# take steps of another order, and batches so large that an update is worth its price. Tried on
# intents, reviews and movies, with rows of train that were held out.
STATIC_LEARNING_RATE = 1e-2
STATIC_UPDATES_PER_ROOT_CLASS = 100
STATIC_EPOCHS_RANGE = (5, 20)
STATIC_BATCH_SIZES = ((4000, 128), (1000, 64), (200, 32), (0, 16))
# A hold-out only ranks epochs. With 500 rows an accuracy of 0.9 has a standard error
# of 1.3 points, about what separates useful epochs; more rows teach more than they tell.
HOLD_OUT_SHARE = 0.1
HOLD_OUT_ROWS = 500
HOLD_OUT_ROWS_PER_CLASS = 5
COVERED_LENGTH_CAP = 256  # tokens; attention's cost grows with the square
LENGTH_STEP = 8

# Options whose values have another name here: "labels" are names of labels everywhere else.
OTHERWISE = {"scheme": "--labels"}


@dataclass(frozen=True)
class RecipeChoice:
    """The values that the user chose; None leaves the default. Units as in ``Recipe``."""

    epochs: int | None = None
    batch_size: int | None = None
    gradient_accumulation: int | None = None
    learning_rate: float | None = None
    warmup_share: float | None = None
    schedule: str | None = None
    weight_decay: float | None = None
    optimizer: str | None = None
    label_smoothing: float | None = None
    class_weights: bool | None = None
    max_length: int | None = None
    patience: int | None = None
    seed: int | None = None


@dataclass(frozen=True)
class Recipe:
    """Every value of a fine-tuning run.

    epochs: at most so many passes over train.
    batch_size: rows of one process in one backward pass; an update takes
        batch_size x gradient_accumulation x processes rows.
    warmup_share: share of all updates in which the learning rate rises from 0.
    schedule: how it falls afterwards: linear, cosine or constant.
    class_weights: weigh a row by rows / (classes x rows of its class), 32 at most.
    max_length: tokens, special ones included; what is longer is cut, or read in windows, as the
        task does.
    patience: stop after so many epochs without a better hold-out; 0 never stops.
    """

    epochs: int
    batch_size: int
    gradient_accumulation: int
    learning_rate: float
    warmup_share: float
    schedule: str
    weight_decay: float
    optimizer: str
    label_smoothing: float
    class_weights: bool
    max_length: int
    patience: int
    seed: int


@dataclass(frozen=True)
class Facts:
    """What the defaults depend on.

    width: the model's hidden size. p99_tokens: 99% of the train texts have no
    more tokens. length_limit: the most tokens that the model takes. static: it is little but its
    tokens' vectors. smoothed: targets are, where there are many classes. head: there is one, which
    begins at random; without one vectors are learned, of texts that may be longer than these.
    paired: it reads two texts in one row.
    """

    width: int
    rows: int
    classes: int
    p99_tokens: int
    length_limit: int
    processes: int = 1
    static: bool = False
    smoothed: bool = True
    head: bool = True
    paired: bool = False


def resolve_recipe(choice: RecipeChoice, facts: Facts) -> Recipe:
    """The chosen values, and defaults for the rest. Raises UsageError."""
    check_recipe(choice)
    chosen = {name: value for name, value in asdict(choice).items() if value is not None}
    recipe = replace(default_recipe(facts, choice), **chosen)
    if recipe.max_length > facts.length_limit:
        raise UsageError(
            f"--max-length is {recipe.max_length}, but the model takes at most "
            f"{facts.length_limit} tokens.",
            hint=f"Use --max-length {facts.length_limit} or less.",
        )
    return recipe


def default_recipe(facts: Facts, choice: RecipeChoice | None = None) -> Recipe:
    """The defaults for a model and data of this size.

    Chosen values that other defaults hang on (optimizer, batch size,
    accumulation) are taken from ``choice``.
    """
    choice = choice or RecipeChoice()
    optimizer = choice.optimizer or "adamw"
    batch_size = choice.batch_size or default_batch_size(facts.rows, static=facts.static)
    accumulation = choice.gradient_accumulation or 1
    return Recipe(
        epochs=default_epochs(
            facts.rows,
            facts.classes,
            batch_size * accumulation * facts.processes,
            static=facts.static,
        ),
        batch_size=batch_size,
        gradient_accumulation=accumulation,
        learning_rate=SGD_LEARNING_RATE
        if optimizer == "sgd"
        else default_learning_rate(
            facts.width, static=facts.static, gentle=facts.paired or not facts.head
        ),
        warmup_share=0.1,
        schedule="linear",
        weight_decay=0.01,
        optimizer=optimizer,
        label_smoothing=default_label_smoothing(facts.classes) if facts.smoothed else 0.0,
        class_weights=False,
        max_length=default_max_length(
            facts.p99_tokens if facts.head else COVERED_LENGTH_CAP, facts.length_limit
        ),
        patience=PATIENCE_EPOCHS,
        seed=0,
    )


def default_learning_rate(width: int, *, static: bool = False, gentle: bool = False) -> float:
    """LEARNING_RATE_AT_384 x (384 / width) ^ LEARNING_RATE_POWER, to two digits, bounded.

    Where that must be ``gentle``, GENTLE of it; of a ``static`` model STATIC_LEARNING_RATE.
    """
    if static:
        return STATIC_LEARNING_RATE
    low, high = LEARNING_RATE_RANGE
    share = GENTLE if gentle else 1.0
    rate = share * LEARNING_RATE_AT_384 * (384 / width) ** LEARNING_RATE_POWER
    return float(f"{min(max(rate, low), high):.1e}")


def default_hold_out(rows: int, classes: int) -> float:
    """The share of train to hold out: a tenth, at most 500 rows or 5 of each class."""
    most = max(HOLD_OUT_ROWS, HOLD_OUT_ROWS_PER_CLASS * classes)
    return min(HOLD_OUT_SHARE, most / rows)


def default_label_smoothing(classes: int) -> float:
    """LABEL_SMOOTHING for many classes, whose neighbours even people confuse, else none."""
    return LABEL_SMOOTHING if classes >= MANY_CLASSES else 0.0


def default_batch_size(rows: int, *, static: bool = False) -> int:
    """32 rows, of a ``static`` model 128, and fewer where there would be too few updates."""
    sizes = STATIC_BATCH_SIZES if static else BATCH_SIZES
    return next(size for least, size in sizes if rows >= least)


def default_epochs(rows: int, classes: int, rows_per_update: int, *, static: bool = False) -> int:
    """Epochs for UPDATES_PER_ROOT_CLASS x sqrt(classes) updates, within EPOCHS_RANGE.

    A ``static`` model has its own of both.
    """
    low, high = STATIC_EPOCHS_RANGE if static else EPOCHS_RANGE
    each = STATIC_UPDATES_PER_ROOT_CLASS if static else UPDATES_PER_ROOT_CLASS
    updates_per_epoch = math.ceil(rows / rows_per_update)
    wanted = each * math.sqrt(classes) / updates_per_epoch
    return min(max(round(wanted), low), high)


def default_max_length(p99_tokens: int, length_limit: int) -> int:
    """Long enough for 99% of the texts, in steps of 8, at most 256 and what the model takes."""
    covered = math.ceil(p99_tokens / LENGTH_STEP) * LENGTH_STEP
    return max(1, min(covered, COVERED_LENGTH_CAP, length_limit))


_RULES: Mapping[str, tuple[Callable[[Any], bool], str]] = {
    "epochs": (lambda value: value >= 1, "at least 1"),
    "batch_size": (lambda value: value >= 1, "at least 1"),
    "gradient_accumulation": (lambda value: value >= 1, "at least 1"),
    "learning_rate": (lambda value: 0 < value <= 1e30, "above 0 and at most 1e30"),
    "warmup_share": (lambda value: 0 <= value < 1, "at least 0 and below 1"),
    "schedule": (lambda value: value in SCHEDULES, f"one of {', '.join(SCHEDULES)}"),
    "weight_decay": (lambda value: 0 <= value <= 1e30, "at least 0 and at most 1e30"),
    "optimizer": (lambda value: value in OPTIMIZERS, f"one of {', '.join(OPTIMIZERS)}"),
    "label_smoothing": (lambda value: 0 <= value < 1, "at least 0 and below 1"),
    "max_length": (lambda value: value >= 4, "at least 4"),
    "patience": (lambda value: value >= 0, "at least 0"),
    "seed": (lambda value: 0 <= value < 2**32, "at least 0 and below 2^32"),
}


def option(name: str) -> str:
    """A value's name as the user knows it: --max-length for max_length."""
    return OTHERWISE.get(name) or f"--{name.replace('_', '-')}"


def check_recipe(recipe: RecipeChoice | Recipe) -> None:
    """Raise UsageError for the first value that makes no sense; None is not looked at."""
    for name, (holds, wanted) in _RULES.items():
        value = getattr(recipe, name)
        if value is not None and not holds(value):
            raise UsageError(f"{option(name)} must be {wanted}, not {value!r}.")
