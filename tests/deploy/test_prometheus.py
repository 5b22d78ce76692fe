"""Alerts and the dashboard ask for series that a server has, and promtool reads them."""

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

from tests.serve.asking import in_process, run

FOLDER = Path(__file__).parents[2] / "deploy" / "prometheus"
SERIES = re.compile(r"\b(?:edgeft|process)_\w+")


def expressions() -> list[str]:
    rules = yaml.safe_load((FOLDER / "alerts.yml").read_text(encoding="utf-8"))
    asked = [rule["expr"] for group in rules["groups"] for rule in group["rules"]]
    panels = json.loads((FOLDER / "dashboard.json").read_text(encoding="utf-8"))["panels"]
    return [*asked, *(target["expr"] for panel in panels for target in panel["targets"])]


def test_every_series_is_there(tiny_bundle: Path) -> None:
    asked = {name for one in expressions() for name in SERIES.findall(one)}
    assert len(asked) > 20

    async def work() -> set[str]:
        async with in_process({"news": tiny_bundle}) as served:
            assert (await served.predict(inputs=["the cat", ""])).status_code == 200
            assert (await served.predict(input=5)).status_code == 422
            text = (await served.client.get("/metrics")).text
        told = re.findall(r"^# TYPE (\S+) (\S+)$", text, re.MULTILINE)
        return {
            name + end
            for name, kind in told
            for end in (("_bucket", "_sum", "_count") if kind == "histogram" else ("",))
        }

    assert asked <= run(work)


def test_the_rules_are_read_by_the_configuration() -> None:
    config = yaml.safe_load((FOLDER / "prometheus.yml").read_text(encoding="utf-8"))
    assert [(FOLDER / name).is_file() for name in config["rule_files"]] == [True]
    assert config["scrape_configs"][0]["static_configs"][0]["targets"] == ["127.0.0.1:8000"]


@pytest.mark.skipif(shutil.which("promtool") is None, reason="there is no promtool here")
def test_promtool_has_nothing_to_say() -> None:
    command = ["promtool", "check", "config", str(FOLDER / "prometheus.yml")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
