"""Variants one after the other: made, tried, let down the ladder, and measured or dropped."""

import math
from collections.abc import Collection, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace

from edgeft.bundle import Golden
from edgeft.data import evenly
from edgeft.errors import GateError
from edgeft.export.draft import Draft
from edgeft.export.kinds import VARIANT_KINDS, Materials, layers_of, make
from edgeft.export.ladder import descend
from edgeft.export.speed import relative_times
from edgeft.progress import Progress, silent
from edgeft.proof.agreement import differences
from edgeft.proof.finding import Finding, Neighbours
from edgeft.proof.gates import Reference, judge, report_on
from edgeft.proof.limits import MAX_DROP, ROUNDED_TOLERANCE, SAME_LOGITS
from edgeft.proof.told import Told
from edgeft.runtime.golden import Flat, largest_difference
from edgeft.runtime.model import Model
from edgeft.tasks.head import NO_WISH, Wish
from edgeft.tasks.outputs import flat, picked

__all__ = ["Factory", "Rules", "neighbours_count", "tolerance"]

SENSITIVITY_TEXTS = 64  # on which one layer's part in an error is measured
SPEED_TEXTS = 32
GOLDEN_DIGITS = 4  # of logits: a twentieth of the least tolerance, and more than rounding shows
TOLERANCE_DIGITS = 3
SMALLER = 0.95  # of the fp32 graph; what saves less is not worth another file


@dataclass(frozen=True)
class Rules:
    """What variants are held to; those in ``named`` must pass, others may be left out."""

    named: Collection[str] = ()
    max_drop: float = MAX_DROP
    wish: Wish = NO_WISH


class Factory:
    """Fills a draft with variants. ``dropped`` tells why others are not in it."""

    def __init__(
        self,
        draft: Draft,
        materials: Materials,
        chooser: Reference,
        reporter: Reference,
        *,
        rules: Rules,
        progress: Progress = silent,
    ) -> None:
        self._draft, self._materials = draft, materials
        self._chooser, self._reporter = chooser, reporter
        self._rules, self._progress = rules, progress
        self.reports: dict[str, Finding] = {}
        self.dropped: dict[str, str] = {}

    def produce(self, name: str) -> None:
        """Make a variant and prove it, or drop it; fp32 must be the first.

        Raises GateError where fp32, or a variant that was named, cannot pass,
        ModelError where fp32 or portable do not answer as torch does.
        """
        if name == "portable" and self._materials.graphs.fused == self._materials.graphs.plain:
            self.dropped[name] = "fp32 itself has plain operators alone"
            return
        if VARIANT_KINDS[name].takes_scales and not self._materials.scales:
            self._refuse(name, "it takes its scales from 16 texts of yours or more (--scales)")
            return
        told, problem = self._try(name)
        problem = problem or self._decide(name, told) or self._report(name, told)
        if problem:
            self._refuse(name, problem)

    def compare_speed(self) -> dict[str, float]:
        """The time of a single text in each variant that is for CPUs, in times of fp32's."""
        names = [name for name in self._draft.variants if VARIANT_KINDS[name].wants != "cuda"]
        if len(names) < 2:
            return {}
        with ExitStack() as stack:
            models = {name: stack.enter_context(self._draft.open(name)) for name in names}
            return relative_times(models, "fp32", evenly(self._reporter.texts, SPEED_TEXTS))

    # --- the steps -----------------------------------------------------------------------

    def _try(self, name: str) -> tuple[Told, str]:
        """Make the variant; what it tells of the texts that choose, and what is wrong with it."""
        last: list[Told] = []

        def attempt(leave: Collection[str]) -> str:
            with self._made(name, leave) as model:
                told, problem = judge(
                    model, self._chooser, max_drop=self._rules.max_drop, progress=self._progress
                )
            last[:] = [told]
            return problem

        layers = layers_of(name, self._materials)
        rung = descend(layers, attempt, lambda layer: self._sensitivity(name, layer, layers))
        if rung.left:
            measured = self._draft.variants[name].measured
            self._draft.change(name, measured={**measured, "left_in_float": list(rung.left)})
        return last[0], rung.problem

    def _sensitivity(self, name: str, layer: str, layers: Sequence[str]) -> float:
        """How far quantizing one layer alone moves the logits, on average."""
        self._progress(f"finding what {name} may not touch", layers.index(layer), len(layers))
        told = self._chooser.told
        places = evenly(range(len(told)), SENSITIVITY_TEXTS)
        others = [one for one in layers if one != layer]
        with self._made(name, others, scales=SENSITIVITY_TEXTS) as model:
            _, outputs = model.outputs([told.inputs[at] for at in places])
        _, moved = differences(outputs, picked(told.outputs, places))
        return moved if math.isfinite(moved) else math.inf

    def _made(self, name: str, leave: Collection[str], *, scales: int | None = None) -> Model:
        """The variant, written to its place and loaded; with scales from few texts if so told."""
        rows = self._materials.scales[:scales]
        make(name, self._draft.path(name), replace(self._materials, scales=rows), leave)
        self._draft.add(name)
        return self._draft.open(name)

    def _decide(self, name: str, told: Told) -> str:
        """Set temperature and thresholds; return what cannot be had, if anything."""
        truths = self._chooser.truths
        if truths is None:
            return ""
        try:
            head = told.task.fit(
                told.outputs, told.encoded, told.inputs, truths, told.labels, self._rules.wish, name
            )
        except GateError as error:
            if name in ("fp32", *self._rules.named):
                raise
            return str(error).splitlines()[0].removeprefix(f"{name}: ").rstrip(".")
        self._draft.decide(name, head)
        return ""

    def _report(self, name: str, told: Told) -> str:
        """Measure the variant on the texts that report; return what is wrong with it, if any.

        ``told`` is of the texts that choose, which may be the same ones.
        """
        with self._draft.open(name) as model:
            if self._reporter is not self._chooser:
                told, problem = judge(
                    model,
                    self._reporter,
                    max_drop=self._rules.max_drop,
                    head=model.head,
                    progress=self._progress,
                )
                if problem:
                    return problem
            variant = self._draft.variants[name]
            report = report_on(
                model, self._reporter, told, model.head, max_drop=self._rules.max_drop
            )
            _, outputs = model.outputs(model.task.golden, alone=True, cut=True)
            unit = model.task.unit(self._reporter.told.outputs)
        golden = {
            name: tuple(tuple(round(one, GOLDEN_DIGITS) for one in row) for row in rows)
            for name, rows in flat(outputs).items()
        }
        assert report.batch is not None
        if VARIANT_KINDS[name].exact and (problem := neighbours_count(report.batch, unit)):
            return problem
        size, whole = (self._draft.path(one).stat().st_size for one in (name, "fp32"))
        needless = not VARIANT_KINDS[name].exact and size > SMALLER * whole
        if needless and name not in self._rules.named:
            return f"it is not smaller than fp32 ({size / whole:.0%} of it)"
        lost = 0.0
        if name != "fp32":
            lost = largest_difference(golden, self._draft.variants["fp32"].golden.outputs)
        self.reports[name] = report
        self._draft.change(
            name,
            golden=Golden(golden, tolerance(name, golden, lost, report.batch, unit)),
            measured={**variant.measured, **report.measured()},
        )
        return ""

    def _refuse(self, name: str, problem: str) -> None:
        self._draft.drop(name)
        if name in ("fp32", *self._rules.named):
            raise GateError(
                f"{name} cannot be shipped: {problem}.",
                hint="Nothing was written. Export without it, such as --variant fp32,\n"
                "or allow a larger loss with --max-drop, judged on --data FILE.",
            )
        self.dropped[name] = problem


def neighbours_count(batch: Neighbours, unit: float = 1.0) -> str:
    """What is wrong where a text's answer changes with the others in its batch, "" if it does not.

    int8 takes the scale of activations from the whole batch, and says so; a graph in
    float32 has no such reason. ``unit`` is the task's, as in ``tolerance``.
    """
    if not batch.flips and batch.max_abs_logit_diff <= SAME_LOGITS * unit:
        return ""
    return (
        f"it answers {batch.flips} of {batch.texts} texts otherwise alone than in a "
        f"batch (logits differ by up to {batch.max_abs_logit_diff:.2g})"
    )


def tolerance(name: str, golden: Flat, lost: float, batch: Neighbours, unit: float = 1.0) -> float:
    """How far another machine's golden logits may lie from these.

    fp32: float32 sums in another order. int8: a float32 difference of one part
    in ten million moves some activation by a step, which moves others, until
    the rounding is another one altogether. So two right machines differ by
    about what rounding costs: ``lost``, the largest golden difference from
    fp32, or the largest difference that neighbours in a batch made. A CPU
    rounds the weights of fp16 alone, where a GPU rounds every sum, and both by
    a share of the number: so at the least a share of the largest logit.
    """
    if VARIANT_KINDS[name].exact:
        return SAME_LOGITS * unit
    largest = max((abs(one) for rows in golden.values() for row in rows for one in row), default=0)
    most = max(lost, batch.max_abs_logit_diff, ROUNDED_TOLERANCE * max(largest, 1.0))
    return rounded_up(most, TOLERANCE_DIGITS)


def rounded_up(number: float, digits: int) -> float:
    """``number`` to so many digits, and never below it; NaN and infinity stay what they are."""
    if not math.isfinite(number):
        return number
    scale = 10.0**digits
    return round(math.ceil(number * scale - 1e-6) / scale, digits)
