"""Open files enough for the connections that there may be."""

from collections.abc import Iterator
from contextlib import contextmanager

from edgeft.errors import UsageError

__all__ = ["room_for"]

SPARE = 128  # files of models, the log, a reload


@contextmanager
def room_for(connections: int) -> Iterator[None]:
    """Let the process hold so many connections; its limit is as before afterwards.

    Most systems start a process with a soft limit of 1,024 open files (getrlimit(2)), below which
    a server can accept nothing and open no model. Raises UsageError where the hard limit is lower
    than what is needed.
    """
    try:
        import resource
    except ImportError:  # Windows bounds sockets otherwise
        yield
        return
    needed = connections + SPARE
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    infinite = resource.RLIM_INFINITY
    if hard != infinite and hard < needed:
        raise UsageError(
            f"{connections:,} connections take {needed:,} open files, and the system allows this "
            f"process {hard:,}.",
            hint=f"Try: --max-connections {max(1, hard - SPARE)}, or raise the limit (ulimit -Hn; "
            "LimitNOFILE= of systemd).",
        )
    if soft != infinite and soft < needed:
        resource.setrlimit(resource.RLIMIT_NOFILE, (needed, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
