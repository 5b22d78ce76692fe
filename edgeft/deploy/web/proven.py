"""A page's answers in a real browser, held against Python's."""

import math
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from json import dumps
from pathlib import Path
from statistics import median
from typing import Any

from edgeft.deploy.web.chromium import Chromium
from edgeft.errors import GateError, RunError
from edgeft.inputs import Input, columns_of
from edgeft.page.facts import FIELDS
from edgeft.progress import Progress
from edgeft.proof.limits import EXACT, SAME_LOGITS
from edgeft.runtime.model import Model

__all__ = ["Proven", "hold_site", "prove_site", "served"]

TINY = 1e-12  # instead of the length of a vector without any
TOGETHER = 5  # inputs that the browser is asked at a time
# How far scores may lie apart, and other numbers as a share of them, where a variant rounds:
# another order of sums moves what int8 rounds by a step, so that no two machines' scores are equal.
NEAR = 0.05
# Of answers, and of variants that round alone: where two labels are as good as tied, such a step
# decides. Of the others every answer must be equal.
LEAST_EQUAL = 0.99


@dataclass(frozen=True)
class Proven:
    """What a comparison found.

    equal: of so many inputs that were ``asked`` the answers that are the same, but for rounding of
    their numbers. least: how many must be. largest: the largest difference of a number in these.
    p50_ms: of single inputs in that ``browser``. different: the places of the others among those
    asked; they are not shown.
    """

    asked: int
    equal: int
    least: int
    largest: float
    p50_ms: float
    browser: str
    different: tuple[int, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready, without what was asked."""
        return {name: one for name, one in asdict(self).items() if name != "different"}

    def __str__(self) -> str:
        return (
            f"{self.equal} of {self.asked} answers are Python's ({must_be(self)}), numbers at most "
            f"{self.largest:.1g} apart; p50 {self.p50_ms:.1f} ms in {self.browser}"
        )


@contextmanager
def served(folder: Path) -> Iterator[str]:
    """A folder behind HTTP on loopback, for the block; its address."""
    handler = partial(_Quiet, directory=str(folder))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/"
        finally:
            server.shutdown()
            thread.join()


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: Any) -> None:
        """Nothing: the terminal is not this server's."""


def prove_site(
    site: Path, program: str, model: Model, inputs: Sequence[Input], progress: Progress
) -> Proven:
    """Ask a page and a loaded model the same. Raises RunError where the page does not answer."""
    full = not model.task.by_token
    expected = [model.task.show(model.predict(one), full) for one in inputs]
    found: list[tuple[Any, float]] = []
    with served(site) as url, Chromium.started(program) as page:
        page.open(url)
        page.until("here.ready || here.fault || at('problem').firstChild")
        if fault := page.run("here.fault || at('problem').innerText"):
            raise RunError(f"The page does not run in {page.product}. {fault}")
        for begin in range(0, len(inputs), TOGETHER):
            some = [_named(one) for one in inputs[begin : begin + TOGETHER]]
            found += page.run(f"answersTo({dumps(some)})")
            progress("asking the page in a browser", begin + len(some), len(inputs))
        product = page.product
    apart = [_apart(one, other) for (one, _), other in zip(found, expected, strict=True)]
    limit = SAME_LOGITS if model.variant in EXACT else NEAR
    near = [one for one in apart if one <= limit]
    return Proven(
        asked=len(inputs),
        equal=len(near),
        least=least_equal(model.variant, len(inputs)),
        largest=max(near, default=0.0),
        p50_ms=round(median(ms for _, ms in found), 2),
        browser=product.replace("/", " "),
        different=tuple(at for at, one in enumerate(apart) if one > limit),
    )


def hold_site(proven: Proven, inputs: Sequence[Input]) -> None:
    """Raise GateError where too few answers are Python's."""
    if proven.equal < proven.least:
        first = str(_named(inputs[proven.different[0]]))
        raise GateError(
            f"In {proven.browser} only {proven.equal} of {proven.asked} answers are Python's "
            f"({must_be(proven)}); the first other one is that to {first[:200]}.",
            hint="Choose another variant with --variant: fp32 is computed alike everywhere. "
            "--no-check writes the page all the same, and it says that it was not held.",
        )


def least_equal(variant: str, asked: int) -> int:
    """How many answers of so many must be Python's."""
    return asked if variant in EXACT else math.ceil(LEAST_EQUAL * asked)


def must_be(proven: Proven) -> str:
    """What was asked of it."""
    every = proven.least == proven.asked
    return "all must be" if every else f"at least {proven.least} must be"


def _named(one: Input) -> dict[str, str]:
    return dict(zip(FIELDS[type(one)], columns_of(one), strict=True))


def _is_number(one: Any) -> bool:
    return isinstance(one, int | float) and not isinstance(one, bool)


def _apart(found: Any, expected: Any) -> float:
    """How far the numbers of two JSON values lie apart; infinite where anything else differs.

    Of vectors it is their distance, as a share of the length of the one that was expected.
    The names of an object may stand in another order, as labels of nearly the same score do.
    """
    if isinstance(expected, bool) or not isinstance(expected, int | float | list | Mapping):
        return 0.0 if found == expected and type(found) is type(expected) else math.inf
    if isinstance(expected, int | float):
        if not _is_number(found):
            return math.inf
        if isinstance(expected, int) and isinstance(found, int):
            return 0.0 if found == expected else math.inf
        return float(abs(found - expected)) / max(1.0, abs(expected))
    if isinstance(expected, list):
        if not isinstance(found, list) or len(found) != len(expected):
            return math.inf
        if all(type(one) is float for one in expected) and all(map(_is_number, found)):
            return float(math.dist(found, expected)) / max(math.hypot(*expected), TINY)
        return max(map(_apart, found, expected), default=0.0)
    if not isinstance(found, Mapping) or found.keys() != expected.keys():
        return math.inf
    return max((_apart(found[name], one) for name, one in expected.items()), default=0.0)
