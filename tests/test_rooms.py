"""The map of the house: what each room may import, and that no module is in a circle."""

import ast
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[1] / "edgeft"
# What every file of tasks and of objectives is read for; where the process and the commands start.
ONE_A_FILE = {"TASK", "OBJECTIVE", "main"}
# From the ground up. A module imports its own room and those on lower floors, nothing beside it.
FLOORS = (
    {"errors"},
    {"fields", "inputs", "packages", "progress", "settings", "signals"},
    {"data", "normalize", "folders"},
    {"tasks"},
    {"bundle"},
    {"runtime"},
    {"proof", "page"},
    {"checkpoint", "bench", "serve", "deploy", "cluster"},
    {"train", "export", "report"},
    {"trim", "distill", "cascade"},
    {"compress"},
    {"demo"},
    {"cli"},
    {"__main__"},
)


def _imported(path: Path) -> Iterator[str]:
    """Modules of edgeft that a file imports at any time, but for those that only types need."""

    def walk(node: ast.AST) -> Iterator[str]:
        for one in ast.iter_child_nodes(node):
            if isinstance(one, ast.If) and ast.unparse(one.test) == "TYPE_CHECKING":
                continue
            if isinstance(one, ast.Import):
                yield from (name.name for name in one.names if name.name.startswith("edgeft."))
            elif isinstance(one, ast.ImportFrom) and (one.module or "").split(".")[0] == "edgeft":
                for name in one.names:
                    full = f"{one.module}.{name.name}"
                    yield full if _file(full) else str(one.module)
            yield from walk(one)

    yield from walk(ast.parse(path.read_text(encoding="utf-8")))


def _file(module: str) -> Path | None:
    base = ROOT.joinpath(*module.split(".")[1:])
    return next(
        (one for one in (base.with_suffix(".py"), base / "__init__.py") if one.is_file()), None
    )


def _graph() -> dict[str, set[str]]:
    graph = {}
    for path in sorted(ROOT.rglob("*.py")):
        module = ".".join(("edgeft", *path.relative_to(ROOT).with_suffix("").parts))
        graph[module.removesuffix(".__init__")] = {
            one for one in _imported(path) if one != "edgeft"
        }
    del graph["edgeft"]  # it resolves heavy names when they are asked for
    return graph


def test_arrows_point_down() -> None:
    floor = {room: at for at, rooms in enumerate(FLOORS) for room in rooms}
    up = []
    for module, found in _graph().items():
        room = module.split(".")[1]
        for one in found:
            other = one.split(".")[1]
            if other != room and not floor[other] < floor[room]:
                up.append(f"{module} imports {one}")
    assert up == []


def test_no_circles() -> None:
    graph = _graph()
    done: set[str] = set()

    def visit(module: str, path: tuple[str, ...]) -> None:
        assert module not in path, " → ".join((*path, module))
        if module not in done:
            for one in sorted(graph.get(module, ())):
                visit(one, (*path, module))
            done.add(module)

    for module in graph:
        visit(module, ())


def test_the_ground_floor_is_small() -> None:
    assert len(list(ROOT.glob("*.py"))) < 12


def _public(path: Path) -> set[str]:
    """What a file defines, and does not only pass on, of the names in its ``__all__``."""
    listed, defined = set(), set()
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            defined.add(node.name)
        elif isinstance(node, ast.Assign | ast.AnnAssign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            names = {one.id for each in targets for one in ast.walk(each)
                     if isinstance(one, ast.Name)}  # fmt: skip
            if "__all__" in names and node.value is not None:
                listed |= set(ast.literal_eval(node.value))
            defined |= names
    return listed & defined


def test_a_public_name_means_one_thing() -> None:
    where: dict[str, list[str]] = {}
    for path in sorted(ROOT.rglob("*.py")):
        for name in _public(path) - ONE_A_FILE:
            where.setdefault(name, []).append(str(path.relative_to(ROOT)))
    assert where["load"] == ["runtime/load.py"]
    assert {name: files for name, files in where.items() if len(files) > 1} == {}
