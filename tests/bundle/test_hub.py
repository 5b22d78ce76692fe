import json
import os
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from edgeft.bundle import read_manifest, record_files, write_manifest
from edgeft.bundle.hub import plan_upload
from edgeft.cli import main
from edgeft.errors import IntegrityError, UsageError


def push(*arguments: object) -> Result:
    return CliRunner().invoke(main, ["push", *map(str, arguments)])


@pytest.fixture
def bundle(tiny_bundle: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(tiny_bundle, tmp_path / "tiny"))


def test_what_is_recorded_goes_and_nothing_else(bundle: Path) -> None:
    (bundle / "notes.txt").write_text("mine")
    plan = plan_upload(bundle, "me/tiny")
    assert {"edgeft.json", "README.md", "onnx/model.onnx", "tokenizer.json"} <= set(plan.files)
    assert plan.left == ("notes.txt",)
    assert plan.warnings == ()
    assert plan.files["edgeft.json"] == (bundle / "edgeft.json").stat().st_size


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("trained in /home/alice/runs", "home folder"),
        (r"trained in C:\Users\alice", "home folder"),
        ("ask alice@example.org", "e-mail"),
        ("token hf_" + "x" * 30, "access token"),
    ],
)
def test_what_looks_private_is_told_and_held_back(bundle: Path, text: str, what: str) -> None:
    card = bundle / "README.md"
    card.write_text(card.read_text(encoding="utf-8") + "\n" + text + "\n", encoding="utf-8")
    (warning,) = plan_upload(bundle, "me/tiny").warnings
    assert what in warning
    assert warning.startswith("README.md, line ")
    assert "looks private" in push(bundle, "me/tiny", "--dry-run").stdout
    held = push(bundle, "me/tiny")
    assert held.exit_code == 3
    assert "nothing was uploaded" in held.stderr


@pytest.mark.parametrize("unit", ["a", "a@", "a@a", "hf_", "hf_aaaaaaaaaaaaaaaa_", "/home/"])
def test_a_long_card_is_looked_through_in_time(bundle: Path, unit: str) -> None:
    (bundle / "README.md").write_text(unit * (1 << 18), encoding="utf-8")
    begin = time.process_time()
    plan_upload(bundle, "me/tiny")
    assert time.process_time() - begin < 10  # in time squared it took minutes


def test_a_windows_path_in_json_is_found(bundle: Path) -> None:
    path = bundle / "config.json"
    content = json.loads(path.read_text(encoding="utf-8"))
    content["_name_or_path"] = r"C:\Users\alice\model"
    path.write_text(json.dumps(content), encoding="utf-8")
    write_manifest(bundle, replace(read_manifest(bundle), files=record_files(bundle)))
    (warning,) = plan_upload(bundle, "me/tiny").warnings
    assert warning.startswith("config.json, line 1: a path of a home folder")


def test_a_dry_run_needs_no_network(bundle: Path) -> None:
    result = push(bundle, "me/tiny", "--dry-run", "--json")
    assert result.exit_code == 0, result.output
    assert json.loads(result.stdout)["repo"] == "me/tiny"


def test_offline_fails_cleanly(bundle: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import huggingface_hub.constants

    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    result = push(bundle, "me/tiny")
    assert result.exit_code == 1
    assert "could not be uploaded to me/tiny" in result.stderr
    assert "Traceback" not in result.stderr


def test_bad_input(bundle: Path) -> None:
    with pytest.raises(UsageError, match="is no repository"):
        plan_upload(bundle, "a/b/c")
    (bundle / "config.json").write_text("{}")
    with pytest.raises(IntegrityError, match=r"config\.json"):
        plan_upload(bundle, "me/tiny")


class _Hub(BaseHTTPRequestHandler):
    """Just enough of the Hub to take a folder: answers, and what was asked of it."""

    seen: list[tuple[str, bytes]]

    def do_GET(self) -> None:
        self._answer({"sha": "0" * 40, "id": "me/tiny", "siblings": [], "private": False})

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"] or 0))
        type(self).seen.append((self.path, body))
        if self.path.endswith("/create"):
            host = self.headers["Host"]
            return self._answer({"url": f"http://{host}/me/tiny", "name": "me/tiny", "id": "1"})
        if "/preupload/" in self.path:
            files = json.loads(body)["files"]
            kept = [
                {"path": one["path"], "uploadMode": "regular", "shouldIgnore": False}
                for one in files
            ]
            return self._answer({"files": kept})
        address = f"http://{self.headers['Host']}/me/tiny/commit/0"
        self._answer({"commitUrl": address, "commitOid": "0" * 40, "hookOutput": "",
                      "success": True})  # fmt: skip

    def _answer(self, document: object) -> None:
        body = json.dumps(document).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def hub() -> Iterator[str]:
    """The address of a Hub on this machine."""
    _Hub.seen = []
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Hub)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    server.server_close()


def test_the_files_arrive(bundle: Path, hub: str) -> None:
    (bundle / "notes.txt").write_text("mine")
    command = ["push", str(bundle), "me/tiny", "--private", "--json"]
    settings = {"HF_ENDPOINT": hub, "HF_HUB_OFFLINE": "0", "HF_TOKEN": "hf_test"}
    done = subprocess.run(
        [sys.executable, "-m", "edgeft", *command],
        capture_output=True, text=True, env={**os.environ, **settings},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    created = next(body for path, body in _Hub.seen if path.endswith("/create"))
    assert json.loads(created)["private"] is True
    commit = next(body for path, body in _Hub.seen if "/commit/" in path)
    sent = [json.loads(line) for line in commit.splitlines()]
    paths = {one["value"]["path"] for one in sent if one["key"] == "file"}
    assert paths == set(plan_upload(bundle, "me/tiny").files)
