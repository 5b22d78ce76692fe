"""edgeft deploy: a bundle as another server, or a browser, takes it."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from edgeft.cli import console, options

if TYPE_CHECKING:
    from edgeft.tasks.task import LongTexts

COUNT = click.IntRange(1)


@click.group()
def command() -> None:
    """Write bundles as other servers take them."""


@command.command()
@click.argument("bundles", metavar="BUNDLE…", nargs=-1, required=True)
@click.option(
    "-o", "--out", type=options.OUT, required=True, metavar="REPOSITORY", help="Folder to write."
)
@click.option(
    "--device", type=click.Choice(["cpu", "cuda"]), default="cpu", show_default=True,
    help="Where Triton runs it: cuda is one instance on each GPU.",
)  # fmt: skip
@options.variant
@options.threads
@click.option(
    "--on-long", type=click.Choice(["truncate", "error", "window"]),
    help="Cut a text that is too long, refuse it, or read it in windows (default: as the task).",
)  # fmt: skip
@click.option(
    "--batch-invariant", is_flag=True, help="Run texts alone where neighbours change the answers."
)
@click.option(
    "--max-batch", type=COUNT, default=64, show_default=True,
    help="Inputs of one request, and of those that run together.",
)  # fmt: skip
@click.option(
    "--max-waiting", type=COUNT, default=1024, show_default=True,
    help="Requests in Triton's queue; one more is refused.",
)  # fmt: skip
@click.option(
    "--deadline", "timeout_s", type=options.Number(0.001), default=30.0, show_default=True,
    metavar="SECONDS", help="That a request may wait there; a client may ask for less.",
)  # fmt: skip
@click.option("--force", is_flag=True, help="Replace the folder if it exists, after success.")
@options.as_json
def triton(
    bundles: tuple[str, ...], as_json: bool, on_long: "LongTexts | None", out: Path, **given: Any
) -> None:
    """Write each BUNDLE into a model repository of NVIDIA's Triton Inference Server.

    A model has its folder's name, or the one in NAME=FOLDER. It runs in Triton's Python
    backend, which needs `pip install edgeft[cpu]` in Triton's own Python, and answers as
    `edgeft predict` does: cascades, windows, thresholds and all. Texts go in as BYTES tensors
    [N, 1], named as for `edgeft serve` on /v2; "prediction" is the JSON of `edgeft predict`,
    beside it are its plain values. Then: tritonserver --model-repository=REPOSITORY
    """
    from edgeft.bundle.named import named_bundles
    from edgeft.deploy.triton.write import TritonConfig, deploy_triton

    told = deploy_triton(
        TritonConfig(bundles=named_bundles(bundles), on_long=on_long, out=out, **given)
    )
    if as_json:
        console.print_json(told)
        return
    console.print_table(
        f"{out}: a model repository of Triton",
        ["model", "task", "gives"],
        [[name, one["task"], ", ".join(one["outputs"])] for name, one in told["models"].items()],
    )
