"""HTTP for bundles: one process, one batcher for each model, bounds on all that waits.

This is the room's door: it only checks that the extra [serve] is installed.
"""

from importlib.util import find_spec

from edgeft.errors import DependencyError

_NEEDED = ("fastapi", "uvicorn", "httptools", "prometheus_client")
if _missing := [name for name in _NEEDED if find_spec(name) is None]:
    raise DependencyError(
        f"Serving needs packages that are not installed: {', '.join(_missing)}.",
        hint="Install them with: pip install 'edgeft[serve]'",
    )
