"""The process of the `edgeft` command, also started as `python -m edgeft`."""

from edgeft import signals

__all__ = ["main"]


def main() -> None:
    """Run the command line and end with its exit status."""
    signals.watch()  # first of all: the imports below take a while
    import sys

    try:
        from edgeft.cli import main as commands
        from edgeft.cli.streams import open_streams

        open_streams()
        commands()
    except SystemExit:
        raise
    except BaseException:
        if not signals.arrived():
            raise
        signals.say()  # not by sys.stderr, which may not be ready
        sys.exit(signals.status())
    finally:
        signals.release()  # what still runs at exit would print a traceback


if __name__ == "__main__":
    main()
