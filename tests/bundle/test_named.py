from pathlib import Path

import pytest

from edgeft.bundle.named import named_bundles
from edgeft.errors import UsageError


def test_names_of_bundles(tmp_path: Path) -> None:
    odd = tmp_path / "a=b"
    odd.mkdir()
    named = named_bundles([f"news={tmp_path}", str(tmp_path / "tags")])
    assert named == {"news": tmp_path, "tags": tmp_path / "tags"}
    for wrong in ([str(odd)], ["news="], ["a/b=c"], ["x=1", "x=2"], ["=folder"]):
        with pytest.raises(UsageError):
            named_bundles(wrong)
