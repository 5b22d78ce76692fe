"""What a cascade promises and shows, in plain words; the card and the command say the same."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

__all__ = ["assumed_told", "promises_told", "seen_told", "share"]

ASSUMED = (
    "A promise is of texts drawn as those that set the threshold were, each by itself, of which no "
    "stage was trained on any; of other texts it says nothing. It is of all such texts together, "
    "not of each label or kind. Each promise holds by itself with the confidence that it names."
)

ONCE = (
    "These rows decided once. To try again with them and some more, or with other stages, until a "
    "promise passes breaks it: another try takes other rows."
)


def assumed_told(found: Mapping[str, Any]) -> list[str]:
    """What a promise takes for granted, in a sentence or two each."""
    return [ASSUMED, *[ONCE] * bool(found["promises"]), *_not_known(found.get("not_known", []))]


def promises_told(found: Mapping[str, Any]) -> list[str]:
    """A sentence for each promise; what was found where none was made."""
    told = []
    for kind, one in found["promises"].items():
        most, sure, rows = 100 * one["most"], f"{one['confidence']:.0%}", f"{one['rows']:,}"
        told.append(
            f"On texts like these, the answer differs from the full model's for at most {most:g}% "
            f"({sure} confidence; {share(one['seen'])} of the {rows} texts that set the threshold"
            f"{_mixed(found['rows'])})."
            if kind == "disagreement"
            else f"On texts like these, at most {most:g} points of accuracy are lost against the "
            f"full model ({sure} confidence; {100 * one['seen']:.2f} on the {rows} labelled rows "
            "that set the threshold)."
        )
    if not told:
        told.append(
            f"The threshold was set by speed alone, for {found['speedup']:g} times the full "
            "model's on the machine that made it; nothing was promised beforehand."
        )
    return told


def seen_told(found: Mapping[str, Any]) -> list[str]:
    """What rows that set nothing show, in a sentence each."""
    held = found["held_out"]
    if not held:
        return ["There were no other rows: what follows is of those that set the threshold."]
    told = []
    for kind, one in held.items():
        rows, sure = f"{one['rows']:,}", f"{one['confidence']:.0%}"
        told.append(
            f"Of {rows} other rows, {share(one['seen'])} get an answer that differs from the full "
            f"model's; at most {share(one['at_most'], up=True)} of texts like them do ({sure})."
            if kind == "disagreement"
            else f"On {rows} other rows {100 * one['seen']:.2f} points of accuracy are lost "
            f"against the full model; at most {_up(100 * one['at_most']):.2f} are on texts like "
            f"them ({sure})."
        )
    return told


def share(value: float, *, up: bool = False) -> str:
    """A share in percent with two digits; ``up`` never tells less than it is."""
    return f"{_up(100 * value) if up else 100 * value:.2f}%"


def _mixed(rows: Mapping[str, Any]) -> str:
    """Of which texts a promise is that those of several files prove together."""
    if not (rows["choose"] and rows["unlabelled"]):
        return ""
    return (
        f", {rows['choose']:,} of them rows of the data and {rows['unlabelled']:,} further texts: "
        "it is of both together, as many to as many"
    )


def _not_known(names: Sequence[str]) -> list[str]:
    if not names:
        return []
    told = names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
    return [
        f"Which texts {told} learned from was not known, so it was not looked for among the rows; "
        "on such it would be surer than on others."
    ]


def _up(value: float) -> float:
    return math.ceil(value * 100 - 1e-9) / 100
