"""What the figures mean, in sentences; pure functions of the figures."""

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence

from edgeft.bench.cell import PERCENTILES, Cell
from edgeft.bench.disturbance import Disturbance
from edgeft.bench.result import CellResult
from edgeft.bench.statistics import FEWEST, Interval, Ratio, ratio_of, samples_needed
from edgeft.proof.limits import MAX_DROP
from edgeft.runtime.cpu import has_int8_dot
from edgeft.runtime.variants import SAME

__all__ = ["best_by_device", "cell_verdict", "crossing", "device_verdicts", "warnings"]


def cell_verdict(cell: CellResult, cells: Sequence[CellResult], features: Sequence[str]) -> str:
    """What to know of a cell beside the others, in a line; "" where it has no figures."""
    one = cell.measured
    if one is None:
        return ""
    parts = [*_titles(cell, cells), *_beside_fp32(cell, cells, features)]
    if not parts:
        compared = cell.cell.variant == "fp32" and len(cells) > 1
        return "what the others are compared with" if compared else "measured on its own"
    return "; ".join(parts)


def device_verdicts(cells: Sequence[CellResult]) -> Iterator[str]:
    """From which text length on one device is quicker than another."""
    best = best_by_device(
        (cell.cell.device, cell.cell.length, p50.median)
        for cell in cells
        if cell.cell.length is not None and cell.measured is not None
        if (p50 := cell.measured.single_p50_ms) is not None
    )
    devices = list(best)
    kind = cells[0].texts.kind.removesuffix("s") if cells else ""
    for at, first in enumerate(devices):
        for second in devices[at + 1 :]:
            yield _cross_sentence(first, best[first], second, best[second], kind)


def best_by_device(times: Iterable[tuple[str, int, float]]) -> dict[str, dict[int, float]]:
    """The least time of each device at each length, of (device, length, time)."""
    best: dict[str, dict[int, float]] = {}
    for device, length, time_ms in times:
        lengths = best.setdefault(device, {})
        lengths[length] = min(time_ms, lengths.get(length, math.inf))
    return best


def crossing(one: Mapping[int, float], other: Mapping[int, float]) -> float | None:
    """The length from which on ``other`` takes less time than ``one``; None where there is none.

    Both are times by length. At every length measured beyond it ``other`` is the
    quicker. Between two lengths the quotient of the times is taken as a straight line
    over the logarithm of the length.
    """
    shared = sorted(set(one) & set(other))
    quotients = [math.log(other[length] / one[length]) for length in shared]
    for at in range(len(shared) - 1, 0, -1):
        before, after = quotients[at - 1], quotients[at]
        if after > 0:
            return None
        if before > 0:
            share = before / (before - after)
            low, high = math.log(shared[at - 1]), math.log(shared[at])
            return math.exp(low + share * (high - low))
    return None


def warnings(cells: Sequence[CellResult], disturbance: Disturbance, samples: int) -> Iterator[str]:
    """What makes the figures less sure than they look; ``samples`` single texts were asked for."""
    done = [(cell.cell, cell.measured) for cell in cells if cell.measured is not None]
    threads = max((one.threads for _, one in done), default=0)
    yield from disturbance.warnings(threads)
    for cell, one in done:
        if not one.steady:
            yield f"{cell} was not steady after 100 warm-up calls."
    few = min((one.samples for _, one in done if one.samples), default=None)
    untold = [
        share
        for share in PERCENTILES.values()
        if few and few < samples_needed(share) and (share <= 99 or samples >= samples_needed(share))
    ]
    if few is not None and untold:
        *others, last = (f"p{share:g}" for share in untold)
        names = f"{', '.join(others)} and {last}" if others else last
        yield (
            f"Too few single {cells[0].texts.kind}, {few:,}, to tell {names}: it takes "
            f"{samples_needed(untold[-1]):,} --samples, and --seconds enough for them."
        )
    if done and len(done[0][1].runs) < FEWEST:
        yield f"No interval can be told from fewer than {FEWEST} --rounds."


def _titles(cell: CellResult, cells: Sequence[CellResult]) -> Iterator[str]:
    """What a cell is the best at, where there is more than one."""
    rivals = [other for other in cells if other.measured is not None and other is not cell
              and other.cell.length == cell.cell.length]  # fmt: skip
    if not rivals:
        return
    one = cell.measured
    assert one is not None
    for title, figure, better in (
        (f"quickest for single {cell.texts.kind}", "single_p50_ms", 1.0),
        (f"most {cell.texts.kind} a second", "texts_per_s", -1.0),
    ):
        mine: Interval | None = getattr(one, figure)
        theirs = [(other, getattr(other.measured, figure)) for other in rivals]
        theirs = [(other, interval) for other, interval in theirs if interval is not None]
        if mine is None or not theirs:
            continue
        if all(better * mine.median <= better * interval.median for _, interval in theirs):
            near = [str(other.cell) for other, interval in theirs if not _differs(mine, interval)]
            yield title + (f" (no clear difference to {', '.join(near[:2])})" if near else "")
    fit = [other for other in (cell, *rivals) if _fits(other)]
    for some, sure in ((fit, "as measured, not proven"), (list(filter(_proven, fit)), "proven")):
        if cell not in some or len({other.cell.variant for other in fit}) < 2:
            continue
        told = sure == "proven" or not _proven(cell)
        if told and cell.file_bytes == min(other.file_bytes for other in some):
            yield f"smallest within {MAX_DROP:g} points ({sure})"


def _fits(cell: CellResult) -> bool:
    drop = cell.quality.drop_points
    return drop is not None and drop <= MAX_DROP


def _proven(cell: CellResult) -> bool:
    """Whether the export's rows prove of every metric that no more is lost."""
    most = cell.quality.proven_points
    return most is not None and most <= MAX_DROP


def _beside_fp32(
    cell: CellResult, cells: Sequence[CellResult], features: Sequence[str]
) -> Iterator[str]:
    base = _twin(cell.cell, cells)
    if base is None or base.measured is None or cell.measured is None:
        return
    single = _speed(base.measured.single_p50_ms, cell.measured.single_p50_ms)
    whole = _speed(cell.measured.texts_per_s, base.measured.texts_per_s)
    both = ((single, f"for single {cell.texts.kind}"), (whole, "in batches"))
    told = [(ratio, what) for ratio, what in both if ratio is not None]
    size = f"{cell.file_bytes / 1e6:.1f} MB instead of {base.file_bytes / 1e6:.1f} MB"
    if told and all(ratio.clear and ratio.ratio < 1 - SAME for ratio, _ in told):
        text = f"{cell.cell.variant} loses to fp32 here: " + " and ".join(
            f"{ratio.ratio:.2f}× as fast {what}" for ratio, what in told
        )
        int8_on_cpu = cell.precision == "int8" and cell.cell.device == "cpu"
        if int8_on_cpu and features and not has_int8_dot({*features}):
            text += " (a CPU without int8 dot products)"
        yield text
    elif told:
        yield "against fp32 " + " and ".join(f"{_pace(ratio)} {what}" for ratio, what in told)
    yield size
    if cell.agreement is not None:
        yield f"{cell.alike} as fp32: {cell.agreement:.1%}"


def _twin(cell: Cell, cells: Sequence[CellResult]) -> CellResult | None:
    """The fp32 cell that differs in the variant alone; None for fp32 itself."""
    if cell.variant == "fp32":
        return None
    for other in cells:
        same = {name: value for name, value in vars(cell).items() if name != "variant"}
        if other.cell == Cell(variant="fp32", **same):
            return other
    return None


def _speed(one: Interval | None, other: Interval | None) -> Ratio | None:
    return ratio_of(one.values, other.values) if one is not None and other is not None else None


def _pace(ratio: Ratio) -> str:
    if not ratio.clear or abs(ratio.ratio - 1) <= SAME:
        return "no clear difference"
    return f"{ratio.ratio:.2f}× as fast ({ratio.low:.2f} to {ratio.high:.2f})"


def _differs(one: Interval, other: Interval) -> bool:
    ratio = ratio_of(one.values, other.values)
    return ratio.clear and abs(ratio.ratio - 1) > SAME


def _cross_sentence(
    first: str, ones: Mapping[int, float], second: str, others: Mapping[int, float], kind: str
) -> str:
    for name, slow, rival, quick in ((first, ones, second, others), (second, others, first, ones)):
        length = crossing(slow, quick)
        if length is not None:
            return (
                f"From {length:.0f} tokens on, {rival} is quicker for a single {kind} than {name}."
            )
    shared = set(ones) & set(others)
    if not shared:
        return f"{first} and {second} were not measured at the same lengths."
    winner = first if all(ones[at] <= others[at] for at in shared) else second
    return f"At every length measured, {winner} is the quicker of {first} and {second}."
