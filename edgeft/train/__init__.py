"""Fine-tuning: a labelled data set and a pretrained encoder become a checkpoint.

This is the room's door: it only checks that the extra [train] is installed, in versions that
go together. Data sets of the Hub alone need ``datasets``, and are told so when one is named.
"""

from importlib.util import find_spec

from edgeft.errors import DependencyError
from edgeft.packages import check_versions

NEEDS = ("torch", "transformers", "accelerate", "safetensors")

_missing = [name for name in NEEDS if find_spec(name) is None]
if _missing:
    raise DependencyError(
        f"Training needs packages that are not installed: {', '.join(_missing)}.",
        hint="Install them with: pip install 'edgeft[train]'",
    )
check_versions("Training", "train")
