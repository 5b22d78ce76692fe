"""The bundle: a folder with a model, its variants and the manifest ``edgeft.json``.

``manifest`` says what that holds, ``folder`` reads and writes it, by ``reading`` every field and by
``older`` what version 0.1 wrote; ``integrity`` compares files with their records. All need the
standard library alone.
"""

from edgeft.bundle.folder import digest_of, read_manifest, record_files, write_manifest
from edgeft.bundle.manifest import (
    FEATURES,
    FORMAT,
    MANIFEST,
    Golden,
    Manifest,
    ModelRecord,
    PipelineStep,
    TensorRecord,
    Variant,
)
from edgeft.tasks.head import Head

__all__ = [
    "FEATURES",
    "FORMAT",
    "MANIFEST",
    "Head",
    "Golden",
    "Manifest",
    "ModelRecord",
    "PipelineStep",
    "TensorRecord",
    "Variant",
    "digest_of",
    "read_manifest",
    "record_files",
    "write_manifest",
]
