"""Figures as people read them: the same words in the tables and on the page."""

from collections.abc import Mapping, Sequence
from typing import Any

__all__ = [
    "agreement_told",
    "choices_of",
    "confidence_of",
    "figure_of",
    "figure_text",
    "kind_of",
    "lost_text",
    "p99_text",
    "stages_text",
    "texts_text",
]

Row = Mapping[str, Any]
_CHOICES = {"threads": "threads", "batch_tokens": "batch", "length": "length"}


def choices_of(cells: Sequence[Row]) -> dict[str, str]:
    """The parts in which cells differ, beside device and variant: key in a cell to its name."""
    return {key: name for key, name in _CHOICES.items() if len({cell[key] for cell in cells}) > 1}


def figure_text(
    figure: Row | None, digits: int, scale: float = 1.0, *, interval: bool = True
) -> str:
    """A median with its interval, "1.77 (1.73 to 2.00)"; "" for a figure that is not there."""
    if not figure:
        return ""
    told = f"{figure['median'] * scale:,.{digits}f}"
    if interval and figure["low"] is not None:
        low, high = (f"{figure[end] * scale:,.{digits}f}" for end in ("low", "high"))
        told += f" ({low} to {high})"
    return told


def p99_text(cell: Row) -> str:
    """The processes' p99, else that of all their texts together, of which each has too few."""
    together = "" if cell["p99_ms"] is None else f"{cell['p99_ms']:.2f}"
    return figure_text(cell["single_p99_ms"], 2) or together


def figure_of(quality: Row) -> tuple[str, float | None]:
    """The metric that the export measured first, in words, and its value; None where untold."""
    if "metrics" in quality:
        return quality["metrics"][0], quality.get("figure")
    return "accuracy", quality.get("accuracy")


def agreement_told(cell: Row) -> tuple[str, float | None]:
    """What the agreement with fp32's answers is called, and how far it goes; None where untold."""
    if "alike" in cell:
        return cell["alike"], cell.get("agreement")
    return "same label", cell.get("label_agreement")


def kind_of(document: Row) -> str:
    """What was asked: "texts" or "questions"."""
    return str(document["texts"].get("kind", "texts"))


def texts_text(texts: Row) -> str:
    """What was asked, in a line: how many, from where, of how many tokens, and what was cut."""
    what = "tokens of question and context" if texts.get("kind") == "questions" else "tokens"
    told = (
        f"{texts['count']:,} ({texts['source']}), {what} p50 {texts['tokens_p50']}, "
        f"p90 {texts['tokens_p90']}, longest {texts['tokens_max']}"
    )
    if texts.get("windowed"):
        told += f"; {texts['windowed']:,} in several windows, of which all tokens count"
    if texts.get("truncated"):
        told += f"; {texts['truncated']:,} cut to the longest that the model reads"
    return told


def stages_text(shares: Mapping[str, float]) -> str:
    """Which share of the texts each stage of a cascade answered; "" where there are none."""
    return ", ".join(f"{name} {share:.1%}" for name, share in shares.items())


def lost_text(cell: Row) -> str:
    """What the export measured that a variant loses, of which metric and at most; "" if nothing."""
    quality = cell["quality"]
    if quality["drop_points"] is None:
        return ""
    told = f"{quality['drop_points']:.2f} of {quality['drop_metric']}"
    most = quality.get("proven_points")  # older documents lack it
    several = len(quality.get("metrics", "12")) > 1  # of a classifier they are not named
    return told if most is None else f"{told}, {'of either ' * several}at most {most:.2f}"


def confidence_of(figures: Sequence[Row]) -> str:
    """How sure intervals are, "97%", or "94% and 97%"; "" where there is none."""
    found = {f"{one['confidence']:.0%}" for one in figures if one["confidence"] is not None}
    return " and ".join(sorted(found))
