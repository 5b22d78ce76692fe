"""Memory stays bounded over many lengths, and an idle model burns no CPU."""

import subprocess
import sys
from pathlib import Path

import pytest

GROWTH = """
import random, re, sys, time
from pathlib import Path
import edgeft
def resident_mb():
    status = Path("/proc/self/status").read_text()
    return int(re.search(r"VmRSS:\\s+(\\d+)", status)[1]) / 1024
with edgeft.load(sys.argv[1], device="cpu", variant="fp32", threads=2) as model:
    model.predict([f"word {at}" for at in range(64)])
    before = resident_mb()
    chance = random.Random(0)
    for _ in model.stream(
        f"{at} " + "sun " * chance.randint(1, model.max_length) for at in range(20_000)
    ):
        pass
    grown = resident_mb() - before
    model.predict("the cat")
    begin = time.process_time()
    time.sleep(2)
    print(grown, time.process_time() - begin)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_20_000_texts_of_all_lengths_and_then_idling(tiny_bundle: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", GROWTH, str(tiny_bundle)], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    grown_mb, idle_cpu_s = map(float, done.stdout.split())
    assert grown_mb < 150
    assert idle_cpu_s < 0.02
