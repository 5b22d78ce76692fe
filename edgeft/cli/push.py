"""edgeft push: a bundle goes to the Hugging Face Hub."""

from pathlib import Path

import click

from edgeft.cli import console, options


@click.command()
@options.bundle
@click.argument("repo")
@click.option("--private", is_flag=True, help="Make the repository private, if it is new.")
@click.option("--dry-run", is_flag=True, help="Only say what would go.")
@click.option("--anyway", is_flag=True, help="Upload in spite of warnings.")
@options.as_json
def command(
    bundle: Path, repo: str, private: bool, dry_run: bool, anyway: bool, as_json: bool
) -> None:
    """Upload BUNDLE to the Hugging Face Hub.

    REPO is the repository, USER/NAME. What goes are the files that the manifest
    records, the manifest and the card. Text files are searched for what looks
    private: home folders, e-mail addresses, access tokens.
    """
    from edgeft.bundle.hub import plan_upload, upload
    from edgeft.errors import GateError

    plan = plan_upload(bundle, repo)
    if not as_json:
        console.print_table(
            f"{bundle} to {repo}",
            ["file", "MB"],
            [[name, f"{size / 1e6:.2f}"] for name, size in plan.files.items()],
        )
        console.print_lines([f"stays here: {name}" for name in plan.left])
        console.print_lines([f"looks private: {warning}" for warning in plan.warnings])
    if dry_run:
        if as_json:
            console.print_json(plan.to_dict())
        return
    if plan.warnings and not anyway:
        raise GateError(
            f"{plan.warnings[0]} looks private; nothing was uploaded.",
            hint="Remove it, or upload with --anyway.",
        )
    address = upload(bundle, plan, private=private)
    if as_json:
        console.print_json({**plan.to_dict(), "address": address})
    else:
        console.print_lines([address])
