"""Groups of inputs, each prepared while the one before is run."""

import threading
import time
from collections.abc import Callable, Iterable, Iterator
from typing import Generic, TypeVar

from edgeft.inputs import Input, size_of

__all__ = ["groups", "one_ahead"]

Given = TypeVar("Given")
Prepared = TypeVar("Prepared")


def groups(inputs: Iterable[Input], *, most: int, most_characters: int) -> Iterator[list[Input]]:
    """Group inputs, at most ``most`` and, but for a single one, ``most_characters`` together.

    Where the source fails, what it gave before is a group first.
    """
    group: list[Input] = []
    characters = 0
    source = iter(inputs)
    failure: Exception | None = None
    while True:
        try:
            one = next(source)
        except StopIteration:
            break
        except Exception as error:
            failure = error
            break
        size = size_of(one)
        if group and (len(group) >= most or characters + size > most_characters):
            yield group
            group, characters = [], 0
        group.append(one)
        characters += size
    if group:
        yield group
    if failure is not None:
        raise failure


def one_ahead(
    prepare: Callable[[Given], Prepared],
    items: Iterator[Given],
    waited: Callable[[float], None] | None = None,
) -> Iterator[Prepared]:
    """``prepare`` each item, in a thread of its own while the one before is used.

    Items are taken from their iterator by the caller's own thread. An error of
    the iterator or of ``prepare`` is raised after all that came before was given.
    ``waited`` is told the seconds that the caller waited for that thread.
    """
    first = next(items, None)
    if first is None:
        return
    following, error = _next(items)
    current = prepare(first)  # a single group needs no thread
    while following is not None:
        coming = _Coming(prepare, following)
        yield current
        if waited is None:
            current = coming.result()
        else:
            begin = time.perf_counter()
            current = coming.result()
            waited(time.perf_counter() - begin)
        following, error = _next(items)
    yield current
    if error is not None:
        raise error


class _Coming(Generic[Prepared]):
    """An item that a thread prepares. Who leaves before it is done waits for nothing.

    It is no executor of concurrent.futures: that would be imported when it is first
    needed, and a process that is forked while another thread imports a module can
    never import it.
    """

    def __init__(self, prepare: Callable[[Given], Prepared], item: Given) -> None:
        self._found: list[Prepared] = []
        self._error: BaseException | None = None

        def work() -> None:
            try:
                self._found.append(prepare(item))
            except BaseException as error:  # raised where the item is wanted
                self._error = error

        self._thread = threading.Thread(target=work, name="edgeft-ahead")
        self._thread.start()

    def result(self) -> Prepared:
        """The prepared item, once it is there; raises what preparing it raised."""
        self._thread.join()
        if self._error is not None:
            raise self._error
        return self._found[0]


def _next(items: Iterator[Given]) -> tuple[Given | None, Exception | None]:
    try:
        return next(items, None), None
    except Exception as error:
        return None, error
