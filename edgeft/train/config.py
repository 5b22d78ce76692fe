"""What the user asks of a training run: where the data are, which model, which recipe.

Together with the data, the base model and the machine it determines the weights.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any, get_args, get_type_hints

from edgeft.errors import UsageError
from edgeft.normalize import parse_steps
from edgeft.tasks import TASKS
from edgeft.tasks.tags import SCHEMES
from edgeft.train.recipe import RecipeChoice, check_recipe, option

__all__ = ["DEVICES", "PRECISIONS", "DataConfig", "TrainConfig", "config_from", "config_to",
           "option_names"]  # fmt: skip

DEVICES = ("auto", "cpu", "cuda")
PRECISIONS = ("auto", "fp32", "bf16", "fp16")


@dataclass(frozen=True)
class DataConfig:
    """The data, paths as the user typed them, and what is done to them.

    ``hold_out`` is the share of train that is held out where there is no
    validation set: None leaves it to ``recipe.default_hold_out``, 0 trains on
    every row and keeps the last epoch. ``allow_unknown`` trains on texts of which
    the model's vocabulary lacks much, too. ``skip_bad`` leaves out rows whose annotation is wrong.
    ``label_names``: a file with the name of each label a line, or the names with commas, where the
    data have ids.
    """

    data: str
    text_column: str | None = None
    other_column: str | None = None
    negative_column: str | None = None
    label_column: str | None = None
    question_column: str | None = None
    context_column: str | None = None
    answers_column: str | None = None
    validation: str | None = None
    test: str | None = None
    hold_out: float | None = None
    clean: bool = False
    normalize: tuple[str, ...] = ()
    allow_unknown: bool = False
    skip_bad: bool = False
    label_names: str | None = None


@dataclass(frozen=True)
class TrainConfig:
    """One training run.

    threads: CPU threads of each process; None is all usable cores, shared evenly.
    checkpoint_steps: save every so many updates, too. task: None leaves it to the data.
    scheme: in which a tagger's labels are written, one of SCHEMES; None is BIO.
    """

    data: DataConfig
    model: str = "minilm"
    recipe: RecipeChoice = field(default_factory=RecipeChoice)
    device: str = "auto"
    precision: str = "auto"
    threads: int | None = None
    checkpoint_steps: int | None = None
    task: str | None = None
    scheme: str | None = None


def config_to(config: TrainConfig) -> dict[str, Any]:
    """The config as one flat, JSON-ready dictionary: {option: value}."""
    flat = asdict(config)
    values = {**flat.pop("data"), **flat.pop("recipe"), **flat}
    values["normalize"] = list(values["normalize"])
    return values


def option_names() -> set[str]:
    """The name of every option of a run."""
    groups = (DataConfig, RecipeChoice, TrainConfig)
    return {one.name for kind in groups for one in fields(kind)} - {"recipe"}


def config_from(values: Mapping[str, Any]) -> TrainConfig:
    """The config of a flat dictionary such as ``config_to`` gives, checked.

    Raises UsageError for an option that does not exist or a value that makes no sense.
    """
    unknown = sorted(set(values) - option_names())
    if unknown:
        raise UsageError(
            f"Unknown training options: {', '.join(unknown)}.",
            hint="Were they written by a newer version? pip install --upgrade edgeft",
        )
    if not values.get("data"):
        raise UsageError(
            "No data are named.", hint="For example: edgeft train train.csv -o runs/mine"
        )
    _check_types(values)
    config = TrainConfig(
        data=DataConfig(
            **{
                **_of(DataConfig, values),
                "normalize": parse_steps(values.get("normalize") or ()),
            }
        ),
        recipe=RecipeChoice(**_of(RecipeChoice, values)),
        **{name: value for name, value in _of(TrainConfig, values).items() if name != "data"},
    )
    check_config(config)
    return config


def _check_types(values: Mapping[str, Any]) -> None:
    """Raise UsageError for a value of another type, as a record may hold that was edited."""
    hints = {**get_type_hints(TrainConfig), **get_type_hints(RecipeChoice),
             **get_type_hints(DataConfig)}  # fmt: skip
    for name, value in values.items():
        if name == "normalize":  # told by parse_steps
            continue
        kinds = {*(get_args(hints[name]) or (hints[name],))}
        if type(value) not in (kinds | {int} if float in kinds else kinds):
            raise UsageError(f"{option(name)} cannot be {value!r}.")


def check_config(config: TrainConfig) -> None:
    """Raise UsageError for values that make no sense, whatever the data are."""
    check_recipe(config.recipe)
    for name, given in (*vars(config.data).items(), ("model", config.model)):
        if given == "":  # as a variable of the shell leaves it that is not set
            raise UsageError(f"{option(name)} is empty.", hint="Name one, or leave it out.")
    share = config.data.hold_out
    if share is not None and not 0 <= share < 1:
        raise UsageError(f"--hold-out must be at least 0 and below 1, not {share}.")
    for name, value, choices in (
        ("device", config.device, DEVICES),
        ("precision", config.precision, PRECISIONS),
    ):
        if value not in choices:
            raise UsageError(f"{option(name)} must be one of {', '.join(choices)}, not {value!r}.")
    if config.scheme is not None and config.scheme not in SCHEMES:
        raise UsageError(
            f"{option('scheme')} must be one of {', '.join(SCHEMES)}, not {config.scheme!r}."
        )
    if config.task is not None and config.task not in TASKS:
        raise UsageError(f"--task must be one of {', '.join(TASKS)}, not {config.task!r}.")
    for name, count in (
        ("threads", config.threads),
        ("checkpoint_steps", config.checkpoint_steps),
    ):
        if count is not None and count < 1:
            raise UsageError(f"{option(name)} must be at least 1, not {count}.")


def _of(kind: type, values: Mapping[str, Any]) -> dict[str, Any]:
    names = {one.name for one in fields(kind)}
    return {name: value for name, value in values.items() if name in names}
