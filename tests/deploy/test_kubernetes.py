"""Kubernetes and KServe: held to their schemas; what they start and ask is tried on a bundle."""

import ast
import re
import subprocess
import sys
import venv
import zipfile
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from tests.deploy.test_dockerfiles import DOCKERFILES, clean, only
from tests.serve.command import EDGEFT, at_loopback, served

DEPLOY = Path(__file__).parents[2] / "deploy"
KUBERNETES = ("deployment.yaml", "service.yaml", "autoscaler.yaml")
OLDEST, NEWEST = "1.28", "1.34"
KSERVE, VALIDATE = "kserve==0.21.0", "kubernetes-validate==1.37.0"


def documents(name: str) -> list[dict[str, Any]]:
    return list(yaml.safe_load_all((DEPLOY / name).read_text(encoding="utf-8")))


def deployment() -> dict[str, Any]:
    (found,) = documents("kubernetes/deployment.yaml")
    return found


def runtime() -> dict[str, Any]:
    (found,) = documents("kserve/runtime.yaml")
    return found


def pods() -> list[dict[str, Any]]:
    """What each of the two starts, as Kubernetes' PodSpec."""
    kserve = {name: runtime()["spec"][name] for name in ("containers", "volumes")}
    return [deployment()["spec"]["template"]["spec"], kserve]


def test_all_files_are_listed_and_name_each_other() -> None:
    (listed,) = documents("kubernetes/kustomization.yaml")
    assert listed["resources"] == list(KUBERNETES)
    spec = deployment()["spec"]
    labels = spec["template"]["metadata"]["labels"]
    service, budget = documents("kubernetes/service.yaml")
    (scaler,) = documents("kubernetes/autoscaler.yaml")
    assert spec["selector"]["matchLabels"] == service["spec"]["selector"] == labels
    assert budget["spec"]["selector"]["matchLabels"] == labels
    assert scaler["spec"]["scaleTargetRef"]["name"] == deployment()["metadata"]["name"]
    assert "replicas" not in spec  # else each apply undoes what the autoscaler did
    (container,) = pods()[0]["containers"]
    assert container["image"].partition(":")[0] == listed["images"][0]["name"]
    (kserve,) = documents("kserve/service.yaml")
    model = kserve["spec"]["predictor"]["model"]
    assert model["runtime"] == runtime()["metadata"]["name"]
    (format_,) = runtime()["spec"]["supportedModelFormats"]
    assert model["modelFormat"].items() <= format_.items()
    assert model["protocolVersion"] in runtime()["spec"]["protocolVersions"]


@pytest.mark.parametrize("at", [0, 1], ids=["kubernetes", "kserve"])
def test_the_container_has_no_rights_and_what_it_needs(at: int) -> None:
    spec = pods()[at]
    (container,) = spec["containers"]
    security = {**spec.get("securityContext", {}), **container["securityContext"]}
    assert security["runAsNonRoot"]
    assert security["readOnlyRootFilesystem"]
    assert not security["allowPrivilegeEscalation"]
    assert security["capabilities"] == {"drop": ["ALL"]}
    # The image's own user, and a cache where something can be written.
    assert str(security["runAsUser"]) == only(DOCKERFILES[0], "USER").value
    assert {"name": "XDG_CACHE_HOME", "value": "/tmp"} in container["env"]
    assert "/tmp" in [mount["mountPath"] for mount in container["volumeMounts"]]
    assert container["resources"]["limits"].keys() >= {"cpu", "memory"}


@pytest.mark.parametrize("at", [0, 1], ids=["kubernetes", "kserve"])
def test_the_command_serves_and_answers_every_probe(at: int, tiny_bundle: Path) -> None:
    (container,) = pods()[at]["containers"]
    options = dict(one[2:].split("=") for one in container["command"] if one[:2] == "--")
    (port,) = (one["containerPort"] for one in container["ports"])
    assert (options["port"], options["host"]) == (str(port), "0.0.0.0")
    grace = (
        pods()[0]["terminationGracePeriodSeconds"],
        documents("kserve/service.yaml")[0]["spec"]["predictor"]["terminationGracePeriodSeconds"],
    )[at]
    assert grace > float(options["drain"]) + float(options["grace"])
    program, *arguments = container["command"]
    assert program == "edgeft"
    name, folder = arguments[1].split("=")
    assert folder == ("/bundle", "/mnt/models")[at]
    arguments[1] = f"{name.replace('{{.Name}}', 'news')}={tiny_bundle}"
    probes = [container[f"{one}Probe"]["httpGet"] for one in ("startup", "liveness", "readiness")]
    assert {probe["port"] for probe in probes} <= {"http", port}
    with served(at_loopback([*EDGEFT, *arguments])) as (process, url):
        for probe in probes:
            assert httpx.get(url + probe["path"]).status_code == 200
        asked = {"name": "text", "datatype": "BYTES", "shape": [1], "data": ["the cat"]}
        model = ("model", "news")[at]
        answer = httpx.post(f"{url}/v2/models/{model}/infer", json={"inputs": [asked]})
        assert answer.status_code == 200
        metrics = httpx.get(f"{url}/metrics").text
        process.terminate()
        assert process.wait(30) == 0
    # What is scaled by is told, and under the names that are asked for.
    assert f'edgeft_queue_inputs{{model="{model}"}} 0.0' in metrics


def test_both_scale_by_what_waits() -> None:
    (adapter,) = documents("kubernetes/adapter.yaml")
    (scaler,) = documents("kubernetes/autoscaler.yaml")
    (rule,) = adapter["rules"]["custom"]
    metric = scaler["spec"]["metrics"][0]["pods"]["metric"]["name"]
    assert re.match(r"\w+", rule["seriesQuery"])[0] == rule["name"]["as"] == metric  # type: ignore[index]
    assert re.fullmatch(rule["name"]["matches"], metric)
    annotations = deployment()["spec"]["template"]["metadata"]["annotations"]
    (container,) = pods()[0]["containers"]
    assert annotations["prometheus.io/port"] == str(container["ports"][0]["containerPort"])
    (kserve,) = documents("kserve/service.yaml")
    (scaled,) = kserve["spec"]["predictor"]["autoScaling"]["metrics"]
    name = kserve["metadata"]["name"]
    asked = f'sum(avg_over_time({metric}{{model="{name}"}}[1m]))'
    assert scaled["external"]["metric"]["query"] == asked
    (port,) = (one["containerPort"] for one in pods()[1]["containers"][0]["ports"])
    assert runtime()["spec"]["annotations"]["prometheus.kserve.io/port"] == str(port)


def test_the_monitor_has_the_key_that_the_pods_ask_for() -> None:
    (monitor,) = documents("kubernetes/podmonitor.yaml")
    (endpoint,) = monitor["spec"]["podMetricsEndpoints"]
    (container,) = pods()[0]["containers"]
    (asked,) = (one for one in container["env"] if one["name"] == "EDGEFT_API_KEY")
    secret = asked["valueFrom"]["secretKeyRef"]
    assert endpoint["authorization"]["credentials"].items() <= secret.items()
    assert endpoint["port"] == container["ports"][0]["name"]
    labels = deployment()["spec"]["template"]["metadata"]["labels"]
    assert monitor["spec"]["selector"]["matchLabels"] == labels
    # KServe's has none, as nothing could give it to what reads the annotations.
    assert "EDGEFT_API_KEY" not in [one["name"] for one in pods()[1]["containers"][0]["env"]]


@pytest.mark.slow  # downloads the schemas, which unpack to 100 MB
def test_the_schemas_of_kubernetes_have_nothing_to_say(tmp_path: Path) -> None:
    venv.create(tmp_path / "venv", with_pip=True)
    programs = tmp_path / "venv" / "bin"
    install = [programs / "python", "-m", "pip", "install", "-q", VALIDATE]
    subprocess.run(install, check=True, env=clean())
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "kserve"}, "spec": pods()[1]}
    (tmp_path / "pod.yaml").write_text(yaml.safe_dump(pod), encoding="utf-8")
    pod["spec"]["containers"][0]["ports"] = [{"port": 8080}]
    (tmp_path / "wrong.yaml").write_text(yaml.safe_dump(pod), encoding="utf-8")
    files = [*(DEPLOY / "kubernetes" / name for name in KUBERNETES), tmp_path / "pod.yaml"]
    for version in (OLDEST, NEWEST):
        command = [programs / "kubernetes-validate", "--strict", "--kubernetes-version", version]
        done = subprocess.run([*command, *files], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        done = subprocess.run([*command, tmp_path / "wrong.yaml"], capture_output=True, check=False)
        assert done.returncode != 0


@pytest.mark.slow  # downloads KServe's own package, whose classes are made from its schemas
def test_kserve_knows_every_field(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "pip", "download", "-q", "--no-deps", "-d", str(tmp_path)]
    subprocess.run([*command, KSERVE], check=True, timeout=300)
    (wheel,) = tmp_path.glob("kserve-*.whl")
    with zipfile.ZipFile(wheel) as package:
        for name, kind in (
            ("kserve/runtime.yaml", "V1alpha1ServingRuntime"),
            ("kserve/service.yaml", "V1beta1InferenceService"),
        ):
            (document,) = documents(name)
            assert unknown_fields(package, document, kind) == []
        wrong = {"spec": {"predictor": {"models": {}}}}
        found = unknown_fields(package, wrong, "V1beta1InferenceService")
        assert found == ["spec.predictor.models"]


def unknown_fields(package: zipfile.ZipFile, found: Any, kind: str) -> list[str]:
    """The fields of a document that a class of KServe's lacks; Kubernetes' own are passed over."""
    if inner := re.fullmatch(r"list\[(.+)\]", kind):
        return [field for one in found for field in unknown_fields(package, one, inner[1])]
    snake = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", kind).lower()
    file = f"kserve/models/{snake}.py"
    if file not in package.namelist():
        return []
    values = {
        target.id: ast.literal_eval(node.value)
        for node in ast.walk(ast.parse(package.read(file)))
        if isinstance(node, ast.Assign)
        for target in node.targets
        if isinstance(target, ast.Name) and target.id in ("openapi_types", "attribute_map")
    }
    kinds = {its: values["openapi_types"][name] for name, its in values["attribute_map"].items()}
    unknown = []
    for field, value in found.items():
        if field in kinds:
            unknown += [f"{field}.{one}" for one in unknown_fields(package, value, kinds[field])]
        else:
            unknown.append(field)
    return unknown
