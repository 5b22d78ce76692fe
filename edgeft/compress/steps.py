"""The steps of a run, one after the other: what is done already is passed over."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from edgeft.compress.work import Work
from edgeft.data import Tell
from edgeft.errors import DataError, EdgeftError, GateError, ModelError, UsageError
from edgeft.progress import Progress

__all__ = ["RunStep", "take"]

# What says that a thing cannot be made of this model and these rows; the others of the family may.
CANNOT = (DataError, GateError, ModelError, UsageError)


@dataclass(frozen=True)
class RunStep:
    """One thing to make or measure.

    thing: what is left out if that cannot be done, and with it all that needs it. needs: other
    things. effort: about how long it takes, in times of the shortest. must: nothing goes on
    without it.
    """

    name: str
    thing: str
    needs: tuple[str, ...]
    effort: int
    done: Callable[[], bool]
    do: Callable[[Progress], None]
    must: bool = False


def take(steps: Sequence[RunStep], work: Work, progress: Progress, tell: Tell) -> list[str]:
    """Take the steps that are not done; return their names.

    What cannot be made is left out, and the reason is kept in ``work``. Time left is told after
    each step. Raises what a step that must be done raises, and other errors than CANNOT.
    """
    open_ = [one for one in steps if not one.done() and not work.left_out(one.thing)]
    before = len(steps) - len(open_)
    if before:
        tell(f"{before} of {len(steps)} steps are done already.")
    begin, spent, taken = time.monotonic(), 0, []
    for at, step in enumerate(open_, start=before + 1):
        # What the thing itself lacks was told when that was left out.
        missing = next((why for one in step.needs if (why := work.left_out(one))), "")
        if missing or work.left_out(step.thing):
            if missing:
                work.leave_out(step.thing, missing)
            continue
        taken.append(step.name)
        label = f"step {at} of {len(steps)}, {step.name}"
        progress(label, 0, 1)
        try:
            step.do(_within(progress, label))
        except CANNOT as error:
            if step.must:
                raise
            work.leave_out(step.thing, _first_line(error))
            tell(f"{step.thing} is left out: {_first_line(error)}")
        progress(label, 1, 1)
        spent += step.effort
        left = sum(one.effort for one in open_[at - before :])
        if left:
            seconds = (time.monotonic() - begin) / spent * left
            tell(f"{at} of {len(steps)} steps, about {_minutes(seconds)} left.")
    return taken


def _within(progress: Progress, label: str) -> Progress:
    return lambda step, done, total: progress(f"{label}: {step}" if step else label, done, total)


def _first_line(error: EdgeftError) -> str:
    return str(error).splitlines()[0]


def _minutes(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 90 else f"{seconds / 60:.0f} min"
