"""The part of config.json that transformers.js reads."""

import json
from pathlib import Path

from edgeft.folders import write_json

__all__ = ["tell_javascript"]

PART = "transformers.js_config"
DTYPES = ("fp32", "int8", "fp16")  # variants whose files transformers.js finds by these names


def tell_javascript(config: Path, variant: str) -> None:
    """Name the variant that transformers.js is to load; none that it has no name for.

    Left alone it looks in a browser for a file that is not written here. The config becomes
    another file, as one that is shared with another folder must stay as it is.
    """
    content = json.loads(config.read_text(encoding="utf-8"))
    content.pop(PART, None)
    if variant in DTYPES:
        content[PART] = {"dtype": variant, "use_external_data_format": False}
    write_json(config, content)
