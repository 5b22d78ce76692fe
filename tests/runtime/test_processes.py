"""Models and processes: forked, spawned, prefork servers, ends of all kinds, no home."""

import asyncio
import copy
import gc
import json
import multiprocessing
import os
import pickle
import subprocess
import sys
import threading
import time
import weakref
from collections.abc import Callable
from pathlib import Path

import pytest

import edgeft
from edgeft.errors import ClosedError
from tests.cascades import cascade

forks = pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")

# A parent that has used its model in every way, and a child that loads its own.
PARENT = """
import asyncio, os, signal, sys, threading
import edgeft
bundle = sys.argv[1]
def load(): return edgeft.load(bundle, device="cpu", variant="fp32", threads=2)
texts = ["the cat", "sun"] * 2000
inherited = load()
inherited.predict("the cat")
"""
# SIGALRM ends a child that hangs; what waits for it sees that.
FORK = """
sys.stdout.flush()
child = os.fork()
if child:
    _, status = os.waitpid(child, 0)
    print(os.waitstatus_to_exitcode(status))
    sys.exit(0)
signal.alarm(240)
"""
CHILD = """
own = load()
own.predict("the cat")
list(own.stream(texts))
print(asyncio.run(own.apredict("the cat")).label in own.labels)
"""
USES = {
    "nothing more": "",
    "apredict": "asyncio.run(inherited.apredict('the cat'))",
    "a stream that goes on": "going_on = inherited.stream(texts); next(going_on)",
    "a dropped model": "del inherited",
    "a thread that predicts": (
        "threading.Thread(target=lambda: [inherited.predict(texts) for _ in range(20)],"
        " daemon=True).start()"
    ),
    "a thread that loads": (
        "threading.Thread(target=lambda: [load().close() for _ in range(20)], daemon=True).start()"
    ),
}
ENDS = {"the last line": ("", 0), "exit": ("sys.exit(3)", 3), "_exit": ("os._exit(4)", 4)}


def run_python(code: str, *arguments: object, **more: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-c", code, *map(str, arguments)], capture_output=True, text=True,
        timeout=300, env={**os.environ, **more},
    )  # fmt: skip


def _run(code: str, *arguments: object, **more: str) -> str:
    done = run_python(code, *arguments, **more)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@forks
@pytest.mark.parametrize("use", USES)
def test_a_forked_child_loads_its_own_and_ends(tiny_bundle: Path, use: str) -> None:
    code = PARENT + USES[use] + FORK + CHILD
    assert _run(code, tiny_bundle).split() == ["True", "0"]


ENDLESS = {
    "predicts": "inherited.predict('the cat')",
    "loads": "load().close()",
    "tokenizes": "inherited.runner.encode(['the cat sat on the mat ' * 20] * 200)",
}


@pytest.mark.parametrize("pause_s", [0.0, 0.05, 0.2])
@pytest.mark.parametrize("work", ENDLESS)
def test_a_thread_at_work_lets_the_interpreter_end(
    tiny_bundle: Path, work: str, pause_s: float
) -> None:
    code = f"""
import atexit, time
def go_on():
    while True: {ENDLESS[work]}
atexit.register(lambda: print(inherited.predict("the cat").label in inherited.labels))
threading.Thread(target=go_on, daemon=True).start()
time.sleep({pause_s})
"""
    done = run_python(PARENT + code, tiny_bundle)
    assert (done.returncode, done.stdout, done.stderr) == (0, "True\n", "")


def test_what_ends_last_still_predicts(tiny_bundle: Path) -> None:
    last = "import atexit\natexit.register(lambda: print(inherited.predict('the cat').truncated))\n"
    assert _run(last + PARENT, tiny_bundle) == "False\n"


@forks
@pytest.mark.parametrize("end", ENDS)
def test_a_forked_child_ends_as_it_wants(tiny_bundle: Path, end: str) -> None:
    how, status = ENDS[end]
    code = PARENT + FORK + CHILD + "sys.stdout.flush()\n" + how
    assert _run(code, tiny_bundle).split() == ["True", str(status)]


@forks
def test_a_grandchild_and_a_child_that_drops_what_it_inherited(tiny_bundle: Path) -> None:
    again = FORK.replace("sys.exit(0)", "inherited.close(); del inherited; sys.exit(0)")
    assert _run(PARENT + FORK + "load()\n" + again + CHILD, tiny_bundle).split() == [
        "True", "0", "0",
    ]  # fmt: skip


@forks
def test_a_child_is_told_that_the_model_is_its_parents(tiny_bundle: Path) -> None:
    code = PARENT + FORK + "\ntry: inherited.predict('a')\nexcept edgeft.EdgeftError as e: print(e)"
    assert "after the fork" in _run(code, tiny_bundle)


@forks
@pytest.mark.parametrize("use", ["apredict", "a stream that goes on"])
def test_a_forked_child_loads_its_own_cascade(tiny_bundle: Path, tmp_path: Path, use: str) -> None:
    steps = (("main", "int8", 0.4), ("main", "fp32", None))
    folder = cascade(tmp_path / "b", {"main": tiny_bundle}, steps)
    parent = PARENT.replace('variant="fp32"', 'variant="cascade"')
    told = "try: inherited.predict('a')\nexcept edgeft.EdgeftError as e: print('fork' in str(e))\n"
    assert _run(parent + USES[use] + FORK + told + CHILD, folder).split() == ["True", "True", "0"]


# What gunicorn does with --preload: the application is loaded, then the workers are forked,
# and SIGTERM ends each by SystemExit, so by the interpreter's normal way.
PREFORK = """
def stop(*_): sys.exit(0)
workers = []
for _ in range(3):
    ready, told = os.pipe()
    worker = os.fork()
    if not worker:
        signal.signal(signal.SIGTERM, stop)
        signal.alarm(240)
        own = load()
        own.predict("the cat")
        os.write(told, b"r")
        while True: signal.pause()
    assert os.read(ready, 1) == b"r"
    workers.append(worker)
for worker in workers: os.kill(worker, signal.SIGTERM)
print(*(os.waitstatus_to_exitcode(os.waitpid(worker, 0)[1]) for worker in workers))
"""


@forks
def test_a_prefork_servers_workers_end_when_they_are_told_to(tiny_bundle: Path) -> None:
    assert _run(PARENT + PREFORK, tiny_bundle).split() == ["0", "0", "0"]


WORKERS = """
import multiprocessing, sys
import edgeft
def label(bundle):
    with edgeft.load(bundle, device="cpu", variant="fp32", threads=1) as model:
        return model.predict("the cat").label
if __name__ == "__main__":
    model = edgeft.load(sys.argv[1], device="cpu", variant="fp32", threads=1)
    expected = model.predict("the cat").label
    with multiprocessing.get_context(sys.argv[2]).Pool(2) as pool:
        print(set(pool.map(label, [sys.argv[1]] * 4)) == {expected})
        pool.close()
        pool.join()
"""


@pytest.mark.parametrize("method", multiprocessing.get_all_start_methods())
def test_processes_of_multiprocessing_load_their_own(
    tiny_bundle: Path, tmp_path: Path, method: str
) -> None:
    script = tmp_path / "workers.py"
    script.write_text(WORKERS)
    done = subprocess.run(
        [sys.executable, str(script), str(tiny_bundle), method],
        capture_output=True, text=True, timeout=300,
    )  # fmt: skip
    assert (done.stdout, done.returncode) == ("True\n", 0), done.stderr


@pytest.mark.parametrize("way", [pickle.dumps, copy.copy, copy.deepcopy])
def test_a_model_is_neither_pickled_nor_copied(
    tiny_bundle: Path, way: Callable[[object], object]
) -> None:
    with edgeft.load(tiny_bundle, device="cpu", variant="fp32", threads=1) as model:
        with pytest.raises(TypeError, match=r"neither pickled nor copied.*edgeft\.load"):
            way(model)
        prediction = model.predict("the cat")
        assert pickle.loads(pickle.dumps(prediction)) == prediction


SEND = """
import multiprocessing
try: multiprocessing.get_context("spawn").Process(target=print, args=(inherited,)).start()
except TypeError as error: print(error)
"""


def test_a_model_is_not_sent_to_a_spawned_process(tiny_bundle: Path) -> None:
    assert "another process gets the bundle's path" in _run(PARENT + SEND, tiny_bundle)


def _gone(reference: "weakref.ref[object]") -> bool:
    for _ in range(200):
        if reference() is None:
            return True
        time.sleep(0.05)
    return False


def _waiting_for_texts() -> set[threading.Thread]:
    return {thread for thread in threading.enumerate() if thread.name == "edgeft-batches"}


def test_a_dropped_model_is_freed_and_its_thread_ends(tiny_bundle: Path) -> None:
    before = _waiting_for_texts()
    gc.disable()  # nothing needs the collector
    try:
        for _ in range(3):
            model = edgeft.load(tiny_bundle, device="cpu", variant="fp32", threads=1)
            asyncio.run(model.apredict("the cat"))
            (thread,) = _waiting_for_texts() - before
            engine = weakref.ref(model.runner._engine)
            del model
            assert _gone(engine)
            thread.join(30)
            assert not thread.is_alive()
    finally:
        gc.enable()


def test_a_model_dropped_while_it_streams_is_freed_with_the_stream(tiny_bundle: Path) -> None:
    model = edgeft.load(tiny_bundle, device="cpu", variant="fp32", threads=1)
    answers = model.stream([f"the cat {at}" for at in range(5000)])
    next(answers)
    engine = weakref.ref(model.runner._engine)
    del model
    assert next(answers).label  # a stream needs its model
    assert engine() is not None
    del answers
    assert _gone(engine)


def test_a_model_dropped_while_a_text_waits_answers_it(tiny_bundle: Path) -> None:
    async def ask() -> list[edgeft.Classification]:
        model = edgeft.load(tiny_bundle, device="cpu", variant="fp32", threads=1)
        tasks = [asyncio.ensure_future(model.apredict("the cat")) for _ in range(50)]
        del model
        return await asyncio.gather(*tasks)

    assert len(asyncio.run(asyncio.wait_for(ask(), 60))) == 50


def test_texts_whose_model_is_gone_are_told(tiny_bundle: Path) -> None:
    async def ask() -> None:
        model = edgeft.load(tiny_bundle, device="cpu", variant="fp32", threads=1)
        shared = model._sharing()
        del model
        with pytest.raises(ClosedError):
            await shared.submit("the cat")

    asyncio.run(asyncio.wait_for(ask(), 60))


@pytest.mark.parametrize("end", ["", "sys.exit(0)", "os.kill(os.getpid(), signal.SIGINT)"])
def test_the_interpreter_ends_while_texts_wait(tiny_bundle: Path, end: str) -> None:
    code = f"""{PARENT}
async def leave():
    tasks = [asyncio.ensure_future(inherited.apredict(f"cat {{n}}")) for n in range(900)]
    await asyncio.sleep(0.01)
    {end}
try: asyncio.run(leave())
except KeyboardInterrupt: pass
"""
    assert _run(code, tiny_bundle) == ""


# The real user decides where a home is looked for; the effective one, what may be read.
HOMELESS = """
import asyncio, json, os, sys
if os.geteuid() == 0:
    os.setresuid(54321, 0, 0)  # which the system has no name for
for name in ("HOME", "XDG_CACHE_HOME", "USER", "LOGNAME", "USERNAME", "EDGEFT_CACHE"):
    os.environ.pop(name, None)
os.environ.update(json.loads(sys.argv[2]))
import edgeft
model = edgeft.load(sys.argv[1], device="cpu")
print(model.predict("the cat").label in model.labels)
print(asyncio.run(model.apredict("the cat")).label in model.labels)
"""


@pytest.mark.skipif(not hasattr(os, "setresuid"), reason="users are no numbers here")
@pytest.mark.parametrize(
    "environment",
    [
        {},
        {"HOME": "/nowhere/at all"},
        {"EDGEFT_CACHE": "/proc/no"},
        {"EDGEFT_CACHE": "~nobody-of-that-name/x"},
        {"XDG_CACHE_HOME": "/dev/null"},
    ],
    ids=str,
)
def test_a_user_without_name_home_or_cache_predicts(
    tiny_bundle: Path, environment: dict[str, str]
) -> None:
    assert _run(HOMELESS, tiny_bundle, json.dumps(environment)).split() == ["True", "True"]
