"""The command line. Only click is imported here; each command imports what it runs."""

import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from typing import Any, TypeGuard

import click

from edgeft import __version__
from edgeft.cli.console import printable
from edgeft.errors import EdgeftError

__all__ = ["main"]

# In the order of a project's life, which is the order of the help page.
COMMANDS = {
    "demo": "demo",
    "train": "train",
    "trim": "trim",
    "export": "export",
    "predict": "predict",
    "eval": "evaluate",
    "verify": "verify",
    "bench": "bench",
    "report": "report",
    "inspect": "inspect",
    "push": "push",
    "doctor": "doctor",
}
INTERRUPTED = 130  # 128 + SIGINT, as shells count


class _Commands(click.Group):
    """Imports a command when it is named, and turns errors into messages."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        command: click.Command = import_module(f"edgeft.cli.{COMMANDS[cmd_name]}").command
        command.name = cmd_name
        if not any(option.name == "debug" for option in command.params):
            command.params.append(_debug_option())
        return command

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        with _errors_told(ctx):  # --version and --help print already
            return super().parse_args(ctx, args)

    def invoke(self, ctx: click.Context) -> Any:
        with _errors_told(ctx):
            return super().invoke(ctx)


@contextmanager
def _errors_told(ctx: click.Context) -> Iterator[None]:
    """Turn what goes wrong into one message and an exit status."""
    try:
        try:
            yield
        finally:  # here, and not at exit, a full disk can still be told
            if sys.stdout is not None:
                sys.stdout.flush()
    except EdgeftError as error:
        _explain(ctx, str(error))
        ctx.exit(error.exit_code)
    except KeyboardInterrupt:
        _explain(ctx, "Interrupted.")
        ctx.exit(INTERRUPTED)
    except BrokenPipeError:  # the reader of our output went away: `edgeft predict … | head`
        sys.stdout = None
        ctx.exit(0)
    except (click.ClickException, click.exceptions.Exit, click.Abort):
        raise
    except Exception as error:
        if _is_output_failure(error):
            sys.stdout = None  # what it still holds cannot be written at exit either
            _explain(ctx, f"The output could not be written: {error.strerror}.")
        else:
            _explain(
                ctx,
                f"Unexpected {type(error).__name__}: {error}\n"
                "This is a bug in edgeft; --debug shows where it happened.",
            )
        ctx.exit(1)


def _is_output_failure(error: Exception) -> TypeGuard[OSError]:
    """Whether stdout refused what was printed; a file that is refused has a name."""
    from edgeft.folders import is_write_failure

    return isinstance(error, OSError) and error.filename is None and is_write_failure(error)


def _explain(ctx: click.Context, message: str) -> None:
    if ctx.meta.get("edgeft.debug"):
        traceback.print_exc()
    lines = [printable(line) for line in f"Error: {message}".split("\n")]
    click.echo("\n".join(lines), err=True)


def _debug_option() -> click.Option:
    # Taken before and after the command's name; the group and the command share ctx.meta.
    def remember(ctx: click.Context, _: click.Parameter, value: bool) -> None:
        if value:
            ctx.meta["edgeft.debug"] = True

    return click.Option(
        ["--debug"], is_flag=True, expose_value=False, is_eager=True, callback=remember,
        help="Show the traceback of an error.",
    )  # fmt: skip


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, message="edgeft %(version)s")
def main() -> None:
    """Fine-tune a compact text model, export it to ONNX, run it without torch."""


main.params.append(_debug_option())
