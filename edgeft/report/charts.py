"""Rows of figures to Vega-Lite charts. Colours and fonts are the page's business."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import altair as alt

from edgeft.bench.wording import confidence_of, kind_of
from edgeft.report import rows as rows_of
from edgeft.report.rows import MeasuredMachine

__all__ = ["Chart", "figures"]

Row = dict[str, Any]
HEIGHT = 280  # pixels
BAR = 34  # pixels for each bar
FEWEST_BARS = 2


@dataclass(frozen=True)
class Chart:
    """A chart with its title and what it shows; where ``spec`` is None, how to get it."""

    section: str
    title: str
    caption: str
    spec: dict[str, Any] | None


def figures(machines: Sequence[MeasuredMachine]) -> list[Chart]:
    """All figures of the page, in order."""
    cells = rows_of.cell_names(machines)
    found = [_latency(one, cells) for one in machines]
    found += _throughput(machines, cells)
    found.append(_frontier(machines))
    found += [_lengths(one, cells) for one in machines]
    found += [one for machine in machines for one in _throughput_by_length(machine)]
    found += [_roofline(one, cells) for one in machines]
    found += [
        _split(one, scenario) for one in machines for scenario in (rows_of.singles(one), "batches")
    ]
    return found


def _colour(rows: Sequence[Row], cells: Sequence[str]) -> alt.Color:
    """A cell has the same colour in every chart; a legend names those that are in it."""
    present = list(dict.fromkeys(row["cell"] for row in rows))
    return alt.Color(
        "cell:N", scale=alt.Scale(domain=list(cells)), legend=alt.Legend(title=None, values=present)
    )


def _chart(rows: Sequence[Row]) -> alt.Chart:
    return alt.Chart({"values": list(rows)})


def _spec(chart: Any, height: int = HEIGHT) -> dict[str, Any]:
    spec: dict[str, Any] = chart.properties(width="container", height=height).to_dict()
    spec.pop("config", None)
    return spec


def _latency(machine: MeasuredMachine, cells: Sequence[str]) -> Chart:
    rows = rows_of.latencies(machine)
    kind = kind_of(machine.document)
    caption = f"How many of the single {kind} were answered within so many milliseconds."
    caption += rows_of.chosen_note(machine)
    if not rows:
        return _absent("Latency", machine.name, "--scenario single-stream")
    chart = _chart(rows).mark_line(interpolate="step-after").encode(
        x=alt.X("ms:Q", scale=alt.Scale(type="log", nice=False), title="milliseconds"),
        y=alt.Y("share:Q", scale=alt.Scale(domain=[0, 100]), title=f"% of {kind}"),
        color=_colour(rows, cells),
        tooltip=["cell:N", alt.Tooltip("share:Q", title="percentile"),
                 alt.Tooltip("ms:Q", format=".2f")],
    )  # fmt: skip
    return Chart("Latency", machine.name, caption, _spec(chart))


def _throughput(machines: Sequence[MeasuredMachine], cells: Sequence[str]) -> list[Chart]:
    rows = [row for row in rows_of.throughputs(machines, whole=True) if row["length"] is None]
    kind = rows_of.kind_of_all(machines)
    found = [_bars(rows_of.throughputs(machines, whole=False), kind)]
    by_batch = _varied([row for row in rows if row["batch"] is not None], "batch")
    if by_batch:
        title = "padded tokens in a batch"
        found.append(_along("By batch", by_batch, "batch", title, kind, cells))
    by_threads = _varied(rows_of.throughputs(machines, whole=False), "threads")
    if by_threads:
        found.append(_along("By threads", by_threads, "threads", "CPU threads", kind, cells))
    return found


def _varied(rows: Sequence[Row], field: str) -> list[Row]:
    """The rows of the machines on which a field has more than one value."""
    values: dict[str, set[int]] = {}
    for row in rows:
        values.setdefault(row["machine"], set()).add(row[field])
    return [row for row in rows if len(values[row["machine"]]) > 1]


def _along(
    title: str, rows: Sequence[Row], field: str, name: str, kind: str, cells: Sequence[str]
) -> Chart:
    several = len({row["machine"] for row in rows}) > 1
    values = sorted({row[field] for row in rows})
    base = _chart(rows).encode(
        x=alt.X(f"{field}:Q", scale=alt.Scale(type="log", base=2, nice=False), title=name,
                axis=alt.Axis(values=values, format="d")),
        color=alt.Color("cell:N", title=None) if field == "threads" else _colour(rows, cells),
    )  # fmt: skip
    dash: Row = {"strokeDash": alt.StrokeDash("machine:N", title=None)} if several else {}
    line = base.mark_line(point=True).encode(
        y=alt.Y("value:Q", title=f"{kind} a second", scale=alt.Scale(zero=True)),
        tooltip=["machine:N", "cell:N", f"{field}:Q", alt.Tooltip("value:Q", format=",.0f")],
        **dash,
    )
    bounds = base.mark_rule(strokeWidth=2, opacity=0.5).encode(y="low:Q", y2="high:Q")
    caption = f"All {kind} in one call{_spread(rows, 'bars')}."
    return Chart("Throughput", title, caption, _spec(alt.layer(bounds, line)))


def _bars(rows: Sequence[Row], kind: str) -> Chart:
    """Texts or questions a second of each cell; the machines side by side."""
    if not rows:
        return _absent("Throughput", "All machines", "--scenario offline")
    several = len({row["machine"] for row in rows}) > 1
    side: Row = {"yOffset": alt.YOffset("machine:N")} if several else {}
    base = _chart(rows).encode(
        y=alt.Y("name:N", sort=None, title=None, axis=alt.Axis(labelLimit=170)), **side
    )
    bar = base.mark_bar(cornerRadiusEnd=3).encode(
        x=alt.X("value:Q", title=f"{kind} a second"),
        color=alt.Color("machine:N", title=None),
        tooltip=["machine:N", "name:N", alt.Tooltip("value:Q", format=",.0f"),
                 alt.Tooltip("low:Q", format=",.0f"), alt.Tooltip("high:Q", format=",.0f")],
    )  # fmt: skip
    rule = base.mark_rule(strokeWidth=2).encode(x="low:Q", x2="high:Q")
    caption = f"All {kind} in one call{_spread(rows, 'lines')}."
    height = BAR * max(FEWEST_BARS, len(rows)) + 20
    return Chart("Throughput", "Machines side by side", caption,
                  _spec(alt.layer(bar, rule), height))  # fmt: skip


def _frontier(machines: Sequence[MeasuredMachine]) -> Chart:
    rows = rows_of.frontier(machines)
    if not rows and rows_of.of_several_tasks(machines):
        caption = "These bundles are of several tasks, which have no measure of quality in common."
        return Chart("Quality, latency, size", "All machines", caption, None)
    if not rows:
        return _absent("Quality, latency, size", "All machines", "--variant fp32 --variant int8")
    best = [
        row
        for machine in machines
        for row in rows_of.pareto([one for one in rows if one["machine"] == machine.name])
    ]
    metric = rows[0]["metric"]
    named = {(row["variant"], row["MB"]): row
             for row in sorted(rows, key=lambda row: -float(row["ms"]))}  # fmt: skip
    x = alt.X("ms:Q", title=f"milliseconds for single {rows_of.kind_of_all(machines)} (p50)",
              scale=alt.Scale(zero=False, padding=40))  # fmt: skip
    y = alt.Y("quality:Q", title=metric, axis=alt.Axis(format=".4f", tickCount=5),
              scale=alt.Scale(zero=False, padding=40))  # fmt: skip
    points = _chart(rows).encode(x=x, y=y)
    dots = points.mark_point(filled=True, opacity=0.85).encode(
        color=alt.Color("variant:N", title=None),
        shape=alt.Shape("machine:N", title=None),
        size=alt.Size("MB:Q", title="MB", scale=alt.Scale(range=[60, 700]), legend=None),
        tooltip=["machine:N", "cell:N", alt.Tooltip("ms:Q", format=".2f"),
                 alt.Tooltip("quality:Q", format=".4f", title=metric),
                 alt.Tooltip("MB:Q", format=".1f")],
    )  # fmt: skip
    labels = [{**row, "label": f"{row['variant']}, {row['MB']:.0f} MB"} for row in named.values()]
    names = _chart(labels).mark_text(dy=-22, fontSize=12).encode(x=x, y=y, text="label:N")
    line = _chart(best).mark_line(strokeDash=[4, 4], opacity=0.6).encode(
        x="ms:Q", y="quality:Q", detail="machine:N"
    )  # fmt: skip
    caption = (
        "Up and to the left is better; the area is the file's size; the dashed line joins what "
        "nothing else beats in both."
    )
    return Chart("Quality, latency, size", "All machines", caption,
                  _spec(alt.layer(line, dots, names), HEIGHT + 40))  # fmt: skip


def _lengths(machine: MeasuredMachine, cells: Sequence[str]) -> Chart:
    rows = rows_of.lengths(machine)
    if len({row["tokens"] for row in rows}) < 2:
        return _absent("By length", machine.name, "--length 16 --length 64 --length 256")
    values = sorted({row["tokens"] for row in rows})
    base = _chart(rows).encode(
        x=alt.X("tokens:Q", scale=alt.Scale(type="log", base=2, nice=False), title=_tokens(machine),
                axis=alt.Axis(values=values, format="d")),
        color=_colour(rows, cells),
    )  # fmt: skip
    line = base.mark_line(point=True).encode(
        y=alt.Y("value:Q", scale=alt.Scale(type="log"), title="milliseconds (p50)"),
        tooltip=["cell:N", "tokens:Q", alt.Tooltip("value:Q", format=".2f")],
    )
    layers = [base.mark_rule(strokeWidth=2, opacity=0.5).encode(y="low:Q", y2="high:Q"), line]
    crossings = rows_of.crossings(rows)
    if crossings:
        mark = _chart(crossings).encode(x="tokens:Q")
        layers += [
            mark.mark_rule(strokeDash=[4, 4]),
            mark.mark_text(align="right", dx=-6, y=10, fontSize=12).encode(text="label:N"),
        ]
    devices = {row["device"] for row in rows}
    kind = kind_of(machine.document)
    caption = f"Single {kind} of one length each, tokenization included."
    if all(cell["length"] is None for cell in machine.cells):
        caption = f"Single {kind} as they are, up to so many tokens, tokenization included."
    if len(devices) == 1:
        caption += f" Only {devices.pop()} was measured, so nothing can cross."
    elif not crossings:
        caption += " No device overtakes another at these lengths."
    caption += "".join(f" {one['sentence']}" for one in crossings)
    return Chart("By length", machine.name, caption, _spec(alt.layer(*layers)))


def _throughput_by_length(machine: MeasuredMachine) -> list[Chart]:
    rows = rows_of.throughputs_by_length(machine)
    if len({row["tokens"] for row in rows}) < 2:
        return []
    values = sorted({row["tokens"] for row in rows})
    kind = kind_of(machine.document)
    chart = _chart(rows).mark_line(point=True).encode(
        x=alt.X("tokens:Q", scale=alt.Scale(type="log", base=2, nice=False), title=_tokens(machine),
                axis=alt.Axis(values=values, format="d")),
        y=alt.Y("value:Q", scale=alt.Scale(type="log"), title=f"{kind} a second"),
        color=alt.Color("cell:N", title=None),
        strokeDash=alt.StrokeDash("device:N", legend=None),
        tooltip=["cell:N", "tokens:Q", alt.Tooltip("value:Q", format=",.0f")],
    )  # fmt: skip
    # The one that gives more texts a second overtakes: that is the one that takes less time.
    crossings = rows_of.crossings([{**row, "value": 1 / row["value"]} for row in rows])
    caption = f"All {kind} in one call, in batches of so many padded tokens."
    caption += "".join(f" {one['sentence']}" for one in crossings)
    return [Chart("By length", f"{machine.name}, in batches", caption, _spec(chart))]


def _roofline(machine: MeasuredMachine, cells: Sequence[str]) -> Chart:
    points, roofs = rows_of.roof_points(machine), rows_of.roofs(machine)
    if not points:
        caption = "Not known: this architecture's operations are not counted, or nothing was run."
        return Chart("Roofline", machine.name, caption, None)
    x = alt.X("intensity:Q", scale=alt.Scale(type="log"), title="operations a byte of weights",
              axis=alt.Axis(tickCount=4, format="~s"))  # fmt: skip
    y = alt.Y("flops:Q", scale=alt.Scale(type="log"), title="GFLOP/s, useful",
              axis=alt.Axis(tickCount=4, format="~s"))  # fmt: skip
    roof = _chart(roofs).mark_line(strokeWidth=1.5, opacity=0.7).encode(
        x=x, y=y, detail="roof:N", strokeDash=alt.StrokeDash("roof:N", title="limit")
    )  # fmt: skip
    dots = _chart(points).mark_point(filled=True, size=110).encode(
        x=x, y=y, color=_colour(points, cells), shape=alt.Shape("scenario:N", title=None),
        tooltip=["cell:N", "scenario:N", alt.Tooltip("flops:Q", format=",.1f"),
                 alt.Tooltip("intensity:Q", format=",.0f"),
                 alt.Tooltip("reached:Q", format=".0%", title="of the limit")],
    )  # fmt: skip
    caption = (
        f"Operations at the {kind_of(machine.document)}' true lengths against what this machine "
        "can do at best: the slope is its memory, the flat its arithmetic, both measured."
        f"{rows_of.chosen_note(machine)}"
    )
    return Chart("Roofline", machine.name, caption, _spec(alt.layer(roof, dots), HEIGHT + 40))


def _split(machine: MeasuredMachine, scenario: str) -> Chart:
    rows = [row for row in rows_of.splits(machine) if row["scenario"] == scenario]
    title = f"{machine.name}, {scenario}"
    if not rows:
        wanted = "single-stream" if scenario != "batches" else "offline"
        return _absent("Where the time goes", title, f"--scenario {wanted}")
    parts = [part for part in rows_of.PARTS if any(row["part"] == part for row in rows)]
    chart = _chart(rows).mark_bar().encode(
        y=alt.Y("cell:N", sort=None, title=None, axis=alt.Axis(labelLimit=170)),
        x=alt.X("share:Q", stack="normalize", axis=alt.Axis(format=".0%"), title="of the time"),
        color=alt.Color("part:N", scale=alt.Scale(domain=list(rows_of.PARTS)),
                        legend=alt.Legend(title=None, values=parts)),
        order="order:Q",
        tooltip=["cell:N", "part:N", alt.Tooltip("share:Q", format=".1%")],
    )  # fmt: skip
    caption = (
        f"run is the model itself; wait is waiting for {kind_of(machine.document)} that another "
        "thread tokenizes; other is planning batches and the rest."
    )
    if scenario != "batches":
        caption = "run is the model itself; decode is what makes answers of its outputs."
    caption += rows_of.chosen_note(machine)
    height = BAR * max(FEWEST_BARS, len({row["cell"] for row in rows})) + 10
    return Chart("Where the time goes", title, caption, _spec(chart, height))


def _tokens(machine: MeasuredMachine) -> str:
    """What lengths count."""
    asked = kind_of(machine.document) == "questions"
    return "tokens of question and context" if asked else "tokens"


def _spread(rows: Sequence[Row], marks: str) -> str:
    """What the marks around a figure are, where there are any."""
    sure = confidence_of(rows)
    return f"; the {marks} are {sure} intervals over processes" if sure else ""


def _absent(section: str, title: str, options: str) -> Chart:
    return Chart(section, title, f"Not measured. Add {options} to edgeft bench.", None)
