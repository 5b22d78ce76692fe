"""onnxruntime's telemetry is off before it is imported, in every way in."""

import ast
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
GATE = "import_onnxruntime"
# These import onnxruntime themselves.
LIBRARIES = ("onnxruntime", "onnxruntime_extensions", "optimum")
# These run in environments without edgeft, and import first what sets the variable, or set it.
PEERS = ROOT / "benchmarks" / "peers"
ALONE = (ROOT / "benchmarks" / "serve" / "sides", ROOT / "deploy" / "clients")
SET = 'os.environ["ORT_DISABLE_TELEMETRY"] = "1"'


def _stray(source: str) -> list[int]:
    """The lines that import one of the libraries where the gate was not passed before."""
    tree = ast.parse(source)
    typing_only = {
        id(inner)
        for node in ast.walk(tree)
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"
        for inner in ast.walk(node)
    }
    functions = [n for n in ast.walk(tree) if isinstance(n, ast.FunctionDef | ast.AsyncFunctionDef)]
    allowed = set(typing_only)
    for function in functions:
        inside = list(ast.walk(function))
        if function.name == GATE:
            allowed |= set(map(id, inside))
        gates = [
            node.lineno
            for node in inside
            if isinstance(node, ast.Call) and ast.unparse(node.func) == GATE
        ]
        if gates:
            allowed |= {id(n) for n in inside if getattr(n, "lineno", 0) > min(gates)}
    found = []
    for node in ast.walk(tree):
        names: list[str] = []
        if isinstance(node, ast.Import):
            names = [one.name for one in node.names]
        elif isinstance(node, ast.ImportFrom):
            names = [node.module or ""]
        elif isinstance(node, ast.Call) and ast.unparse(node.func).endswith("import_module"):
            names = [one.value for one in node.args if isinstance(one, ast.Constant)]
        if any(str(name).partition(".")[0] in LIBRARIES for name in names):
            found += [node.lineno] if id(node) not in allowed else []
    return found


def _sources() -> list[Path]:
    folders = [ROOT / "edgeft", ROOT / "benchmarks", ROOT / "deploy"]
    found = [path for folder in folders for path in sorted(folder.rglob("*.py"))]
    return [path for path in found if not {PEERS, *ALONE} & {*path.parents}]


def test_no_module_imports_onnxruntime_by_itself() -> None:
    assert not {str(path): lines for path in _sources() if (lines := _stray(path.read_text()))}


@pytest.mark.parametrize(
    "source",
    [
        "import onnxruntime",
        "from onnxruntime.quantization import QuantType",
        "def f():\n    import onnxruntime_extensions\n    import_onnxruntime()",
        "def f():\n    import_onnxruntime()\ndef g():\n    from optimum import onnxruntime",
        "from importlib import import_module\nimport_module('onnxruntime')",
    ],
)
def test_a_stray_import_would_be_found(source: str) -> None:
    assert _stray(source)


def test_the_peers_of_the_benchmarks_are_silent_too() -> None:
    for path in sorted(PEERS.glob("[!_]*.py")):
        source = path.read_text()
        if any(one in source for one in ("import onnxruntime", "from fastembed", "from sent")):
            first = next(n for n in ast.parse(source).body if isinstance(n, ast.ImportFrom))
            assert first.module in ("serve", "padded", "hf_pipeline", "student_rows"), path
    for name in ("serve.py", "student_rows.py"):
        assert SET in (PEERS / name).read_text()


def test_what_stands_alone_is_silent_too() -> None:
    paths = [path for folder in ALONE for path in folder.glob("*.py") if _stray(path.read_text())]
    assert {path.name for path in paths} == {"fastapi_optimum.py", "litserve_onnx.py",
                                             "single_file.py"}  # fmt: skip
    for path in paths:
        lines = path.read_text().splitlines()
        assert lines.index(SET) < min(_stray(path.read_text())), path


def test_the_container_images_are_silent_whatever_they_run() -> None:
    for name in ("Dockerfile.cpu", "Dockerfile.cuda"):
        assert "ORT_DISABLE_TELEMETRY=1" in (ROOT / "deploy" / name).read_text(), name


# Python runs sitecustomize at its start: this one notes how onnxruntime's library finds the
# environment as it is loaded.
WATCH = """
import os, sys
def watch(event, arguments):
    if event == "import" and arguments[0] == "onnxruntime.capi.onnxruntime_pybind11_state":
        with open(os.environ["WATCH"], "a") as file:
            file.write(os.environ.get("ORT_DISABLE_TELEMETRY", "on") + "\\n")
sys.addaudithook(watch)
"""


def _watched(folder: Path, *command: object, **more: str) -> list[str]:
    """How each process that a command starts found the environment as it imported onnxruntime."""
    (folder / "site").mkdir()
    (folder / "site" / "sitecustomize.py").write_text(WATCH)
    environment = {n: v for n, v in os.environ.items() if n != "ORT_DISABLE_TELEMETRY"}
    environment |= {"PYTHONPATH": f"{folder / 'site'}{os.pathsep}{ROOT}"}
    environment |= {"WATCH": str(folder / "seen"), **more}
    done = subprocess.run(
        [sys.executable, *map(str, command)], capture_output=True, text=True, env=environment,
        input="the cat\n", check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    return (folder / "seen").read_text().split()


def test_export_quantizes_and_merges_in_silence(tiny_checkpoint: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    command = ("-m", "edgeft", "export", tiny_checkpoint, "-o", out, "--single-file")
    assert set(_watched(tmp_path, *command)) == {"1"}


def test_the_processes_that_bench_starts_are_silent(tiny_bundle: Path, tmp_path: Path) -> None:
    cells = ("--variant", "fp32", "--samples", "5", "--rounds", "1", "--json")
    seen = _watched(tmp_path, "-m", "edgeft", "bench", tiny_bundle, *cells)
    assert set(seen) == {"1"}
    assert len(seen) >= 2  # its own, and a worker's


def test_doctor_is_silent(tmp_path: Path) -> None:
    assert set(_watched(tmp_path, "-m", "edgeft", "doctor", "--json")) == {"1"}


@pytest.mark.parametrize("wish", ["", "0", "false"])
def test_the_example_service_is_silent_whatever_the_environment_says(
    tiny_bundle: Path, tmp_path: Path, wish: str
) -> None:
    app = ROOT / "deploy" / "example" / "app.py"
    seen = _watched(tmp_path, app, tiny_bundle, "--lines", ORT_DISABLE_TELEMETRY=wish)
    assert set(seen) == {"1"}
