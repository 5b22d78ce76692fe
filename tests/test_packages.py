from importlib.metadata import version

from edgeft.packages import package_versions


def test_only_what_is_installed_is_named() -> None:
    found = package_versions(("numpy", "edgeft-no-such-package", "click"))
    assert list(found.items()) == [("numpy", version("numpy")), ("click", version("click"))]
