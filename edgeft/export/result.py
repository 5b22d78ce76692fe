"""What an export gives back."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edgeft.bundle import Manifest
from edgeft.export.verify import VariantReport
from edgeft.metrics import ClassificationScores

__all__ = ["ExportResult"]


@dataclass(frozen=True)
class ExportResult:
    """The bundle's folder and manifest, and how each variant compares with torch."""

    out: Path
    manifest: Manifest
    layers: int
    torch: ClassificationScores | None
    reports: Mapping[str, VariantReport]

    def bytes_of(self, variant: str) -> int:
        """The size of the variant's graph."""
        files = self.manifest.model.variants[variant].files.values()
        return sum(self.manifest.files[name].bytes for name in files)

    def to_dict(self) -> dict[str, Any]:
        """A JSON-ready dictionary."""
        variants = self.manifest.model.variants
        return {
            "bundle": str(self.out),
            "digest": self.manifest.digest,
            "labels": list(self.manifest.labels),
            "max_length": self.manifest.model.max_length,
            "torch": self.torch.headline() if self.torch else None,
            "variants": {
                name: {
                    "file": variants[name].files["model"],
                    "bytes": self.bytes_of(name),
                    "graph": variants[name].graph,
                    **variants[name].measured,
                }
                for name in variants
            },
        }
