import json
import os
import subprocess
import sys
import sysconfig
import tomllib
from dataclasses import replace
from importlib.metadata import distribution
from pathlib import Path

import pytest
from click.testing import CliRunner

from edgeft.bench.doctor import EXTRAS, MachineFacts, diagnose, int8_advice
from edgeft.bench.machine import Gpu, Machine
from edgeft.cli import main
from edgeft.packages import Misfit
from tests.installed import pretend_installed

ROOT = Path(__file__).parents[2]
CUDA, TENSORRT, CPU = "CUDAExecutionProvider", "TensorrtExecutionProvider", "CPUExecutionProvider"
MACHINE = Machine("a CPU", ("avx2",), 2, 2, 1 << 34, "Linux x", "3.11", {}, (), 0.0)
HEALTHY = MachineFacts(
    machine=MACHINE,
    affinity_cores=2,
    onnxruntime={"onnxruntime": "1.22.0"},
    onnxruntime_error="",
    providers={CPU: ""},
    extras={"train": ()},
    misfits={"": (), "train": ()},
    packages={},
)
WITH_GPU = replace(HEALTHY, machine=replace(MACHINE, gpus=(Gpu("a GPU", "550", "16 GiB"),)))


def test_a_healthy_machine_has_no_findings() -> None:
    assert diagnose(HEALTHY) == []


def test_no_onnxruntime_blocks_and_names_both_builds() -> None:
    facts = replace(HEALTHY, onnxruntime={}, providers={}, onnxruntime_error="No module named …")
    (one,) = diagnose(facts)
    assert (one.level, one.what) == ("blocks", "onnxruntime is not installed.")
    assert "pip install 'edgeft[cpu]'" in one.mend
    assert "pip install 'edgeft[gpu-cuda]'" in one.mend


def test_an_unusable_onnxruntime_blocks_and_is_put_back_as_it_was() -> None:
    facts = replace(
        HEALTHY, onnxruntime={"onnxruntime-gpu": "1"}, providers={}, onnxruntime_error="damaged"
    )
    (one,) = diagnose(facts)
    assert one.level == "blocks"
    assert one.what.endswith("unusable: damaged")
    assert one.mend == "pip uninstall -y onnxruntime-gpu && pip install 'edgeft[gpu]'"


def test_two_builds_side_by_side_lose_cuda() -> None:
    both = {"onnxruntime": "1.22.0", "onnxruntime-gpu": "1.22.0"}
    one, gpu = diagnose(replace(WITH_GPU, onnxruntime=both))
    assert one.level == "problem"
    assert one.what.startswith("onnxruntime and onnxruntime-gpu are both installed.")
    assert one.what.endswith("CUDA is lost.")
    assert one.mend == (
        "pip uninstall -y onnxruntime onnxruntime-gpu && pip install 'edgeft[gpu-cuda]'"
    )
    assert gpu.what == "There is an NVIDIA GPU, but this build of onnxruntime cannot use it."
    (still,) = diagnose(replace(WITH_GPU, onnxruntime=both, providers={CUDA: "", CPU: ""}))
    assert "lost" not in still.what


def test_cuda_that_does_not_load_is_mended_only_where_there_is_a_gpu() -> None:
    providers = {CUDA: "libcublasLt.so.13: cannot open shared object file.", CPU: ""}
    build = {"onnxruntime-gpu": "1.31.1"}
    (with_gpu,) = diagnose(replace(WITH_GPU, onnxruntime=build, providers=providers))
    assert with_gpu.level == "problem"
    assert "libcublasLt.so.13" in with_gpu.what
    assert with_gpu.mend.endswith("pip install 'edgeft[gpu-cuda]'")
    (without,) = diagnose(replace(HEALTHY, onnxruntime=build, providers=providers))
    assert without.level == "note"
    assert without.mend.startswith("No NVIDIA driver found")


def test_the_cpu_build_on_a_machine_with_a_gpu_is_a_problem() -> None:
    (one,) = diagnose(WITH_GPU)
    assert one.level == "problem"
    assert one.mend == "pip uninstall -y onnxruntime && pip install 'edgeft[gpu-cuda]'"


def test_a_cgroup_that_takes_cores_away_is_told() -> None:
    (one,) = diagnose(replace(HEALTHY, affinity_cores=16))
    assert one.what.startswith("A cgroup limits this process to the time of 2 of its 16 cores")


def test_the_worst_comes_first() -> None:
    facts = replace(
        WITH_GPU,
        affinity_cores=16,
        onnxruntime_error="damaged",
        onnxruntime={"onnxruntime": "1", "onnxruntime-gpu": "1"},
    )
    levels = [one.level for one in diagnose(facts)]
    assert levels == sorted(levels, key=["blocks", "problem", "note"].index)
    assert levels[0] == "blocks"


def test_a_version_that_the_base_install_does_not_work_with_is_a_problem() -> None:
    old = Misfit("tokenizers", "0.15.2", ">=0.21")
    (one,) = diagnose(replace(HEALTHY, misfits={"": (old,)}))
    assert one.level == "problem"
    assert one.what == "edgeft does not work with tokenizers 0.15.2 (wanted: >=0.21)."
    assert one.mend == "pip install 'tokenizers>=0.21'"


def test_versions_that_could_not_be_compared_are_no_versions_that_fit() -> None:
    (one,) = diagnose(replace(HEALTHY, misfits={"": None}))
    assert one.level == "note"
    assert "not compared" in one.what


@pytest.mark.parametrize("extra", ["train", "export"])
def test_an_extra_whose_packages_have_other_versions_is_not_ready(
    tmp_path: Path, extra: str
) -> None:
    pretend_installed(tmp_path, transformers="9.0.0")
    environment = {**os.environ, "PYTHONPATH": f"{tmp_path}{os.pathsep}{ROOT}"}
    done = subprocess.run(
        [sys.executable, "-m", "edgeft", "doctor"],
        env=environment, capture_output=True, text=True, check=True,
    )  # fmt: skip
    _, rest = " ".join(done.stdout.split()).split(f"extra [{extra}] ")
    row = rest.split(" extra [")[0]
    assert "ready" not in row
    assert "does not work with transformers 9.0.0 (wanted: >=4.50,<" in row
    # The extra brings the right one, too, where it has to be installed anyhow.
    assert "pip install 'transformers>=4.50,<" in row or "lacks" in row


@pytest.mark.parametrize(
    ("features", "begins"),
    [
        (("avx2",), "no; "),
        (("avx2", "vnni"), "yes (vnni); "),
        (("dotprod",), "yes (dotprod); "),
        ((), "unknown, "),
    ],
)
def test_int8_advice_follows_the_features(features: tuple[str, ...], begins: str) -> None:
    assert int8_advice(features).startswith(begins)
    assert "only edgeft bench can tell" in int8_advice(features)  # which no list of features does


def test_extras_are_those_of_the_project() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    for extra, names in EXTRAS.items():
        declared = {
            requirement.split(">")[0].split("=")[0]
            for requirement in project["optional-dependencies"][extra]
            if not requirement.startswith("edgeft")
        }
        assert set(names) == declared


def test_the_command_describes_this_machine() -> None:
    result = CliRunner().invoke(main, ["doctor"])
    assert result.exit_code == 0, result.output
    for word in ("int8 dot products", "usable", "memory", "onnxruntime", CPU, "extra [train]"):
        assert word in result.stdout
    assert "This machine can predict." in result.stdout


def test_json_is_one_document() -> None:
    result = CliRunner().invoke(main, ["doctor", "--json"])
    assert result.exit_code == 0, result.output
    document = json.loads(result.stdout)
    assert document["providers"][CPU] == {"loads": True, "reason": ""}
    assert document["machine"]["usable_cores"] >= 1
    assert document["onnxruntime"]


def test_a_machine_without_onnxruntime_is_told_how_to_get_it(tmp_path: Path) -> None:
    done = _doctor_in(_site_without_onnxruntime(tmp_path))
    assert done.returncode == 1, done.stderr
    assert "not installed" in done.stdout
    assert "Problem: onnxruntime is not installed." in done.stdout
    assert "pip install 'edgeft[cpu]'" in done.stdout
    assert "Traceback" not in done.stderr


def test_a_half_removed_onnxruntime_is_told_from_a_missing_one(tmp_path: Path) -> None:
    site = _site_without_onnxruntime(tmp_path)
    (site / "onnxruntime").mkdir()  # Python takes an empty folder for a package
    for name in ("onnxruntime", "onnxruntime_gpu"):
        folder = site / f"{name}-1.22.0.dist-info"
        folder.mkdir()
        (folder / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.22.0\n")
    done = _doctor_in(site)
    assert done.returncode == 1, done.stderr
    assert "onnxruntime is installed but unusable" in done.stdout
    assert "onnxruntime and onnxruntime-gpu are both installed" in done.stdout
    assert "pip uninstall -y onnxruntime onnxruntime-gpu && pip install" in done.stdout


def _site_without_onnxruntime(folder: Path) -> Path:
    """A site-packages folder with the base install, linked, and no onnxruntime."""
    site = folder / "site"
    site.mkdir()
    for name in ("click", "numpy", "rich", "pygments", "markdown-it-py", "mdurl", "tokenizers"):
        package = distribution(name)
        for top in {file.parts[0] for file in package.files or () if file.parts[0] != ".."}:
            source = Path(str(package.locate_file(top)))
            if source.exists() and not (site / top).exists():
                (site / top).symlink_to(source)
    return site


def _doctor_in(site: Path) -> subprocess.CompletedProcess[str]:
    standard = [sysconfig.get_path("stdlib"), sysconfig.get_path("platstdlib")]
    path = [*standard, f"{standard[0]}/lib-dynload", str(ROOT), str(site)]
    code = f"import sys; sys.path = {path}; from edgeft.cli import main; main(['doctor'])"
    return subprocess.run(
        [sys.executable, "-I", "-S", "-c", code], capture_output=True, text=True, check=False
    )
