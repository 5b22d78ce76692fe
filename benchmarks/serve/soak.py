"""Many requests with a reload and a restart in the middle: none lost, doubled or wrong.

    python -m benchmarks.serve.soak build/bench-model --data FILE --requests 200000

After a third of the answers the server gets SIGHUP, and loads the bundle anew; after two thirds
SIGTERM, and as soon as it has ended another one starts on the same port. A client whose connection
was closed before an answer, who was told that the server stops, or whom nobody took, asks again,
as a client behind a load balancer would. What was answered the servers' logs tell: no id of a
request may be there twice with status 200. Memory is read once a second: what a server holds at the
end of its life over what it held after a tenth of all answers, or of its own.
"""

import json
import signal
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

from benchmarks.serve.kit import bundle_of, claim, generator, loaded, options, save
from benchmarks.serve.servers import Server, edgeft, resident_bytes

MOST_MB = 50.0


class Watched:
    """A server that is reloaded and restarted as answers come, and its memory."""

    def __init__(self, chosen: object, bundle: Path, folder: Path) -> None:
        self._chosen, self._bundle, self._folder = chosen, bundle, folder
        self.logs: list[Path] = []
        self.held: list[list[tuple[int, float]]] = []  # of each process (answers, MB)
        self.answers = 0
        self.statuses: list[int] = []
        self.down_s = 0.0
        self._reloaded = self._restarted = False
        self._restart: threading.Thread | None = None
        self.server = self._start(None)

    def _start(self, port: int | None) -> Server:
        chosen = self._chosen
        self.logs.append(self._folder / f"{len(self.logs)}.log")
        self._log: IO[str] = self.logs[-1].open("w", encoding="utf-8")
        server = edgeft(
            self._bundle, chosen.threads, "--variant", chosen.variant, port=port, log=self._log
        )  # fmt: skip
        self.held.append([])
        return server

    def progress(self, answers: int) -> None:
        """Do what is to be done after so many answers."""
        self.answers = answers
        most = self._chosen.requests
        if answers >= most / 3 and not self._reloaded:
            self._reloaded = True
            self.server.tell(signal.SIGHUP)
        if answers >= most * 2 / 3 and not self._restarted:
            self._restarted = True
            self._restart = threading.Thread(target=self._anew)
            self._restart.start()

    def _anew(self) -> None:
        begin = time.monotonic()
        self.server.tell(signal.SIGTERM)
        self.statuses.append(self.server.wait())
        self._log.close()
        self.server = self._start(self.server.port)
        self.down_s = time.monotonic() - begin

    def end(self) -> None:
        """Stop the last one."""
        if self._restart is not None:
            self._restart.join()
        self.server.tell(signal.SIGTERM)
        self.statuses.append(self.server.wait())
        self._log.close()

    @contextmanager
    def weighed(self) -> Iterator[None]:
        """Read its memory once a second meanwhile."""
        over = threading.Event()

        def weigh() -> None:
            while not over.wait(1.0):
                with suppress(OSError, ValueError):
                    megabytes = resident_bytes(self.server.pid) / 1e6
                    if megabytes:  # else it has ended and was not waited for
                        self.held[-1].append((self.answers, megabytes))

        thread = threading.Thread(target=weigh)
        thread.start()
        try:
            yield
        finally:
            over.set()
            thread.join()

    def growth_mb(self) -> list[float]:
        """Of each process what it held at its end over what it held once it was warm."""
        found, most = [], self._chosen.requests
        for held in self.held:
            if not held:
                continue
            warm = held[0][0] + most / 10
            after = [megabytes for answers, megabytes in held if answers >= warm]
            if len(after) > 1:
                found.append(after[-1] - after[0])
        return found


def main() -> None:
    """Measure, print the table, keep it."""
    parser = options(__doc__)
    parser.add_argument("--variant", default="fp32")
    parser.set_defaults(requests=50_000)
    chosen = parser.parse_args()
    bundle = bundle_of(chosen.folder)
    with (
        generator(bundle, chosen, chosen.variant) as load,
        tempfile.TemporaryDirectory(prefix="edgeft-soak-") as folder,
    ):
        watched = Watched(chosen, bundle, Path(folder))
        try:
            with watched.weighed():
                found = loaded(
                    load, watched.server, chosen, seed=1, again=True, name="soak",
                    progress=watched.progress,
                )  # fmt: skip
        finally:
            watched.end()
        answered = Counter(
            line["id"]
            for log in watched.logs
            for line in map(json.loads, log.open(encoding="utf-8"))
            if line["event"] == "request" and line["status"] == 200
        )
        reloads = sum(
            json.loads(line)["event"] == "model ready"
            for line in watched.logs[0].open(encoding="utf-8")
        )
    answered = Counter({one: count for one, count in answered.items() if one[:5] == "soak-"})
    twice = sum(count > 1 for count in answered.values())
    missing = chosen.requests - len(answered)
    claims = [
        claim("answers lost", [found["lost"]], at_most=0),
        claim("answers doubled", [found["doubled"]], at_most=0),
        claim("answers wrong", [found["wrong"]], at_most=0),
        claim("requests that were not answered with 200",
              [chosen.requests - found["statuses"].get("200", 0)], at_most=0),
        claim("requests that no log has as answered", [missing], at_most=0),
        claim("requests that the logs have as answered twice", [twice], at_most=0),
        claim("memory at the end over that once warm, MB, the most of a process",
              [max(watched.growth_mb(), default=0.0)], at_most=MOST_MB),
        claim("sent again, as the server stopped", [found["again"]]),
        claim("from SIGTERM until the next one was ready, s", [watched.down_s]),
        claim("times that the first one had a model ready", [reloads], at_least=2),
        claim("requests/s", [found["per_s"]]),
        claim("p99, ms", [found["p99_ms"]]),
        claim("exit statuses that are not 0", [sum(map(bool, watched.statuses))], at_most=0),
    ]  # fmt: skip
    save("serve-soak", claims, chosen, __doc__, run=found, memory=watched.held)


if __name__ == "__main__":
    main()
