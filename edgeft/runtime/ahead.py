"""Windows of texts, each prepared while the one before is run."""

from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

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
    if following is None:  # a single window needs no thread
        yield prepare(first)
    else:
        from concurrent.futures import ThreadPoolExecutor

        pool = ThreadPoolExecutor(1, thread_name_prefix="edgeft-ahead")
        try:
            current = prepare(first)
            while following is not None:
                prepared = pool.submit(prepare, following)
                yield current
                current = prepared.result()
                following, error = _next(items)
            yield current
        finally:  # who leaves early waits for nothing, whichever thread clears this up
            pool.shutdown(wait=False, cancel_futures=True)
    if error is not None:
        raise error


def _next(items: Iterator[Given]) -> tuple[Given | None, Exception | None]:
    try:
        return next(items, None), None
    except Exception as error:
        return None, error
