"""Windows of texts, each prepared while the one before is run."""

import threading
from collections.abc import Callable, Iterable, Iterator
from typing import Generic, TypeVar

__all__ = ["one_ahead", "windows"]

Given = TypeVar("Given")
Prepared = TypeVar("Prepared")


def windows(texts: Iterable[str], *, most: int, most_characters: int) -> Iterator[list[str]]:
    """Group texts, at most ``most`` and, but for a single one, ``most_characters`` together.

    Where the source fails, what it gave before is a window first.
    """
    window: list[str] = []
    characters = 0
    source = iter(texts)
    failure: Exception | None = None
    while True:
        try:
            text = next(source)
        except StopIteration:
            break
        except Exception as error:
            failure = error
            break
        if window and (len(window) >= most or characters + len(text) > most_characters):
            yield window
            window, characters = [], 0
        window.append(text)
        characters += len(text)
    if window:
        yield window
    if failure is not None:
        raise failure


def one_ahead(prepare: Callable[[Given], Prepared], items: Iterator[Given]) -> Iterator[Prepared]:
    """``prepare`` each item, in a thread of its own while the one before is used.

    Items are taken from their iterator by the caller's own thread. An error of
    the iterator or of ``prepare`` is raised after all that came before was given.
    """
    first = next(items, None)
    if first is None:
        return
    following, error = _next(items)
    current = prepare(first)  # a single window needs no thread
    while following is not None:
        coming = _Coming(prepare, following)
        yield current
        current = coming.result()
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
