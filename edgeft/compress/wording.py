"""The frontier's table on the rows that report; the card and the command say the same."""

from collections.abc import Mapping, Sequence
from typing import Any

from edgeft.proof.paired import told_loss

__all__ = ["COLUMNS", "READ", "table_rows"]

COLUMNS = ("candidate", "MB", "texts/s", "times", "p50 ms", "score", "points lost (95%)",
           "within", "by stage")  # fmt: skip
READ = (
    "Rows that chose were looked at to choose, those that reported by nothing and nobody before. "
    "Speed is of the machine that made it, in lists and of single texts (median); size is that of "
    "all files but this card and the manifest. Times, and points lost of the metric that lost "
    "most, are against the whole model in fp32."
)


def table_rows(family: Sequence[Mapping[str, Any]]) -> list[list[str]]:
    """A row for each candidate as ``to_dict`` tells it, the whole's fp32 first."""
    return [_cells(one, reference=not at) for at, one in enumerate(family)]


def _cells(one: Mapping[str, Any], *, reference: bool) -> list[str]:
    scores, drop = one["report"]["scores"], one["report"]["drop"]
    return [
        one["name"],
        f"{one['bytes'] / 1e6:.1f}",
        f"{one['texts_per_s']:,.0f}",
        "1" if reference else f"{one['times_as_fast']:.2f}",
        f"{one['p50_ms']:.2f}",
        f"{next(iter(scores.values())):.4f}",
        "-" if reference else told_loss(drop),
        "-" if reference else _within(drop),
        ", ".join(f"{share:.0%}" for share in one["stages"].values()) or "-",
    ]


def _within(drop: Mapping[str, Any]) -> str:
    if drop["proven"]:
        return "proven"
    return "no" if drop["points"] > drop["allowed"] else "not proven"
