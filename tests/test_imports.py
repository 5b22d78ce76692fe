"""The dependency wall: what each part may import, asked of a fresh process."""

import subprocess
import sys

import pytest

HEAVY = {"torch", "transformers", "optimum", "onnx", "datasets", "pandas", "sklearn"}


def _imported(code: str) -> set[str]:
    program = f"import sys\n{code}\nprint(*sorted({{n.partition('.')[0] for n in sys.modules}}))"
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    return set(done.stdout.splitlines()[-1].split())


def test_the_runtime_imports_no_training_package() -> None:
    found = _imported("import edgeft.runtime.model, edgeft.proof.battery, edgeft.bench.run")
    assert not found & HEAVY
    assert {"numpy", "tokenizers"} <= found


def test_importing_edgeft_imports_next_to_nothing() -> None:
    assert not _imported("import edgeft") & (HEAVY | {"numpy", "tokenizers", "onnxruntime", "rich"})


def test_help_imports_neither_numpy_nor_onnxruntime() -> None:
    code = (
        "from click.testing import CliRunner; from edgeft.cli import main\n"
        "assert CliRunner().invoke(main, ['--help']).exit_code == 0\n"
        "for name in main.list_commands(None):\n"
        "    assert CliRunner().invoke(main, [name, '--help']).exit_code == 0, name"
    )
    assert not _imported(code) & (HEAVY | {"numpy", "tokenizers", "onnxruntime"})


@pytest.mark.parametrize(
    "lower",
    [
        "errors",
        "inputs",
        "tasks",
        "tasks.task",
        "normalize",
        "folders",
        "packages",
        "data",
        "bundle.integrity",
        "bundle",
        "checkpoint.pretrained",
    ],
)
def test_the_base_needs_the_standard_library_alone(lower: str) -> None:
    third_party = {"numpy", "tokenizers", "onnxruntime", "click", "rich"} | HEAVY
    assert not _imported(f"import edgeft.{lower}") & third_party


def test_public_names() -> None:
    import edgeft

    assert edgeft.__all__ == [
        "Answer", "Classification", "Device", "EdgeftError", "Embedding", "Entities", "Entity",
        "Labels", "Model", "Number", "Pair", "Question", "Ranked", "Similarity", "Vectors",
        "__version__", "load", "vectors_of",
    ]  # fmt: skip
    assert all(getattr(edgeft, name) for name in edgeft.__all__)
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = edgeft.nothing  # type: ignore[attr-defined]
