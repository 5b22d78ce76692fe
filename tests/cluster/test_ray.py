"""On a local Ray with two workers: whole after a worker was killed, and after the driver was.

They take an environment with Ray: `make test-cluster`.
"""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

import psutil
import pytest

import edgeft
from tests.cluster.rows import ids_in, many, parts_in, rows_in, write_rows

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(find_spec("ray") is None, reason="Ray is not installed"),
]
ROOT = Path(__file__).parents[2]
ROWS, PART_ROWS = 6_000, 100
WAIT_S = 300.0


def _command(bundle: Path, source: object, out: object, *more: str) -> list[str]:
    return [
        sys.executable, "-m", "edgeft", "predict", str(bundle), str(source), "-o", str(out),
        "--engine", "ray", "--workers", "2", "--variant", "fp32",
        "--part-rows", str(PART_ROWS), *more,
    ]  # fmt: skip


def _environment(**more: str) -> dict[str, str]:
    kept = {name: one for name, one in os.environ.items() if name != "RAY_ADDRESS"}
    # Ray's workers are nicer than all else; beside other tests they would hardly run.
    return {**kept, "PYTHONPATH": str(ROOT), "RAY_worker_niceness": "0", **more}


def _ran(*command: str, **more: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command, capture_output=True, text=True, env=_environment(**more), timeout=WAIT_S,
        check=False,
    )  # fmt: skip


@contextmanager
def _running(*command: str) -> Iterator[psutil.Popen]:
    process = psutil.Popen(
        command, stderr=subprocess.PIPE, text=True, env=_environment(), start_new_session=True
    )
    try:
        yield process
    finally:
        below = [] if not process.is_running() else process.children(recursive=True)
        for one in (process, *below):
            if one.is_running():
                one.kill()
        process.wait()


def _until(happened: Callable[[], object]) -> None:
    end = time.monotonic() + WAIT_S
    while not happened():
        assert time.monotonic() < end
        time.sleep(0.05)


def _workers(driver: psutil.Popen) -> list[psutil.Process]:
    """The processes of Ray's that run the parts."""
    found = []
    for one in driver.children(recursive=True):
        try:
            if "MapWorker" in "".join(one.cmdline()):
                found.append(one)
        except psutil.Error:  # it ended meanwhile
            continue
    return found


def test_a_worker_that_is_killed_costs_no_row(tiny_bundle: Path, tmp_path: Path) -> None:
    source, out = write_rows(tmp_path, **many(ROWS)), tmp_path / "out"
    with _running(*_command(tiny_bundle, source, out)) as driver:
        _until(lambda: len(parts_in(out)) > 1)
        workers = _workers(driver)
        assert len(workers) == 2
        for one in workers:  # where Ray's own processes have it from
            assert one.environ()["RAY_USAGE_STATS_ENABLED"] == "0"
        workers[0].kill()
        assert len(parts_in(out)) < ROWS / PART_ROWS, "it was not in the middle"
        assert driver.wait(WAIT_S) == 0
    assert [*ids_in(out)] == [*range(ROWS)]
    assert {one.name for one in out.iterdir() if "part" not in one.name} == {
        "_edgeft.json", "_SUCCESS",
    }  # fmt: skip
    with edgeft.load(tiny_bundle, variant="fp32", threads=1) as model:
        rows = rows_in(out)
        texts = [row["text"] for row in rows]
        shown = [model.task.show(one, False) for one in model.predict(texts)]
    assert [json.loads(row["prediction"])["label"] for row in rows] == [
        one["label"] for one in shown
    ]


def test_a_driver_that_is_killed_goes_on(tiny_bundle: Path, tmp_path: Path) -> None:
    source, out = write_rows(tmp_path, **many(ROWS)), tmp_path / "out"
    command = _command(tiny_bundle, source, out)
    with _running(*command) as driver:
        _until(lambda: len(parts_in(out)) > 3)
        ray = driver.children(recursive=True)
        driver.kill()
        psutil.wait_procs(ray, 15)
        for one in ray:
            if one.is_running():
                one.kill()
    before = {one.name: one.stat().st_mtime_ns for one in parts_in(out)}
    assert 3 < len(before) < ROWS / PART_ROWS
    assert not (out / "_SUCCESS").exists()
    done = _ran(*command)
    assert done.returncode == 0, done.stderr
    assert f"{len(before)} of which were there already" in done.stderr
    after = {one.name: one.stat().st_mtime_ns for one in parts_in(out)}
    assert {**after, **before} == after
    assert [*ids_in(out)] == [*range(ROWS)]
    assert (out / "_SUCCESS").exists()
    done = _ran(*command)  # without Ray: there is nothing to do
    assert (done.returncode, "60 of which were there already" in done.stderr) == (0, True)


def test_what_goes_wrong_in_a_worker_is_one_error(tiny_bundle: Path, tmp_path: Path) -> None:
    texts = ["the cat", *["shares fell " * 500] * 3]
    source = write_rows(tmp_path, text=texts)
    done = _ran(*_command(tiny_bundle, source, tmp_path / "out", "--on-long", "error"))
    assert done.returncode == 1
    told = [line for line in done.stderr.splitlines() if line.startswith("Error:")]
    assert len(told) == 1
    assert "tokens" in told[0]
    assert "Traceback" not in done.stderr


CALLER = """
import os, sys, ray, edgeft.cluster
ray.init(num_cpus=3, include_dashboard=False, log_to_driver=False)
class Threads(edgeft.cluster.Predictor):
    def __call__(self, batch):
        count = len(batch["text"])
        names = ("RAYON_NUM_THREADS", "TOKENIZERS_PARALLELISM")
        told = [f"{self.model.threads} {' '.join(os.environ[one] for one in names)}"] * count
        return {**super().__call__(batch), "threads": told}
for cpus in (1, 2):
    data = ray.data.read_parquet(sys.argv[2]).map_batches(
        Threads, fn_constructor_kwargs={"bundle": sys.argv[1], "variant": "fp32"}, num_cpus=cpus,
        compute=ray.data.ActorPoolStrategy(size=1), batch_size=10,
    )
    for row in data.iter_rows():
        print(cpus, row["id"], row["threads"], row["prediction"], flush=True)
"""


def test_the_class_in_map_batches_keeps_to_its_cpus(tiny_bundle: Path, tmp_path: Path) -> None:
    source = write_rows(tmp_path, **many(25))
    done = _ran(
        sys.executable, "-c", CALLER, str(tiny_bundle), str(source), RAY_USAGE_STATS_ENABLED="0"
    )
    assert done.returncode == 0, done.stderr
    lines = [line.split(" ", 5) for line in done.stdout.splitlines() if line[:2] in ("1 ", "2 ")]
    assert {(one[0], *one[2:5]) for one in lines} == {
        ("1", "1", "1", "false"), ("2", "2", "2", "true"),
    }  # fmt: skip
    assert sorted(int(one[1]) for one in lines) == sorted([*range(25)] * 2)
    assert {json.loads(one[5])["truncated"] for one in lines} == {False}


@pytest.mark.skipif(
    find_spec("moto") is None or find_spec("s3fs") is None, reason="moto or s3fs is not installed"
)
def test_from_an_object_store_to_it(
    tiny_bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import fsspec
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer(port=0)
    server.start()
    try:
        host, port = server.get_host_and_port()
        variables = {
            "AWS_ENDPOINT_URL": f"http://{host}:{port}", "AWS_ACCESS_KEY_ID": "x",
            "AWS_SECRET_ACCESS_KEY": "x", "AWS_DEFAULT_REGION": "us-east-1",
        }  # fmt: skip
        for name, value in variables.items():
            monkeypatch.setenv(name, value)
        store = fsspec.filesystem("s3")
        store.mkdir("rows")
        for at, begin in enumerate((0, 300)):
            path = write_rows(tmp_path, f"{at}.parquet", **many(300, begin))
            store.put_file(str(path), f"rows/in/{path.name}")
        command = _command(tiny_bundle, "s3://rows/in/*.parquet", "s3://rows/out")
        done = _ran(*command, **variables)
        assert done.returncode == 0, done.stderr
        store.invalidate_cache()
        names = sorted(one.rpartition("/")[2] for one in store.ls("rows/out", detail=False))
        parts = [f"part-{at:05}.parquet" for at in range(6)]
        assert names == ["_SUCCESS", "_edgeft.json", *parts]
        store.rm_file(f"rows/out/{parts[1]}")
        done = _ran(*command, **variables)
        assert (done.returncode, "5 of which were there already" in done.stderr) == (0, True)
        store.invalidate_cache()
        store.get(f"rows/out/{parts[0]}"[: -len(parts[0])], str(tmp_path / "out"), recursive=True)
    finally:
        server.stop()
    assert [*ids_in(tmp_path / "out")] == [*range(600)]
