"""edgeft inspect: the manifest of a bundle, its checksums and its golden answers."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from edgeft.cli import console, options

if TYPE_CHECKING:
    from edgeft.proof.finding import Finding


@click.command()
@options.bundle
@options.as_json
def command(bundle: Path, as_json: bool) -> None:
    """Show what BUNDLE holds; check its sums and golden answers."""
    import json

    from edgeft.bundle import MANIFEST, read_manifest
    from edgeft.errors import IntegrityError
    from edgeft.proof.battery import verify

    manifest = read_manifest(bundle)
    checked = verify(bundle, device="cpu")  # every file's sum first
    if failed := [name for name, one in checked.items() if one.golden and not one.golden.passed]:
        raise IntegrityError(
            f"{bundle}: on this machine {', '.join(failed)} does not answer as recorded.",
            hint=f"See how far off: edgeft verify {bundle}",
        )
    if as_json:
        console.print_json(json.loads((bundle / MANIFEST).read_text(encoding="utf-8")))
        return
    model = manifest.model
    console.print_lines(
        [
            f"{bundle}: {manifest.model.task}, format {manifest.format}",
            f"digest   {manifest.digest}",
            f"labels   {len(model.labels)}: {_some(model.labels)}"
            if model.labels
            else "labels   none",
            f"tokens   at most {model.max_length} a text",
            f"text     {', '.join(model.normalize) or 'taken as it is'}",
        ]
    )
    if manifest.stages:
        console.print_table(
            "Stages, each asked where the one before is not sure enough",
            ["stage", "variant", "next asked below", "golden", "file"],
            [
                [
                    name,
                    step.variant,
                    "-" if step.below is None else f"{step.below:.4f}",
                    _golden(checked[name if name in checked else step.variant]),
                    manifest.models[step.model].variants[step.variant].files["model"],
                ]
                for name, step in zip(manifest.stages, manifest.pipeline, strict=True)
            ],
        )
    console.print_table(
        "Variants of the full model" if manifest.stages else "Variants",
        ["variant", "graph", "opset", "wants", "batch-invariant", "golden", "file"],
        [
            [
                name,
                one.graph,
                one.opset,
                one.wants or "-",
                "yes" if one.batch_invariant else "no",
                _golden(checked[name]),
                one.files["model"],
            ]
            for name, one in model.variants.items()
        ],
    )
    console.print_table(
        "Files, each with the recorded sha256",
        ["file", "MB", "sha256"],
        [
            [name, f"{one.bytes / 1e6:.2f}", one.sha256[:16] + "…"]
            for name, one in manifest.files.items()
        ],
    )


def _golden(found: "Finding") -> str:
    return f"{found.golden.max_abs_difference:.2g}" if found.golden else "-"


def _some(labels: tuple[str, ...]) -> str:
    shown = ", ".join(labels[:8])
    return shown if len(labels) <= 8 else f"{shown}, …"
