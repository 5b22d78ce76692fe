"""edgeft export: a checkpoint becomes a bundle."""

from pathlib import Path

import click

from edgeft.cli import console, options


@click.command()
@click.argument("checkpoint")
@click.option(
    "-o", "--out", type=options.FOLDER, required=True, metavar="BUNDLE",
    help="Folder to write.",
)  # fmt: skip
@click.option(
    "--data", type=options.FILE, metavar="FILE",
    help="Texts to check the variants on; labelled ones also score them.  [default: built-in]",
)  # fmt: skip
@options.data_columns
@click.option(
    "--variant", "variants", multiple=True, metavar="NAME", default=("fp32", "int8"),
    help="fp32 or int8; repeatable, fp32 is always there.  [default: both]",
)  # fmt: skip
@click.option(
    "--target", default="avx2", show_default=True, metavar="CPU",
    help="The CPU that int8 is made for: avx2 (right on every CPU), vnni, arm64 or this.",
)  # fmt: skip
@options.max_drop
@click.option("--force", is_flag=True, help="Replace BUNDLE if it exists, after success.")
@options.as_json
def command(
    checkpoint: str,
    out: Path,
    data: Path | None,
    text_column: str | None,
    label_column: str | None,
    variants: tuple[str, ...],
    target: str,
    max_drop: float,
    force: bool,
    as_json: bool,
) -> None:
    """Export CHECKPOINT to a bundle that runs without torch.

    CHECKPOINT is a folder that edgeft train wrote, or any Hugging Face folder or
    Hub id with a sequence-classification head. Every variant is checked against
    the torch original before the bundle appears.
    """
    from edgeft.export.run import ExportConfig, export

    config = ExportConfig(
        checkpoint=checkpoint,
        out=out,
        data=data,
        text_column=text_column,
        label_column=label_column,
        variants=variants,
        target=target,
        max_drop=max_drop,
        force=force,
    )
    with console.show_progress() as progress:
        result = export(config, progress)
    if as_json:
        console.print_json(result.to_dict())
        return
    columns = ["variant", "MB", "graph", "fused attention", "logit difference", "same label"]
    if result.torch:
        columns += ["accuracy", "macro F1", "points lost"]
    rows: list[list[str]] = []
    for name, report in result.reports.items():
        variant = result.manifest.model.variants[name]
        row = [
            name,
            f"{result.bytes_of(name) / 1e6:.1f}",
            variant.graph,
            f"{variant.measured['fused_attention']}/{result.layers}",
            *report.cells(),
        ]
        rows.append(row)
    first = next(iter(result.reports.values()))
    where = "of --data" if first.parity_source == "data" else "that are built in"
    console.print_table(
        f"{out}, compared with torch on {first.parity.texts:,} texts {where}", columns, rows
    )
    if result.torch:
        console.print_lines(
            [f"torch itself: accuracy {result.torch.accuracy:.4f}, "
             f"macro F1 {result.torch.macro_f1:.4f}"]
        )  # fmt: skip
    console.print_lines([f"Next: edgeft predict {out} FILE"])
