"""The command line. Only click is imported here; each command imports what it runs."""

import io
import os
import sys
import traceback
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib import import_module
from typing import Any

import click

from edgeft import __version__, signals
from edgeft.cli.console import printable
from edgeft.errors import EdgeftError

__all__ = ["main"]

# In the order of a project's life, which is the order of the help page.
COMMANDS = {
    "demo": "demo",
    "tasks": "tasks",
    "train": "train",
    "distill": "distill",
    "trim": "trim",
    "export": "export",
    "cascade": "cascade",
    "compress": "compress",
    "predict": "predict",
    "serve": "serve",
    "deploy": "deploy",
    "eval": "evaluate",
    "verify": "verify",
    "bench": "bench",
    "report": "report",
    "inspect": "inspect",
    "push": "push",
    "doctor": "doctor",
}
# 128 + SIGPIPE, as shells tell of every program whose reader went away: what was still to
# be written, or to be checked, was not.
PIPE_BROKEN = 141


class _Commands(click.Group):
    """Imports a command when it is named, and turns errors into messages."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        command: click.Command = import_module(f"edgeft.cli.{COMMANDS[cmd_name]}").command
        command.name = cmd_name
        _take_debug(command)
        return command

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        with _errors_told(ctx):  # --version and --help print already
            return super().parse_args(ctx, args)

    def invoke(self, ctx: click.Context) -> Any:
        with _errors_told(ctx):
            return super().invoke(ctx)

    def main(
        self,
        args: Sequence[str] | None = None,
        prog_name: str | None = None,
        complete_var: str | None = None,
        standalone_mode: bool = True,
        **extra: Any,
    ) -> Any:
        """Run a command line; in ``standalone_mode`` end the process with its status."""
        try:
            status = super().main(args, prog_name, complete_var, standalone_mode=False, **extra)
        except click.ClickException as error:  # a wrong command line
            if not standalone_mode:
                raise
            told = io.StringIO()
            error.show(told)
            click.echo(_shown(told.getvalue().rstrip("\n")), err=True)
            status = error.exit_code
        if not standalone_mode:
            return status
        sys.exit(status if isinstance(status, int) else 0)


@contextmanager
def _errors_told(ctx: click.Context) -> Iterator[None]:
    """Turn what goes wrong into one message and an exit status."""
    if sys.stdout is None:  # told before hours of work whose results nobody would see
        _explain(ctx, "Standard output is closed.\nSend it to a file, or to /dev/null.")
        ctx.exit(1)
    try:
        try:
            signals.begin()  # here, and not around click, which answers an interrupt by itself
            yield
        finally:
            signals.leave()
            sys.stdout.flush()  # here, and not at exit, a full disk can still be told
        if signals.arrived():  # and some library kept it for itself
            raise KeyboardInterrupt
    except click.exceptions.Exit as exit:
        if signals.arrived() and exit.exit_code != signals.status():
            _explain(ctx, signals.words(), word="")
            ctx.exit(signals.status())
        raise
    except (click.ClickException, click.Abort):
        raise
    except BrokenPipeError:  # the reader of our output went away: `edgeft predict … | head`
        _drop_output()
        ctx.exit(PIPE_BROKEN)
    except BaseException as error:
        signals.leave()  # where one came just before that was done
        if signals.arrived() or isinstance(error, KeyboardInterrupt):
            _explain(ctx, signals.words(), word="")
            ctx.exit(signals.status())
        if isinstance(error, EdgeftError):
            _explain(ctx, str(error))
            _drop_output()
            ctx.exit(error.exit_code)
        if not isinstance(error, Exception):
            raise
        _explain(ctx, _told(error))
        ctx.exit(1)


def _told(error: Exception) -> str:
    """What to say of an error that no stage expected."""
    if isinstance(error, MemoryError):
        return "The memory that this takes is not to be had here."
    if isinstance(error, OSError) and error.filename is not None and error.strerror:
        name = os.fsdecode(error.filename) if not isinstance(error.filename, int) else "a file"
        return f"{name} cannot be used: {error.strerror}."
    return (
        f"Unexpected {type(error).__name__}: {error}\n"
        "This is a bug in edgeft; --debug shows where it happened."
    )


def _drop_output() -> None:
    """Give up what stdout still holds where it cannot be written, at exit either."""
    try:
        sys.stdout.flush()
    except (OSError, EdgeftError):
        sys.stdout = None


def _explain(ctx: click.Context, message: str, *, word: str = "Error: ") -> None:
    if ctx.meta.get("edgeft.debug"):
        traceback.print_exc()
    click.echo(_shown(f"{word}{message}"), err=True)


def _shown(message: str) -> str:
    return "\n".join(map(printable, message.split("\n")))


def _take_debug(command: click.Command) -> None:
    """Let a command, and those of a group, take --debug too."""
    if not any(option.name == "debug" for option in command.params):
        command.params.append(_debug_option())
    for one in getattr(command, "commands", {}).values():
        _take_debug(one)


def _debug_option() -> click.Option:
    # Taken before and after the command's name; the group and the command share ctx.meta.
    def remember(ctx: click.Context, _: click.Parameter, value: bool) -> None:
        if value:
            ctx.meta["edgeft.debug"] = True

    return click.Option(
        ["--debug"], is_flag=True, expose_value=False, is_eager=True, callback=remember,
        help="Show the traceback of an error.",
    )  # fmt: skip


EPILOG = """Tables go to stdout and progress to stderr. `--json` prints one document instead.
`--force` replaces what edgeft wrote, never an input or anything else.

Exit status: 0 done, 1 failed, 2 wrong command line, 3 a limit was not met; 130, 143 or 129
after a signal, 141 where the reader of the output went away.
"""


@click.group(cls=_Commands, epilog=EPILOG, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, message="edgeft %(version)s")
def main() -> None:
    """Fine-tune a compact text model, export it to ONNX, run it without torch."""


main.params.append(_debug_option())
