"""Report: results of ``edgeft bench`` as one page to look at.

This is the room's door: it only checks that the extra [report] is installed.
"""

from importlib.util import find_spec

from edgeft.errors import DependencyError

if _missing := [name for name in ("altair", "vl_convert") if find_spec(name) is None]:
    raise DependencyError(
        f"A report needs packages that are not installed: {', '.join(_missing)}.",
        hint="Install them with: pip install 'edgeft[report]'",
    )
