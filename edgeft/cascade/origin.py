"""Where a cascade comes from, as far as the public may know."""

from collections.abc import Mapping, Sequence
from typing import Any

from edgeft import __version__
from edgeft.cascade.choose import PATH
from edgeft.cascade.rows import Gathered
from edgeft.cascade.stages import StageBundle, names_of
from edgeft.export.provenance import PACKAGES, fingerprint_of
from edgeft.packages import package_versions

__all__ = ["cascade_provenance"]

OF_A_STAGE = ("checkpoint", "training", "data", "target")  # of what its export told


def cascade_provenance(
    stages: Sequence[StageBundle], gathered: Gathered, found: Mapping[str, Any]
) -> dict[str, Any]:
    """The manifest's ``provenance``, as JSON values; texts are told by fingerprint alone.

    It begins as the full model's own, and adds what each stage was made from.
    """
    full = stages[-1].manifest.provenance
    evidence = gathered.evidence
    return {
        **full,
        "edgeft": __version__,
        "data": {
            "choose": fingerprint_of(evidence.choose),
            "report": fingerprint_of(evidence.report),
            "unlabelled": [
                fingerprint_of([gathered.inputs[at] for at in places])
                for places in gathered.unlabelled.values()
            ],
            "scales": None,
        },
        "single_file": None,
        "dropped": {},
        "packages": package_versions(PACKAGES),
        "stages": {
            name: {
                "variant": one.variant,
                **{key: one.manifest.provenance.get(key) for key in OF_A_STAGE},
            }
            for name, one in zip(names_of(stages), stages, strict=True)
        },
        "cascade": {"thresholds_tested": len(PATH), **found},
    }
