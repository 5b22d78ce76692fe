"""edgeft verify: the export's checks again, on this machine."""

from pathlib import Path

import click

from edgeft.cli import console, options


@click.command()
@options.bundle
@click.option("--data", type=options.FILE, help="Labelled or plain texts to compare variants on.")
@options.data_columns
@options.device
@options.threads
@options.as_json
def command(
    bundle: Path,
    data: Path | None,
    text_column: str | None,
    label_column: str | None,
    device: str,
    threads: int | None,
    as_json: bool,
) -> None:
    """Check that BUNDLE is whole and answers here as it did where it was made.

    Every file is compared with its sha256, and every variant answers its golden
    texts within the recorded tolerance. With --data the variants are compared
    with fp32 on those texts.
    """
    from edgeft.data import read_texts
    from edgeft.errors import IntegrityError
    from edgeft.runtime.check import verify

    texts = list(read_texts(data, text_column=text_column)) if data else []
    with console.show_progress() as progress:
        results = verify(bundle, texts, device=device, threads=threads, progress=progress)
    if as_json:
        console.print_json({name: one.to_dict() for name, one in results.items()})
    else:
        console.print_table(
            f"{bundle}",
            ["variant", "device", "golden difference", "tolerance", "golden", "label agreement"],
            [
                [
                    name,
                    one.device,
                    f"{one.golden.max_abs_difference:.2g}",
                    f"{one.golden.tolerance:.2g}",
                    "pass" if one.golden.passed else "FAIL",
                    f"{one.agreement.label_agreement:.4f}" if one.agreement else "-",
                ]
                for name, one in results.items()
            ],
        )
    failed = [name for name, one in results.items() if not one.golden.passed]
    if failed:
        raise IntegrityError(
            f"{bundle}: on this machine {', '.join(failed)} does not answer as recorded.",
            hint="Use another variant with --variant, or export again on a CPU like this one.",
        )
