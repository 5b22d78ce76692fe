"""edgeft deploy: a bundle as another server, or a browser, takes it."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from edgeft.cli import console, options
from edgeft.errors import UsageError

if TYPE_CHECKING:
    from edgeft.deploy.web.run import WebResult
    from edgeft.tasks.task import LongTexts

COUNT = click.IntRange(1)


@click.group()
def command() -> None:
    """Write bundles as other servers, and browsers, take them."""


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


@command.command()
@options.bundle
@click.option(
    "-o", "--out", type=options.OUT, required=True, metavar="SITE", help="Folder to write."
)
@click.option(
    "--variant", default="auto", show_default=True,
    help="What visitors load: int8 where there is one, else fp32.",
)  # fmt: skip
@click.option("--name", default="", help="What the page is headed.  [default: the folder's name]")
@click.option(
    "--runtime", type=options.FOLDER, metavar="FOLDER",
    help="Where npm has installed onnxruntime-web.  [default: npm brings a pinned version]",
)  # fmt: skip
@click.option(
    "--check/--no-check", default=None,
    help="Ask the page in a headless Chromium, and hold its answers against Python's.  "
    "[default: where there is one]",
)  # fmt: skip
@click.option(
    "--data", type=options.FILE, metavar="FILE",
    help="Inputs of which some are asked then, beside built-in ones; none gets into the page.",
)  # fmt: skip
@options.text_column
@options.question_columns
@click.option("--force", is_flag=True, help="Replace the folder if it exists, after success.")
@options.as_json
def web(as_json: bool, **given: Any) -> None:
    """Write a static page that runs BUNDLE in the visitor's browser.

    It looks and answers as the page of `edgeft serve`, by onnxruntime-web, and asks no other
    server: what visitors write stays with them. Texts are read and answers made as in Python,
    which 200 inputs are to show in a headless Chromium, if there is one: exit status 3 unless
    all get Python's answer, or, of a variant that rounds (int8), 99%. The page tells that,
    and its p50 in the visitor's browser. Cascades are run as one of their models, and what no
    browser can do truly is refused.

    Any server of files will do: python -m http.server --directory SITE. It runs on one
    thread; four are used where the server sends Cross-Origin-Opener-Policy: same-origin and
    Cross-Origin-Embedder-Policy: require-corp.
    """
    from edgeft.deploy.web.run import WebConfig, deploy_web
    from edgeft.tasks.reading import columns_named

    columns = columns_named(given)
    settings = {name: one for name, one in given.items() if not name.endswith("_column")}
    if settings["data"] is None and any(columns.values()):
        raise UsageError("A column was named, but no --data.", hint="Add --data FILE.")
    with console.show_progress() as progress:
        result = deploy_web(WebConfig(columns=columns, **settings), progress)
    if as_json:
        console.print_json(result.to_dict())
        return
    console.print_table(
        f"{result.out}: a page for browsers",
        ["loaded once", "MB"],
        [
            [f"the model, {result.variant}", f"{result.downloads['model/model.onnx'] / 1e6:.1f}"],
            ["its tokenizer", f"{result.downloads['model/tokenizer.json'] / 1e6:.1f}"],
            [result.engine, f"{result.runtime_bytes / 1e6:.1f}"],
            ["all", f"{result.bytes / 1e6:.1f}"],
        ],
    )
    console.print_lines(_told_of_site(result))


def _told_of_site(result: "WebResult") -> Iterator[str]:
    if result.proven is None:
        yield "Not checked: no browser was asked. With Chromium installed --check does that."
    else:
        yield f"Checked: {result.proven}."
    if result.spared is not None:
        yield (
            f"edgeft trim CHECKPOINT --data FILE before the export would spare visitors about "
            f"{result.spared / 1e6:.1f} MB: it keeps the words of your texts, and of the others "
            "the most common."
        )
    yield f"Next: python -m http.server --directory {result.out}"
