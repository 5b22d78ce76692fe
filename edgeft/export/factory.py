"""Variants one after the other: made, tried, let down the ladder, and measured or dropped."""

import math
from collections.abc import Collection, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace

import numpy as np

from edgeft.bundle import Golden
from edgeft.data import evenly
from edgeft.errors import GateError
from edgeft.export.draft import Draft
from edgeft.export.ladder import descend
from edgeft.export.make import Materials, layers_of, make
from edgeft.export.speed import relative_times
from edgeft.export.variants import KINDS
from edgeft.progress import Progress, silent
from edgeft.proof.decide import NO_WISH, Wish, decide
from edgeft.proof.gates import Logits, Reference, VariantReport, judge, report_on
from edgeft.proof.limits import EXACT, MAX_DROP, ROUNDED_TOLERANCE, SAME_LOGITS
from edgeft.proof.scoring import label_ids, rounded_up
from edgeft.runtime.model import Model
from edgeft.tasks.builtin import GOLDEN_TEXTS

__all__ = ["Factory", "Rules"]

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
        self.reports: dict[str, VariantReport] = {}
        self.dropped: dict[str, str] = {}

    def produce(self, name: str) -> None:
        """Make a variant and prove it, or drop it; fp32 must be the first.

        Raises GateError where fp32, or a variant that was named, cannot pass,
        ModelError where fp32 or portable do not answer as torch does.
        """
        if name == "portable" and self._materials.graphs.fused == self._materials.graphs.plain:
            self.dropped[name] = "fp32 itself has plain operators alone"
            return
        if KINDS[name].calibrated and not self._materials.calibration:
            self._refuse(name, "it takes its scales from 16 texts of yours or more (--calibration)")
            return
        logits, problem = self._try(name)  # (N, C) of the texts that choose
        problem = problem or self._decide(name, logits) or self._report(name, logits)
        if problem:
            self._refuse(name, problem)

    def compare_speed(self) -> dict[str, float]:
        """The time of a single text in each variant that is for CPUs, in times of fp32's."""
        names = [name for name in self._draft.variants if KINDS[name].wants != "cuda"]
        if len(names) < 2:
            return {}
        with ExitStack() as stack:
            models = {name: stack.enter_context(self._draft.open(name)) for name in names}
            return relative_times(models, "fp32", evenly(self._reporter.texts, SPEED_TEXTS))

    # --- the steps -----------------------------------------------------------------------

    def _try(self, name: str) -> tuple[Logits, str]:
        """Make the variant; its (N, C) logits for the texts that choose, and what is wrong."""
        answers: list[Logits] = []

        def attempt(leave: Collection[str]) -> str:
            with self._made(name, leave) as model:
                logits, problem = judge(
                    model, self._chooser, max_drop=self._rules.max_drop, progress=self._progress
                )
            answers[:] = [logits]
            return problem

        layers = layers_of(name, self._materials)
        rung = descend(layers, attempt, lambda layer: self._sensitivity(name, layer, layers))
        if rung.left:
            measured = self._draft.variants[name].measured
            self._draft.change(name, measured={**measured, "left_in_float": list(rung.left)})
        return answers[0], rung.problem

    def _sensitivity(self, name: str, layer: str, layers: Sequence[str]) -> float:
        """How far quantizing one layer alone moves the logits, on average."""
        self._progress(f"finding what {name} may not touch", layers.index(layer), len(layers))
        places = evenly(range(len(self._chooser.texts)), SENSITIVITY_TEXTS)
        texts = [self._chooser.texts[at] for at in places]
        others = [one for one in layers if one != layer]
        with self._made(name, others, calibration=SENSITIVITY_TEXTS) as model:
            logits = model.logits(texts)
        moved = float(np.abs(logits - self._chooser.logits[places]).mean())
        return moved if math.isfinite(moved) else math.inf

    def _made(self, name: str, leave: Collection[str], *, calibration: int | None = None) -> Model:
        """The variant, written to its place and loaded; from few calibration texts if so told."""
        rows = self._materials.calibration[:calibration]
        make(name, self._draft.path(name), replace(self._materials, calibration=rows), leave)
        self._draft.add(name)
        return self._draft.open(name)

    def _decide(self, name: str, logits: Logits) -> str:
        """Set temperature and thresholds; return what cannot be had, if anything."""
        examples, labels = self._chooser.examples, self._draft.labels
        if examples is None:
            return ""
        try:
            decision = decide(name, logits, label_ids(examples), labels, self._rules.wish)
        except GateError as error:
            if name in ("fp32", *self._rules.named):
                raise
            return str(error).splitlines()[0].removeprefix(f"{name}: ").rstrip(".")
        self._draft.change(name, decision=decision)
        return ""

    def _report(self, name: str, logits: Logits) -> str:
        """Measure the variant on the texts that report; return what is wrong with it, if any.

        ``logits`` are those of the texts that choose, which may be the same ones.
        """
        with self._draft.open(name) as model:
            if self._reporter is not self._chooser:
                logits, problem = judge(
                    model, self._reporter, max_drop=self._rules.max_drop, progress=self._progress
                )
                if problem:
                    return problem
            variant = self._draft.variants[name]
            report = report_on(
                model, self._reporter, logits, variant.decision, max_drop=self._rules.max_drop
            )
            golden = model.logits(GOLDEN_TEXTS, alone=True).astype(np.float64)  # (G, C)
            golden = golden.round(GOLDEN_DIGITS)
        if name in EXACT and (problem := neighbours_count(report)):
            return problem
        size, whole = (self._draft.path(one).stat().st_size for one in (name, "fp32"))
        needless = KINDS[name].precision != "fp32" and size > SMALLER * whole
        if needless and name not in self._rules.named:
            return f"it is not smaller than fp32 ({size / whole:.0%} of it)"
        exact = golden if name == "fp32" else np.array(self._draft.variants["fp32"].golden.logits)
        lost = float(np.abs(golden - exact).max())
        self.reports[name] = report
        self._draft.change(
            name,
            golden=Golden(tuple(map(tuple, golden.tolist())), _tolerance(name, lost, report)),
            measured={**variant.measured, **report.to_dict()},
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


def neighbours_count(report: VariantReport) -> str:
    """What is wrong where a text's answer changes with the others in its batch, "" if it does not.

    int8 takes the scale of activations from the whole batch, and says so; a graph in
    float32 has no such reason.
    """
    if not report.batch_flips and report.batch_max_abs_logit_diff <= SAME_LOGITS:
        return ""
    return (
        f"it answers {report.batch_flips} of {report.batch_texts} texts otherwise alone than in a "
        f"batch (logits differ by up to {report.batch_max_abs_logit_diff:.2g})"
    )


def _tolerance(name: str, lost: float, report: VariantReport) -> float:
    """How far another machine's golden logits may lie from these.

    fp32: float32 sums in another order. int8: a float32 difference of one part
    in ten million moves some activation by a step, which moves others, until
    the rounding is another one altogether. So two right machines differ by
    about what rounding costs: ``lost``, the largest golden difference from
    fp32, or the largest difference that neighbours in a batch made.
    """
    if name in EXACT:
        return SAME_LOGITS
    most = max(lost, report.batch_max_abs_logit_diff, ROUNDED_TOLERANCE)
    return rounded_up(most, TOLERANCE_DIGITS)
