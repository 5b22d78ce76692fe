"""Draw what each variant keeps against what it costs: `make frontier`, from results/*.json.

Reads what `make bench-export` measured and writes `pictures/frontier.svg`; every
mark of the picture carries its figures as they stand in that file.
"""

import argparse
import json
from pathlib import Path
from typing import Any

import altair as alt
import vl_convert

from benchmarks.compare import RESULTS

__all__ = ["PICTURE", "RESULT", "described", "picture", "points"]

RESULT = RESULTS / "export-banking77.json"
PICTURE = Path(__file__).parent / "pictures" / "frontier.svg"
ALLOWED = 0.5  # points, the default of --max-drop
WIDTH, HEIGHT = 325, 250  # pixels of a panel
INK = "#3d3d3a"
# A card of its own colour, so that the picture can be read on a light and on a dark page.
CONFIG: dict[str, Any] = {
    "background": "#fbfbf9",
    "font": "Helvetica, Arial, sans-serif",
    "padding": 14,
    "view": {"stroke": None},
    "axis": {"gridColor": "#e6e6e2", "domain": False, "labelColor": INK,
             "titleColor": INK, "titleFontWeight": "normal", "tickColor": "#c9c9c4"},
    "legend": {"symbolOpacity": 1, "labelColor": INK, "titleColor": INK, "orient": "top"},
    "title": {"anchor": "start", "color": INK, "fontWeight": "normal", "fontSize": 12},
}  # fmt: skip
COLOURS = alt.Scale(domain=["whole", "trimmed"], range=["#1f5fa8", "#b4530a"])


def points(document: dict[str, Any]) -> list[dict[str, Any]]:
    """The measured variants: megabytes, times of fp32, points lost with their 95% interval."""
    return [
        {
            "model": row["model"],
            "variant": row["variant"],
            "mb": row["bytes"] / 1e6,
            "time": row["times_of_fp32"],
            "lost": row["drop"]["points"],
            "low": row["drop"]["low"],
            "high": row["drop"]["high"],
        }
        for row in document["rows"]
        if "refused" not in row
    ]


def described(point: dict[str, Any], cost: str) -> str:
    """A mark's figures in words, which the picture keeps as its label; ``cost`` is mb or time."""
    what = f"{point[cost]:.6g} MB" if cost == "mb" else f"{point[cost]:.6g} of fp32's time"
    return (
        f"{point['model']} {point['variant']}: {what}, {point['lost']:.4f} points lost "
        f"({point['low']:.4f} to {point['high']:.4f})"
    )


def picture(document: dict[str, Any]) -> str:
    """The frontier as SVG: points lost against megabytes, and against time."""
    found = points(document)
    panels = [
        _panel(found, "mb", "megabytes, logarithmic", lost="points lost (95% interval)"),
        _panel(found, "time", "time of a single text, in times of fp32's", lost=None),
    ]
    chart = alt.hconcat(*panels, spacing=18).configure(**CONFIG)
    return vl_convert.vegalite_to_svg(chart.to_dict())


def _panel(found: list[dict[str, Any]], cost: str, title: str, *, lost: str | None) -> alt.Chart:
    bounds = [min(one["low"] for one in found) - 0.05, max(one["high"] for one in found) + 0.05]
    rows = [{**one, "told": described(one, cost)} for one in found if one[cost] is not None]
    low, high = min(one[cost] for one in rows), max(one[cost] for one in rows)
    if cost == "mb":  # and room for the last name
        scale, ticks = alt.Scale(type="log", domain=[low * 0.85, high * 1.7]), [15, 20, 30, 50, 90]
    else:
        scale, ticks = alt.Scale(zero=False, domain=[low - 0.07, high + 0.13]), [0.6, 0.8, 1, 1.2]
    x = alt.X(f"{cost}:Q", title=title, scale=scale, axis=alt.Axis(values=ticks))
    y = alt.Y("lost:Q", title=lost, scale=alt.Scale(reverse=True, domain=bounds, nice=False),
              axis=alt.Axis(tickCount=6, labels=lost is not None))  # fmt: skip
    colour = alt.Color("model:N", title=None, scale=COLOURS, sort=None)
    base = alt.Chart(alt.Data(values=rows)).encode(x=x, color=colour)
    whiskers = base.mark_rule(opacity=0.35, strokeWidth=2, aria=False).encode(
        y=alt.Y("low:Q", title=lost), y2="high:Q"
    )
    dots = base.mark_point(filled=True, size=70, opacity=1).encode(y=y, description="told:N")
    names = [
        alt.Chart(alt.Data(values=_names([one for one in rows if one["model"] == model], cost)))
        .mark_text(align="left", dx=7, dy=-8 if model == "whole" else 10, fontSize=11, aria=False)
        .encode(x=x, y=y, text="name:N", color=colour)
        for model in ("whole", "trimmed")
    ]
    allowed = alt.Chart(alt.Data(values=[{"lost": ALLOWED, "name": f"allowed: {ALLOWED}"}]))
    limit = allowed.mark_rule(strokeDash=[4, 4], color=INK, aria=False).encode(y=y)
    told = allowed.mark_text(align="right", dy=8, fontSize=10, color=INK, aria=False).encode(
        x=alt.value(WIDTH), y=y, text="name:N"
    )
    layers = alt.layer(limit, told, whiskers, dots, *names)
    return layers.properties(width=WIDTH, height=HEIGHT)


def _names(rows: list[dict[str, Any]], cost: str) -> list[dict[str, Any]]:
    """One name for marks that lie on each other."""
    named: list[dict[str, Any]] = []
    span = max((one[cost] for one in rows), default=0.0)
    for row in rows:
        near = [one for one in named if abs(one["lost"] - row["lost"]) < 0.05
                and abs(one[cost] - row[cost]) < span / 30]  # fmt: skip
        if near:
            near[0]["name"] += f", {row['variant']}"
        else:
            named.append({**row, "name": row["variant"]})
    return named


def main() -> None:
    """Write the picture."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("result", nargs="?", type=Path, default=RESULT)
    parser.add_argument("-o", "--out", type=Path, default=PICTURE)
    chosen = parser.parse_args()
    try:
        svg = picture(json.loads(chosen.result.read_text(encoding="utf-8")))
    except (OSError, ValueError, LookupError, TypeError) as error:
        raise SystemExit(f"{chosen.result} is no result of `make bench-export`: {error}") from None
    chosen.out.write_text(svg, encoding="utf-8")


if __name__ == "__main__":
    main()
