"""`python -m tests.demo OUT`: run the small demo, then every command that it says to try next."""

import json
import re
import shlex
import subprocess
import sys
from pathlib import Path
from urllib.request import Request, urlopen

EDGEFT = [sys.executable, "-m", "edgeft"]
NEXT = re.compile(r"^  ((?:echo .+ \| )?edgeft .+)$", re.MULTILINE)
TIMEOUT_S = 60


def main(out: Path) -> None:
    """Raise where a command fails or does not answer."""
    command = [*EDGEFT, "demo", "-o", str(out), "--small"]
    told = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
    print(told)
    found = [one for one in NEXT.findall(told.partition("Try next:")[2]) if "YOUR" not in one]
    assert len(found) == 3, found
    for one in found:
        said, _, asked = one.rpartition(" | ")
        program, stage, *arguments = shlex.split(asked)
        assert program == "edgeft"
        if stage == "serve":
            _answers(arguments)
            continue
        text = " ".join(shlex.split(said)[1:])
        done = subprocess.run(
            [*EDGEFT, stage, *arguments], check=True, input=text, stdout=subprocess.PIPE, text=True
        )
        assert done.stdout.strip(), one
    print(f"What the demo says to try next works: {len(found)} commands.")


def _answers(arguments: list[str]) -> None:
    """Serve as the demo says, but at a free port; ask once, and end the server."""
    command = [*EDGEFT, "serve", *arguments, "--port", "0"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as server:
        try:
            assert server.stderr is not None
            url = ""
            for line in server.stderr:
                event = json.loads(line)
                url = event.get("url", url)
                if event["event"] == "ready":
                    break
            body = json.dumps({"inputs": ["Shares fell after the report"]}).encode()
            asked = Request(f"{url}/v1/predict", body, {"Content-Type": "application/json"})
            with urlopen(asked, timeout=TIMEOUT_S) as answer:
                assert json.load(answer)["predictions"][0]["label"]
            server.terminate()
            assert server.wait(TIMEOUT_S) == 0
        finally:
            server.kill()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
