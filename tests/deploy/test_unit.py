"""The systemd unit: verified by systemd itself, and its very commands run on a bundle."""

import json
import re
import shlex
import shutil
import signal
import subprocess
from pathlib import Path

import httpx
import pytest

from tests.deploy.test_dockerfiles import DOCKERFILES, only
from tests.serve.command import EDGEFT, served

UNIT = Path(__file__).parents[2] / "deploy" / "edgeft.service"
MOST_EXPOSED = 15  # of 100, by systemd's own count
needs_systemd = pytest.mark.skipif(
    shutil.which("systemd-analyze") is None, reason="there is no systemd-analyze here"
)


def settings() -> dict[str, str]:
    """The settings of the unit; of one that stands twice the last."""
    lines = UNIT.read_text(encoding="utf-8").splitlines()
    pairs = [line.partition("=") for line in lines if line[:1] not in ("#", "[", "")]
    return {name: value for name, _, value in pairs}


def analyzed(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = ["systemd-analyze", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


@needs_systemd
def test_systemd_has_nothing_to_say(tmp_path: Path) -> None:
    here = tmp_path / UNIT.name
    program = shlex.split(settings()["ExecStart"])[0]
    text = UNIT.read_text(encoding="utf-8").replace(f"ExecStart={program}", "ExecStart=/bin/true")
    here.write_text(text, encoding="utf-8")
    done = analyzed("verify", "--man=no", str(here))
    if "Failed to" in done.stderr and "manager" in done.stderr:
        pytest.skip("systemd-analyze cannot verify units here")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@needs_systemd
def test_the_unit_has_no_more_rights_than_it_needs() -> None:
    done = analyzed("security", "--offline=yes", f"--threshold={MOST_EXPOSED}", str(UNIT))
    if "nrecognized option" in done.stderr:
        pytest.skip("this systemd-analyze reads no units that are not loaded")
    assert done.returncode == 0, done.stdout[-300:]


def test_its_head_installs_what_the_image_installs() -> None:
    head = re.findall(r"^#   (.+)$", UNIT.read_text(encoding="utf-8"), re.MULTILINE)
    made, _, install = head[0].partition(" && ")
    program, *words = shlex.split(install)
    folder = made.split()[-1]
    assert program == f"{folder}/bin/pip"
    assert settings()["ExecStart"].startswith(f"{folder}/bin/edgeft ")
    image = shlex.split(only(DOCKERFILES[0], "RUN", "pip install").value)
    assert words == ["install", "-c", image[image.index("--constraint") + 1], image[-1]]
    # cp needs the folder above to be there.
    assert head[1].startswith("mkdir -p /srv/edgeft && ")
    assert shlex.split(settings()["ExecStart"])[2] == shlex.split(head[1])[-1]


def test_the_commands_serve_reload_and_end(tiny_bundle: Path, tmp_path: Path) -> None:
    found = settings()
    program, *arguments = shlex.split(found["ExecStart"])
    assert Path(program).name == "edgeft"
    assert arguments[0] == "serve"
    bundle, port = arguments[1], arguments[arguments.index("--port") + 1]
    arguments[1] = f"{Path(bundle).name}={tiny_bundle}"
    arguments[arguments.index("--port") + 1] = "0"
    arguments[arguments.index("--drain") + 1] = "0"
    variables = dict(one.split("=", 1) for one in shlex.split(found["Environment"]))
    variables["XDG_CACHE_HOME"] = str(tmp_path)
    with served([*EDGEFT, *arguments], variables) as (process, url):
        assert httpx.get(f"{url}/v2/health/ready").status_code == 200
        kill, sent, whom = shlex.split(found["ExecReload"])
        assert (kill, whom, port) == ("/bin/kill", "$MAINPID", "8000")
        subprocess.run(["kill", sent, str(process.pid)], check=True)
        events = []
        for line in process.stderr or ():
            events.append(json.loads(line)["event"])
            if events[-1] == "model ready":  # the bundle was loaded anew
                process.send_signal(signal.SIGTERM)
        assert "model ready" in events
        assert events[-1] == "stopped"
        assert process.wait(30) == 0
