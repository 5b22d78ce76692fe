"""What an export gives back."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from edgeft.bundle import Manifest
from edgeft.proof.finding import Finding
from edgeft.tasks import task_named
from edgeft.tasks.task import Scores, Task

__all__ = ["ExportResult"]

SLOWER = 1.05  # of fp32's time; less is what the clock gives by chance


@dataclass(frozen=True)
class ExportResult:
    """The bundle's folder and manifest, and how each variant compares with torch.

    ``torch`` are the original's own scores on the rows that report.

    ``times``: how long a variant takes for a single text on this machine, in
    times of fp32's. They are in no file, so that two exports give the same files.
    """

    out: Path
    manifest: Manifest
    layers: int
    torch: Scores | None
    reports: Mapping[str, Finding]
    times: Mapping[str, float] = field(default_factory=dict)

    @property
    def task(self) -> Task:
        """What the bundle's model was trained for, in the form in which it was judged."""
        task = task_named(self.manifest.model.task, self.manifest.model.takes)
        return task if self.torch is None else task.measured_as(self.torch.headline())

    def bytes_of(self, variant: str) -> int:
        """The size of the variant's graph."""
        files = self.manifest.model.variants[variant].files.values()
        return sum(self.manifest.files[name].bytes for name in files)

    def remark(self, variant: str) -> str:
        """What somebody who chooses a variant should know of its speed, "" where nothing."""
        time = self.times.get(variant, 0.0)
        if time <= SLOWER:
            return ""
        share = self.bytes_of(variant) / self.bytes_of("fp32")
        return (
            f"{variant} is {time:.1f} times slower than fp32 here; it has {share:.0%} of its size"
        )

    def to_dict(self) -> dict[str, Any]:
        """A JSON-ready dictionary."""
        variants = self.manifest.model.variants
        return {
            "bundle": str(self.out),
            "digest": self.manifest.digest,
            "labels": list(self.manifest.model.labels),
            "max_length": self.manifest.model.max_length,
            "torch": self.torch.headline() if self.torch else None,
            "variants": {
                name: {
                    "file": variants[name].files["model"],
                    "bytes": self.bytes_of(name),
                    "graph": variants[name].graph,
                    "times_of_fp32": self.times.get(name),
                    **variants[name].measured,
                }
                for name in variants
            },
            "dropped": dict(self.manifest.provenance["dropped"]),
            "notes": list(self.manifest.provenance["notes"]),
        }
