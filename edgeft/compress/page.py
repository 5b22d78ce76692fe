"""The frontier as a page: what each candidate keeps against its speed, and against its size."""

import math
from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Any

import altair as alt

from edgeft import __version__
from edgeft.compress.frontier import Limits, MeasuredCandidate, best
from edgeft.compress.wording import COLUMNS, READ, table_rows
from edgeft.folders import write_file
from edgeft.report.charts import Chart
from edgeft.report.shell import html_table, sections, shell

__all__ = ["write_frontier"]

Row = dict[str, Any]
HEIGHT = 360  # pixels
APART = 0.05  # of the height, at least, between names that stand over one another
WIDE = 0.7  # of the width, which a name may take on a narrow screen
KINDS = ("whole", "trimmed", "half", "shorter", "static", "cascade")  # the order of colours
COSTS = {
    "texts_per_s": (
        "Score and speed",
        "texts a second in lists, logarithmic",
        "right",
    ),
    "mb": ("Score and size", "megabytes, logarithmic", "left"),
}


def write_frontier(
    place: Path,
    name: str,
    family: Sequence[MeasuredCandidate],
    left_out: Mapping[str, str],
    limits: Limits,
    *,
    chosen: str,
    told: Sequence[str],
    machine: str,
) -> None:
    """Write the page of a family to a file. Raises OutputError.

    ``chosen`` is "" where nothing is; what is ``told`` of the choice stands first.

    All figures are of the rows that report, and all but names come from ``family``.
    """
    points = [_point(one, family[0], chosen) for one in family]
    metric = next(iter(family[0].report["scores"]))
    large = "; the large dot is the chosen one" if chosen else ""
    charts = [
        Chart(
            "The frontier",
            title,
            f"Up and to the {side} is better{large}. Upright lines are "
            "95% intervals of what is lost against the whole model in fp32; the dashed line joins "
            "what nothing else beats in both; dotted lines are the limits. Where names would run "
            "into one another some are left out: a dot tells its own when pointed at.",
            _chart(points, family, cost, axis, metric.replace("_", " "), limits),
        )
        for cost, (title, axis, side) in COSTS.items()
    ]
    facts = f"{len(family)} candidates, edgeft {escape(__version__)}, {escape(machine)}"
    body = [
        "<section>",
        *(f"<p>{escape(one)}</p>" for one in told),
        "</section>",
        *sections(charts),
        "<section><h2>All candidates, on the rows that report</h2>",
        *html_table(COLUMNS, table_rows([one.to_dict() for one in family])),
        f"<p>{escape(READ)}</p>",
        *(["<h3>Not made</h3><ul>"] if left_out else []),
        *(f"<li><b>{escape(one)}</b>: {escape(why)}</li>" for one, why in left_out.items()),
        *(["</ul>"] if left_out else []),
        "</section>",
    ]
    page = shell(f"{name}, made smaller", facts, body, charts)
    write_file(place, page.encode("utf-8", "replace").decode("utf-8"))


def kind_of_candidate(one: MeasuredCandidate) -> str:
    """Of KINDS, by what it is called."""
    if one.stages:
        return "cascade"
    if "trimmed" in one.name:
        return "trimmed"
    return next((kind for kind in KINDS if one.name.startswith(kind)), "shorter")


def _point(one: MeasuredCandidate, whole: MeasuredCandidate, chosen: str) -> Row:
    metric, score = next(iter(one.report["scores"].items()))
    reference, lost = whole.report["scores"][metric], one.report["drop"][metric]
    same = one.name == whole.name
    return {
        "name": one.name,
        "kind": kind_of_candidate(one),
        "score": score,
        "low": score if same else reference - lost["high"] / 100,
        "high": score if same else reference - lost["low"] / 100,
        "texts_per_s": one.texts_per_s,
        "mb": one.bytes / 1e6,
        "chosen": one.name == chosen,
    }


def _chart(
    points: Sequence[Row],
    family: Sequence[MeasuredCandidate],
    cost: str,
    axis: str,
    metric: str,
    limits: Limits,
) -> Row:
    speed = cost == "texts_per_s"
    kept = best(
        family,
        (lambda one: -one.texts_per_s) if speed else (lambda one: one.bytes),
        lambda one: _point(one, family[0], "")["score"],
    )
    line = [one for each in kept for one in points if one["name"] == each.name]
    x = alt.X(f"{cost}:Q", title=axis, scale=alt.Scale(type="log", nice=False, padding=30),
              axis=alt.Axis(tickCount=5, format="~s" if speed else "~g"))  # fmt: skip
    y = alt.Y("score:Q", title=metric, scale=alt.Scale(zero=False, padding=20),
              axis=alt.Axis(tickCount=6, format=".3f"))  # fmt: skip
    colour = alt.Color("kind:N", title=None, scale=alt.Scale(domain=list(KINDS)), legend=alt.Legend(
        values=[kind for kind in KINDS if any(one["kind"] == kind for one in points)]))  # fmt: skip
    tooltip = [
        "name:N", alt.Tooltip("score:Q", format=".4f", title=metric),
        alt.Tooltip("texts_per_s:Q", format=",.0f"), alt.Tooltip("mb:Q", format=".1f", title="MB"),
    ]  # fmt: skip
    base = _values(points).encode(x=x, color=colour)
    layers = [
        _values(line).mark_line(strokeDash=[4, 4], opacity=0.6).encode(x=x, y=y),
        base.mark_rule(opacity=0.35, strokeWidth=2).encode(y="low:Q", y2="high:Q"),
        base.mark_point(filled=True, opacity=1).encode(
            y=y, tooltip=tooltip,
            size=alt.condition("datum.chosen", alt.value(220), alt.value(80)),
        ),
        *_limit_lines(points, cost, limits),
        *_names(line, points, cost, x, y),
    ]  # fmt: skip
    spec: Row = alt.layer(*layers).properties(width="container", height=HEIGHT).to_dict()
    spec.pop("config", None)
    return spec


def _names(
    line: Sequence[Row], points: Sequence[Row], cost: str, x: alt.X, y: alt.Y
) -> list[alt.Chart]:
    """The names of the chosen one and of what nothing else beats, where nothing else is."""
    places = [math.log(one[cost]) for one in points]
    middle = (min(places) + 2 * max(places)) / 3
    dy = -12 if cost == "texts_per_s" else 16
    named = _apart(line, points, cost)
    left = [one for one in named if math.log(one[cost]) <= middle]
    right = [one for one in named if one not in left]

    def labels(some: Sequence[Row]) -> alt.Chart:
        return _values([{**one, "label": one["name"].replace(", then ", " → ")} for one in some])

    return [
        labels(left).mark_text(align="left", dx=8, dy=dy, fontSize=11).encode(
            x=x, y=y, text="label:N"
        ),
        labels(right).mark_text(align="right", dx=8, dy=dy, fontSize=11).encode(
            x=x, y=y, text="label:N"
        ),
    ]  # fmt: skip


def _apart(line: Sequence[Row], points: Sequence[Row], cost: str) -> list[Row]:
    """The chosen one, and those of the line whose names run into none that is kept."""
    height = max(one["high"] for one in points) - min(one["low"] for one in points)
    places = [math.log(one[cost]) for one in points]
    width = max(places) - min(places)
    kept: list[Row] = []
    chosen = [one for one in points if one["chosen"]]
    for one in [*chosen, *(one for one in line if not one["chosen"])]:
        if all(
            abs(one["score"] - its["score"]) > APART * height
            or abs(math.log(one[cost] / its[cost])) > WIDE * width
            for its in kept
        ):
            kept.append(one)
    return kept


def _limit_lines(points: Sequence[Row], cost: str, limits: Limits) -> list[alt.Chart]:
    """Across: the score of the whole less what may be lost; upright: the limit of the cost."""
    least = points[0]["score"] - limits.max_drop / 100
    found = []
    if least > min(one["low"] for one in points):  # else it would only flatten the picture
        found.append(
            _values([{"least": least}]).mark_rule(opacity=0.4, strokeDash=[2, 3]).encode(
                y="least:Q"
            )
        )  # fmt: skip
    most = limits.max_bytes / 1e6 if limits.max_bytes else None
    upright = limits.min_texts_per_s if cost == "texts_per_s" else most
    if upright is not None:
        found.append(
            _values([{"limit": upright}]).mark_rule(opacity=0.4, strokeDash=[2, 3]).encode(
                x="limit:Q"
            )
        )  # fmt: skip
    return found


def _values(rows: Sequence[Row]) -> alt.Chart:
    return alt.Chart({"values": list(rows)})
