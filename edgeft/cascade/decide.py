"""Which promises are made, how far down the path they hold, and why nowhere."""

from collections.abc import Sequence

from edgeft.cascade.choose import PATH, Judged, Limit, Reach
from edgeft.errors import GateError, UsageError
from edgeft.proof.limits import CONFIDENCE, MAX_DROP
from edgeft.proof.paired import mcnemar_p

__all__ = [
    "MAX_DISAGREEMENT",
    "check_full",
    "check_use",
    "limits_of_promises",
    "threshold_notes",
    "proven",
    "too_slow",
]

MAX_DISAGREEMENT = 1.0  # percent, where nothing else is asked for and there are no labels
WORSE = 0.05  # p of McNemar's test below which a full model is worse than a stage before it
LEAST_SHARE = 0.01  # of the texts stays with the cheap stages, or there is no point


def limits_of_promises(
    drop: float | None, disagreement: float | None, *, labelled: bool, wanted: bool
) -> list[Limit]:
    """What is to be promised, of points or percent that were asked for; something if ``wanted``.

    ``labelled`` says that there are rows by which a loss of accuracy can be seen. Raises
    UsageError where one was asked for and there are none.
    """
    if drop is not None and not labelled:
        raise UsageError(
            "A loss of accuracy is seen on labelled rows, and there are none.",
            hint="Give labelled --data, or promise how far answers agree: --max-disagreement 1",
        )
    if drop is None and disagreement is None and wanted:
        if labelled:
            drop = MAX_DROP
        else:
            disagreement = MAX_DISAGREEMENT
    found: list[Limit] = []
    if drop is not None:
        found.append(Limit("drop", drop / 100))
    if disagreement is not None:
        found.append(Limit("disagreement", disagreement / 100))
    return found


def check_full(names: Sequence[str], judged: Judged) -> None:
    """Raise GateError where a stage is right more often than the full model, beyond chance."""
    if judged.right is None or not len(judged):
        return
    full = judged.right[-1]
    for name, right in zip(names[:-1], judged.right[:-1], strict=True):
        lost, won = int((full > right).sum()), int((right > full).sum())
        if won > lost and mcnemar_p(won, lost) < WORSE:
            raise GateError(
                f"The full model is wrong more often than {name}, which comes before it: "
                f"it is right for {full.mean():.1%} of {len(judged):,} rows, {name} for "
                f"{right.mean():.1%}. A cascade would take longer and answer worse.",
                hint=f"Nothing was written. Use {name} alone, or name a better model last.",
            )


def proven(reaches: Sequence[Reach]) -> int:
    """How many thresholds of PATH keep every promise. Raises GateError where none does."""
    for one in reaches:
        if not one.passed:
            raise _unproven(one)
    return min((one.passed for one in reaches), default=len(PATH))


def too_slow(full: str, speedup: float, most: float, *, promised: bool) -> GateError:
    """Why there is no cascade that is so fast, where the fastest was timed ``most`` times as."""
    limit = " that keeps what is promised" if promised else ""
    return GateError(
        f"No threshold{limit} makes it {speedup:g} times as fast as {full} alone; the fastest "
        f"that was timed makes it {most:g} times.",
        hint="Nothing was written. Allow more, or name a cheaper stage; other work on this "
        "machine slows both.",
    )


def check_use(names: Sequence[str], reaches: Sequence[Reach], every: Judged, below: float) -> None:
    """Raise GateError where hardly a text stays with the stages before the last.

    ``every`` are all texts that choose.
    """
    stays = float((every.answering(below) < every.last).mean())
    if stays >= LEAST_SHARE:
        return
    told = " and that ".join(_what(one.limit) for one in reaches)
    raise GateError(
        f"No threshold of use is proven: where it is that {told}, {stays:.1%} of the texts "
        f"stay with the stages before {names[-1]}, so a cascade would gain nothing."
        if reaches
        else f"At that speed {stays:.1%} of the texts stay with the stages before {names[-1]}.",
        hint="Nothing was written. Allow more, or name a better stage before the last.",
    )


def threshold_notes(
    names: Sequence[str], reaches: Sequence[Reach], every: Judged, below: float
) -> list[str]:
    """What is to be noted of a threshold that keeps every promise."""
    notes: list[str] = []
    if float((every.answering(below) == 0).mean()) > 1 - LEAST_SHARE:
        notes.append(
            f"{names[0]} answers nearly all texts within what is promised: it would do alone."
        )
    for one in reaches:
        if one.needed is not None and below == PATH[one.passed - 1]:
            notes.append(
                f"{one.rows:,} rows set the threshold; about {one.needed:,} new ones like them "
                "would mostly let more texts stay."
            )
    return notes


def _what(limit: Limit) -> str:
    """What is promised, as a clause."""
    most = 100 * limit.most
    if limit.kind == "drop":
        return f"no more than {most:g} points of accuracy are lost"
    return f"no more than {most:g}% of the answers differ from the full model's"


def _unproven(one: Reach) -> GateError:
    """Why a limit is not proven at any threshold, and what would do."""
    rows = one.rows
    drop, what = one.limit.kind == "drop", _what(one.limit)
    more = (
        "labelled rows with --data, new ones: these decided once"
        if drop
        else "texts with --unlabelled FILE, which need no labels, new ones: these decided once"
    )
    option = "--max-drop" if drop else "--max-disagreement"
    if one.too_few:
        return GateError(
            f"Not proven: {rows:,} rows are too few to show with {CONFIDENCE:.0%} confidence that "
            f"{what}; about {one.fewest:,} would do if none of them lost anything.",
            hint=f"Nothing was written. Allow more with {option}, or give more {more}.",
        )
    would = f" About {one.needed:,} new rows like these mostly would." if one.needed else ""
    return GateError(
        f"Not proven at any threshold: even where only the surest answers stay, {rows:,} rows do "
        f"not show that {what}.{would}",
        hint=f"Nothing was written. Allow more with {option}, name a better stage before the last, "
        f"or give more {more}.",
    )
