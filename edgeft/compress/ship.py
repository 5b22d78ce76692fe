"""The chosen one: held to rows that had no say, told, and written."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from edgeft.bundle import Manifest, read_manifest, write_manifest
from edgeft.compress.card import compress_card
from edgeft.compress.config import CompressConfig
from edgeft.compress.frontier import Limits, MeasuredCandidate
from edgeft.compress.make import copied
from edgeft.compress.work import SHIPPED, Work
from edgeft.errors import GateError
from edgeft.folders import BUNDLE, check_folder, new_folder, replace_folder
from edgeft.proof.battery import hold_golden_again

__all__ = ["hold_reported", "notes_of", "ship"]


def hold_reported(best: MeasuredCandidate, limits: Limits) -> None:
    """Raise GateError where rows that had no say show that the chosen one loses too much."""
    drop = best.report["drop"]
    if drop["low"] > limits.max_drop:
        raise GateError(
            f"{best.name} was to be chosen, but on {drop['rows']:,} other rows it loses "
            f"{drop['points']:.2f} points of {drop['metric']}, and surely more than the "
            f"{limits.max_drop:g} that are allowed ({drop['low']:.2f} to {drop['high']:.2f}).",
            hint="Nothing was written. Give more rows with --data that are like those of --test, "
            "or allow more with --max-drop.",
        )


def notes_of(
    best: MeasuredCandidate, family: Sequence[MeasuredCandidate], limits: Limits
) -> list[str]:
    """What somebody who gets the chosen one should know, on rows that had no say."""
    if best.name == family[0].name:
        return ["Nothing quicker keeps the limits: this is the whole model as it is."]
    drop = best.report["drop"]
    told = [f"{best.name}: {drop['verdict']}"]
    if not best.sure:
        told.append(
            f"It seemed to keep {limits.max_drop:g} points on the {best.choose['drop']['rows']:,} "
            "rows that chose; they prove it of nothing quicker than the whole."
        )
    if best.times_as_fast < 1:
        told.append(
            f"It is slower than the whole model in fp32 ({best.times_as_fast:g} times as fast)."
        )
    proven = [one for one in family[1:] if one.report["drop"]["proven"]]
    if not drop["proven"] and proven:
        quickest = max(proven, key=lambda one: one.texts_per_s)
        told.append(
            f"The quickest of which it is shown that it loses at most {limits.max_drop:g} points "
            f"is {quickest.name}, {quickest.times_as_fast:.1f} times as fast as the whole in fp32."
        )
    return told


def ship(
    config: CompressConfig, work: Work, best: MeasuredCandidate, found: Mapping[str, Any]
) -> Manifest:
    """Write the chosen bundle whole, and load it once more. Raises ModelError."""
    made = work.candidate(best.folder)
    before = read_manifest(made)
    final = work.folder / SHIPPED
    with new_folder(final, BUNDLE, force=True) as folder:
        copied(list(before.files), made, folder)
        manifest = write_manifest(
            folder, replace(before, provenance={**before.provenance, "compress": dict(found)})
        )
        card = compress_card(config.out.absolute().name, manifest)
        (folder / "README.md").write_text(card, encoding="utf-8")
        hold_golden_again(folder)
    replace_folder(final, check_folder(config.out, BUNDLE, force=config.force))
    return manifest
