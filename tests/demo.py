"""`python -m tests.demo OUT`: run the small demo, then every command that it says to try next.

They are run by a shell, word for word as they are printed, whatever is on PATH.
"""

import json
import subprocess
import sys
from pathlib import Path
from urllib.request import Request, urlopen

# The program beside this Python, called as `make demo` calls it.
EDGEFT = str(Path(sys.executable).with_name("edgeft"))
TIMEOUT_S = 60


def main(out: Path) -> None:
    """Raise where a command fails or does not answer."""
    command = [EDGEFT, "demo", "-o", str(out), "--small"]
    told = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
    print(told)
    lines = told.partition("Try next:\n")[2].splitlines()
    found = [line.strip() for line in lines if "YOUR" not in line]
    assert len(found) == len(lines) - 1 == 3, lines
    for one in found:
        if " serve " in one:
            _answers(one)
            continue
        done = subprocess.run(one, shell=True, check=True, stdout=subprocess.PIPE, text=True)
        assert done.stdout.strip(), one
    print(f"What the demo says to try next works: {len(found)} commands.")


def _answers(command: str) -> None:
    """Serve as the demo says, but at a free port; ask once, and end the server."""
    command = f"exec {command} --port 0"  # without a shell between it and SIGTERM
    with subprocess.Popen(command, shell=True, stderr=subprocess.PIPE, text=True) as server:
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
