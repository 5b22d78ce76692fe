"""Compose: checked by its specification's schema, and every file that it mounts is there."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

FOLDER = Path(__file__).parents[2] / "deploy" / "compose"
FILE = FOLDER / "compose.yaml"


def read(path: Path) -> Any:
    return yaml.safe_load(path.read_text(encoding="utf-8"))


def services() -> dict[str, Any]:
    found = read(FILE)["services"]
    assert isinstance(found, dict)
    return found


def test_the_schema_has_nothing_to_say() -> None:
    beside_python = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    program = shutil.which("check-jsonschema", path=beside_python)
    assert program, "check-jsonschema, of the extra [dev], is not installed: make install"
    command = [program, "--builtin-schema", "vendor.compose-spec", str(FILE)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_file_is_there_and_images_are_pinned() -> None:
    volumes = set(read(FILE)["volumes"])
    for name, service in services().items():
        if "image" in service:
            assert service["image"].rpartition(":")[2][:1] in "v123456789", name
        for mount in service.get("volumes", []):
            source = mount.split(":")[0]
            assert source in volumes or (FOLDER / source).is_file(), mount
        # Only this machine reaches them.
        assert all(port.startswith("127.0.0.1:") for port in service["ports"]), name
    build = services()["edgeft"]["build"]
    context = FOLDER / build["context"]
    assert (context / build["dockerfile"]).is_file()
    assert (context / "pyproject.toml").is_file()


def test_prometheus_scrapes_the_server_and_grafana_asks_prometheus(tmp_path: Path) -> None:
    config = read(FOLDER / "prometheus.yml")
    assert config["scrape_configs"][0]["static_configs"][0]["targets"] == ["edgeft:8000"]
    assert set(services()) >= {"edgeft", "prometheus"}
    (source,) = read(FOLDER / "grafana" / "datasources.yaml")["datasources"]
    assert (source["url"], source["isDefault"]) == ("http://prometheus:9090", True)
    (provider,) = read(FOLDER / "grafana" / "dashboards.yaml")["providers"]
    grafana = services()["grafana"]
    (dashboard,) = [one.split(":") for one in grafana["volumes"] if "dashboard.json" in one]
    home = grafana["environment"]["GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH"]
    assert dashboard[1] == home == f"{provider['options']['path']}/dashboard.json"
    assert json.loads((FOLDER / dashboard[0]).read_text(encoding="utf-8"))["uid"] == "edgeft"
    # As they lie beside each other in the container.
    shutil.copy(FOLDER / services()["prometheus"]["volumes"][0].split(":")[0], tmp_path)
    (tmp_path / "edgeft.key").write_text("a-key")
    for key in ("", "a-key"):
        (config, _) = prometheus_files(key)
        shutil.copy(FOLDER / config, tmp_path / "prometheus.yml")
        if shutil.which("promtool") is None:
            pytest.skip("there is no promtool here")
        command = ["promtool", "check", "config", str(tmp_path / "prometheus.yml")]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
        assert done.returncode == 0, done.stdout + done.stderr


def prometheus_files(key: str) -> tuple[str, str]:
    """The configuration that Prometheus gets where the server asks for a key, and its key's file.

    ${NAME:+…} is what stands in it where the variable is set, ${NAME:-…} where it is not.
    """
    configs = read(FILE)["configs"]
    targets = {one["target"]: configs[one["source"]]
               for one in services()["prometheus"]["configs"]}  # fmt: skip
    file, content = (
        targets["/etc/prometheus/prometheus.yml"]["file"],
        targets["/etc/prometheus/edgeft.key"]["content"],
    )
    file = re.sub(r"\$\{EDGEFT_API_KEY:\+([^}]*)\}", r"\1" if key else "", file)
    return file, re.sub(r"\$\{EDGEFT_API_KEY:-([^}]*)\}", key or r"\1", content)


def test_prometheus_has_the_key_that_the_server_asks_for() -> None:
    assert services()["edgeft"]["environment"]["EDGEFT_API_KEY"] == "${EDGEFT_API_KEY:-}"
    (without, nothing), (file, key) = prometheus_files(""), prometheus_files("mine")
    assert nothing  # Compose refuses one without any
    assert key == "mine"
    (scraped,), (plain,) = (read(FOLDER / one)["scrape_configs"] for one in (file, without))
    # Beside the configuration, where compose.yaml puts it.
    assert scraped.pop("authorization") == {"credentials_file": "edgeft.key"}
    assert scraped == plain
    assert {**read(FOLDER / file), "scrape_configs": 0} == {
        **read(FOLDER / without), "scrape_configs": 0,
    }  # fmt: skip
