"""What a training.json says of its run, and whether a repetition starts from the same."""

import json
import shlex
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any

from edgeft.errors import DataError, ModelError, UsageError
from edgeft.packages import package_versions
from edgeft.train.config import DataConfig, TrainConfig, config_from, option_names
from edgeft.train.recipe import option

__all__ = ["Recorded", "changes_since", "check_repeats", "read_training"]

# These decide which numbers are computed from the same data, model and recipe.
DECISIVE_PACKAGES = ("torch", "transformers", "tokenizers")
# What the fingerprint does not depend on: it is taken before rows are cleaned or held out.
AFTER_FINGERPRINT = {"clean", "hold_out"}


@dataclass(frozen=True)
class Recorded:
    """A finished run.

    ``config`` is what was asked with every default as it was settled then, so
    that it means the same under other defaults; what an older version did not
    record takes its default. ``unknown`` are values of options that only another
    version has, and that are left out. A fingerprint or sha256 of None is not
    checked.
    """

    path: Path
    config: TrainConfig
    data_fingerprint: str | None
    base_sha256: str | None
    packages: Mapping[str, str]
    unknown: Mapping[str, Any] = field(default_factory=dict)

    def without(self, changed: Collection[str]) -> "Recorded":
        """The record with the checks lifted that the options ``changed`` make meaningless."""
        of_data = {one.name for one in fields(DataConfig)} - AFTER_FINGERPRINT
        return replace(
            self,
            data_fingerprint=None if of_data & set(changed) else self.data_fingerprint,
            base_sha256=None if "model" in changed else self.base_sha256,
        )


def read_training(path: Path) -> Recorded:
    """Read a training.json. Raises UsageError."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        if not isinstance(content, dict):
            raise ValueError("it is no JSON object")
        recorded = {**content["config"], **content["recipe"]}
        if "hold_out" in content:
            recorded["hold_out"] = content["hold_out"]
        known = option_names()
        return Recorded(
            path=path,
            config=config_from({name: recorded[name] for name in recorded if name in known}),
            data_fingerprint=content["data"]["fingerprint"],
            base_sha256=content["base_model"]["sha256"],
            packages=dict(content.get("packages", {})),
            unknown={name: one for name, one in recorded.items() if name not in known},
        )
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        raise UsageError(
            f"{path} is no record of a training run: {_reason(error)}.",
            hint="Name the training.json of a folder that edgeft train wrote.",
        ) from error


def check_repeats(
    recorded: Recorded, config: TrainConfig, data_fingerprint: str, base_sha256: str
) -> None:
    """Refuse to repeat a run with other data (DataError) or another base model (ModelError)."""
    command = f"edgeft train {shlex.quote(config.data.data)} --model {shlex.quote(config.model)}"
    anew = f"Train anew, without --from: {command} -o FOLDER"
    if recorded.data_fingerprint not in (None, data_fingerprint):
        raise DataError(
            f"The data {config.data.data} are not those that {recorded.path} records: their "
            f"fingerprint is {data_fingerprint}, not {recorded.data_fingerprint}.",
            hint=anew,
        )
    if recorded.base_sha256 not in (None, base_sha256):
        raise ModelError(
            f"The base model {config.model} is not the one that {recorded.path} records: its "
            f"sha256 is {base_sha256}, not {recorded.base_sha256}.",
            hint=anew,
        )


def changes_since(recorded: Recorded) -> list[str]:
    """What may give other weights than then: other packages, and options that are unknown here."""
    now = package_versions(DECISIVE_PACKAGES)
    unknown = [f"{option(name)} {one!r}, unknown now" for name, one in recorded.unknown.items()]
    return unknown + [
        f"{name} {recorded.packages[name]}, now {now.get(name, 'none')}"
        for name in DECISIVE_PACKAGES
        if name in recorded.packages and recorded.packages[name] != now.get(name)
    ]


def _reason(error: Any) -> str:
    if isinstance(error, KeyError):
        return f"it has no {error.args[0]!r}"
    if isinstance(error, OSError):
        return error.strerror or str(error)
    return str(error)
