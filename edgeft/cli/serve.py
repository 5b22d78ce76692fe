"""edgeft serve: bundles behind HTTP."""

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from edgeft.cli import options

if TYPE_CHECKING:
    from edgeft.tasks.task import LongTexts

COUNT = click.IntRange(1)


@click.command()
@click.argument("bundles", metavar="BUNDLE…", nargs=-1, required=True)
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option(
    "--port", type=click.IntRange(0, 65535), default=8000, show_default=True, help="0: any."
)
@options.runtime
@click.option(
    "--on-long", type=click.Choice(["truncate", "error", "window"]),
    help="Cut a text that is too long, refuse it, or read it in windows (default: as the task).",
)  # fmt: skip
@click.option(
    "--batch-invariant", is_flag=True, help="Run texts alone where neighbours change the answers."
)
@click.option(
    "--max-requests", type=COUNT, default=256, show_default=True,
    help="Requests that are read or answered at a time.",
)  # fmt: skip
@click.option(
    "--max-inputs", type=COUNT, default=1024, show_default=True, help="Of all of them together."
)
@click.option(
    "--max-characters", type=COUNT, default=4 << 20, show_default=True,
    help="Of all inputs together; counted in place of tokens, which are known too late.",
)  # fmt: skip
@click.option(
    "--max-bytes", type=COUNT, default=64 << 20, show_default=True, help="Of all bodies together."
)
@click.option(
    "--max-body", "max_body_bytes", type=COUNT, default=1 << 20, show_default=True,
    help="Bytes of one request's body.",
)  # fmt: skip
@click.option(
    "--max-connections", type=COUNT, default=1024, show_default=True,
    help="Open at a time; one more is closed.",
)  # fmt: skip
@click.option(
    "--deadline", "deadline_s", type=options.Number(0.001), default=30.0, show_default=True,
    metavar="SECONDS", help="That a request may take; a client may ask for less.",
)  # fmt: skip
@click.option(
    "--hang-after", "hang_s", type=options.Number(0.001), default=10.0, show_default=True,
    metavar="SECONDS", help="Without a batch done, after which an engine is started anew.",
)  # fmt: skip
@click.option(
    "--drain", "drain_s", type=options.Number(0), default=0.0, show_default=True,
    metavar="SECONDS", help="On SIGTERM, be not ready for so long before it listens no more.",
)  # fmt: skip
@click.option(
    "--grace", "grace_s", type=options.Number(0), default=30.0, show_default=True,
    metavar="SECONDS", help="That what was admitted then has to be answered.",
)  # fmt: skip
@click.option(
    "--api-key-file", type=options.FILE, help="A file of API keys, one a line; also EDGEFT_API_KEY."
)
@click.option("--tls-cert", "certificate", type=options.FILE, help="Certificate chain, PEM.")
@click.option("--tls-key", "certificate_key", type=options.FILE, help="Its private key, PEM.")
@click.option("--admin", is_flag=True, help="Allow POST /admin/reload; takes an API key.")
@click.option("--log-inputs", is_flag=True, help="Quote in the log what is asked.")
def command(
    bundles: tuple[str, ...],
    host: str,
    port: int,
    device: str,
    variant: str,
    threads: int | None,
    on_long: "LongTexts | None",
    batch_invariant: bool,
    max_requests: int,
    max_inputs: int,
    max_characters: int,
    max_bytes: int,
    max_body_bytes: int,
    max_connections: int,
    deadline_s: float,
    hang_s: float,
    drain_s: float,
    grace_s: float,
    api_key_file: Path | None,
    certificate: Path | None,
    certificate_key: Path | None,
    admin: bool,
    log_inputs: bool,
) -> None:
    """Serve each BUNDLE over HTTP, under its folder's name or as NAME=FOLDER.

    POST /v1/predict takes {"input": …} or {"inputs": [ … ]}: texts, pairs as [a, b] or
    {"text", "other"}, questions as {"question", "context"}; beside it "model" where
    there are several, "scores": true, and "timeout_ms". The answer holds the JSON of
    `edgeft predict`. A page to try models by hand is at /. Vectors are at /v1/embeddings, as
    OpenAI's clients ask, rankings at /v1/rerank, as Cohere's and Jina's do; /embed and /rerank
    are text-embeddings-inference's. The Open Inference Protocol (v2) is at /v2, metrics for
    Prometheus at /metrics, what is served at /v1/models, all of it described at /docs and in
    /openapi.json.

    All requests share one batcher a model. What is too much at a time gets 429 with
    Retry-After, a request without an answer in time 504. /v2/health/live runs a real
    inference: an engine that dies or hangs turns it red and is started anew.

    SIGTERM finishes what was admitted. SIGHUP loads the bundles anew: each is verified
    and warmed before it takes over, and the old one stays where that fails. The log is
    JSON lines on stderr. Takes pip install 'edgeft[serve]'.
    """
    from edgeft.bundle.named import named_bundles
    from edgeft.serve.config import ServeConfig, keys_from
    from edgeft.serve.run import engines_stuck, run

    run(
        ServeConfig(
            bundles=named_bundles(bundles),
            host=host,
            port=port,
            device=device,
            variant=variant,
            threads=threads,
            on_long=on_long,
            batch_invariant=batch_invariant,
            max_requests=max_requests,
            max_inputs=max_inputs,
            max_characters=max_characters,
            max_bytes=max_bytes,
            max_body_bytes=max_body_bytes,
            max_connections=max_connections,
            deadline_s=deadline_s,
            hang_s=hang_s,
            drain_s=drain_s,
            grace_s=grace_s,
            keys=keys_from(api_key_file),
            admin=admin,
            log_inputs=log_inputs,
            certificate=certificate,
            certificate_key=certificate_key,
        )
    )
    if engines_stuck():  # the interpreter's end would wait for what never comes back
        sys.stdout.flush()
        os._exit(0)
