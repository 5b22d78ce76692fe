import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_without_the_extra_the_door_names_the_command() -> None:
    # -S leaves out every installed package.
    code = f"import sys; sys.path.insert(0, {str(ROOT)!r}); import edgeft.export"
    command = [sys.executable, "-I", "-S", "-c", code]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert "DependencyError" in done.stderr
    assert "optimum-onnx" in done.stderr
    assert "pip install 'edgeft[export,cpu]'" in done.stderr
