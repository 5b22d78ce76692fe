"""How much may be in the server at a time: requests, inputs, characters and bytes together."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from http import HTTPStatus

from edgeft.inputs import Input, size_of
from edgeft.serve.refusals import RETRY, RefusedError

__all__ = ["Admission", "Amounts", "Ticket"]


@dataclass(slots=True)
class Amounts:
    """So much of each.

    Characters stand for tokens: those are known only once the batcher's thread has tokenized, and
    to do so twice, in the thread that all connections share, would cost what a bound is to save.
    """

    requests: int = 0
    inputs: int = 0
    characters: int = 0
    bytes: int = 0


class Admission:
    """Counts what is inside, and refuses what would be too much. For one thread, an event loop's.

    What is refused was not begun, and costs next to nothing.
    """

    def __init__(self, most: Amounts) -> None:
        self.most, self.inside = most, Amounts()

    @contextmanager
    def enter(self) -> "Iterator[Ticket]":
        """A place for one request, until it is answered. Raises RefusedError (429)."""
        ticket = Ticket(self)
        ticket.take(requests=1)
        try:
            yield ticket
        finally:
            ticket.give_back()


class Ticket:
    """What one request has taken so far."""

    __slots__ = ("_admission", "_taken")

    def __init__(self, admission: Admission) -> None:
        self._admission, self._taken = admission, Amounts()

    def take(self, **more: int) -> None:
        """Take more of what there is, or all of it or nothing. Raises RefusedError.

        413 where the request alone is more than there will ever be, else 429.
        """
        inside, most = self._admission.inside, self._admission.most
        for name, count in more.items():
            bound = getattr(most, name)
            if getattr(self._taken, name) + count > bound:
                raise RefusedError(
                    HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
                    "too_large",
                    f"A request may have at most {bound:,} {name}.",
                    hint="Send it in several requests.",
                )
            if getattr(inside, name) + count > bound:
                raise RefusedError(
                    HTTPStatus.TOO_MANY_REQUESTS,
                    "overloaded",
                    f"The server is busy: at most {bound:,} {name} at a time.",
                    hint="Try again later.",
                    headers=RETRY,
                )
        for name, count in more.items():
            setattr(inside, name, getattr(inside, name) + count)
            setattr(self._taken, name, getattr(self._taken, name) + count)

    def take_inputs(self, inputs: Sequence[Input]) -> None:
        """Take what these need. Raises RefusedError."""
        self.take(inputs=len(inputs), characters=sum(map(size_of, inputs)))

    def give_back(self) -> None:
        """Leave room for others."""
        inside, taken = self._admission.inside, self._taken
        inside.requests -= taken.requests
        inside.inputs -= taken.inputs
        inside.characters -= taken.characters
        inside.bytes -= taken.bytes
        self._taken = Amounts()
