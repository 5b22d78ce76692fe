"""One bundle as a folder of static files: made, asked in a browser, and only then there."""

import json
import shutil
from collections.abc import Sequence
from dataclasses import dataclass, replace
from importlib.resources import files
from pathlib import Path
from typing import Any

from tokenizers import Tokenizer

from edgeft import __version__
from edgeft.bundle import read_manifest
from edgeft.deploy.folder import DEPLOYED, record_deployed
from edgeft.deploy.web.asked import asked_of
from edgeft.deploy.web.bundled import described, script_of, web_variant
from edgeft.deploy.web.chromium import chromium_here
from edgeft.deploy.web.packages import RUNTIME, TOKENIZERS, copy_packages
from edgeft.deploy.web.proven import Proven, hold_site, prove_site
from edgeft.deploy.web.trimming import spared_bytes
from edgeft.errors import DependencyError
from edgeft.folders import new_folder
from edgeft.folders.kinds import files_below
from edgeft.inputs import Input
from edgeft.page.document import PageDocument, document_with
from edgeft.progress import Progress, silent
from edgeft.runtime.load import load
from edgeft.runtime.model import Model
from edgeft.tasks.reading import read_inputs
from edgeft.tasks.task import Columns

__all__ = ["WebConfig", "WebResult", "deploy_web"]

FACTS = "site.json"
PAGE = "index.html"
GRAPH, TOKENIZER = "model/model.onnx", "model/tokenizer.json"
WITHOUT_SCRIPTS = "This page needs JavaScript: the model runs in it."
SHARED = ("engine.js", "numbers.js", "parts.js", "tokenizer.js")


@dataclass(frozen=True)
class WebConfig:
    """What to make a page of.

    variant: "auto" is int8 where the bundle has it, which is loaded soonest, else fp32. name: what
        the page calls it, by default the folder's name.
    runtime: where npm has installed onnxruntime-web; by default npm brings a pinned version.
    data, columns: a file of inputs, of which some are asked beside built-in ones when the page is
        held against Python; nothing of it gets into the page.
    check: whether that is done: None where there is a Chromium here.
    """

    bundle: Path
    out: Path
    variant: str = "auto"
    name: str = ""
    runtime: Path | None = None
    data: Path | None = None
    columns: Columns | None = None
    check: bool | None = None
    force: bool = False


@dataclass(frozen=True)
class WebResult:
    """A page's folder. downloads: by file the bytes that a visitor loads.

    spared: about how many of these `edgeft trim` would spare; None where that is not worth it.
    proven: None where no browser was asked.
    """

    out: Path
    variant: str
    engine: str
    downloads: dict[str, int]
    spared: int | None
    proven: Proven | None

    @property
    def bytes(self) -> int:
        """All that a visitor loads, as it lies here; most servers compress some of it."""
        return sum(self.downloads.values())

    @property
    def runtime_bytes(self) -> int:
        """Of these what runs a model, whichever it is."""
        return sum(size for name, size in self.downloads.items() if name.startswith("runtime/"))

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready."""
        return {
            "site": str(self.out),
            "variant": self.variant,
            "engine": self.engine,
            "bytes": self.bytes,
            "downloads": self.downloads,
            "spared_by_trim": self.spared,
            "proven": self.proven.to_dict() if self.proven else None,
        }


def deploy_web(config: WebConfig, progress: Progress = silent) -> WebResult:
    """Write a folder whose page answers in the visitor's browser.

    Raises UsageError where the bundle does not run truly in one, what ``load`` raises,
    DependencyError where onnxruntime-web or a wanted browser is not to be had, RunError where the
    page fails in it, GateError where its answers are not Python's, OutputError, DataError.
    """
    program = _browser(config.check)
    manifest = read_manifest(config.bundle)
    variant = web_variant(manifest, config.variant)
    inputs = [Path(config.data)] if config.data else []
    with new_folder(
        config.out, DEPLOYED, force=config.force, inputs=inputs, models=[config.bundle]
    ) as folder:
        with load(config.bundle, device="cpu", variant=variant, batch_invariant=True) as model:
            script = script_of(model.task.name)
            own = _own_inputs(config, model)
            result = _made(config, model, script, folder)
            if program is None:
                return result
            asked = asked_of(model.task, model.max_length, own)
            proven = prove_site(folder, program, model, asked, progress)
            hold_site(proven, asked)
        facts = json.loads((folder / FACTS).read_text(encoding="utf-8"))
        _write(folder, {**facts, "proven": proven.to_dict()})
        return replace(result, proven=proven)


def _own_inputs(config: WebConfig, model: Model) -> Sequence[Input]:
    if config.data is None:
        return ()
    return list(read_inputs(config.data, model.task, config.columns or {}))


def _browser(check: bool | None) -> str | None:
    program = None if check is False else chromium_here()
    if check and program is None:
        raise DependencyError(
            "There is no Chromium here to ask the page in.",
            hint="Install one (Debian: apt-get install chromium), or leave --check out.",
        )
    return program


def _made(config: WebConfig, model: Model, script: str, folder: Path) -> WebResult:
    """The whole folder but what a browser says of it."""
    record = model.manifest.model
    graph = config.bundle / record.variants[model.variant].files["model"]
    tokenizer = (config.bundle / record.tokenizer).read_bytes()
    name = config.name or config.bundle.resolve().name
    facts = described(model, name, tokenizer, config.bundle / record.path)
    packages = (RUNTIME,) if "characters" in facts["tokenizer"] else (RUNTIME, TOKENIZERS)
    for below in ("model", "runtime", "tasks"):
        (folder / below).mkdir()
    versions = copy_packages(packages, folder / "runtime", config.runtime)
    shutil.copyfile(graph, folder / GRAPH)
    (folder / TOKENIZER).write_bytes(tokenizer)
    for one in (*SHARED, script):
        content = files("edgeft.deploy.web").joinpath("site", one).read_bytes()
        (folder / one).write_bytes(content)
    (folder / PAGE).write_text(_page().html, encoding="utf-8")
    engine = f"{RUNTIME.name} {versions[RUNTIME.name]}"
    downloads = {one: (folder / one).stat().st_size for one in files_below(folder)}
    facts |= {
        "edgeft": __version__,
        "engine": engine,
        "downloads": downloads,
        "proven": None,
    }
    _write(folder, facts)
    record_deployed(folder, "web")
    words = Tokenizer.from_buffer(tokenizer).get_vocab_size()
    whole = sum(downloads.values())
    spared = spared_bytes(model.manifest, graph, folder / TOKENIZER, words, whole)
    return WebResult(config.out, model.variant, engine, downloads, spared, None)


def _write(folder: Path, facts: dict[str, Any]) -> None:
    text = json.dumps(facts, ensure_ascii=False, separators=(",", ":"))
    (folder / FACTS).write_text(text + "\n", encoding="utf-8")


def _page() -> PageDocument:
    """The server's page with another end, and a policy that lets it ask its own folder alone."""
    end = files("edgeft.deploy.web").joinpath("site", "local.js").read_text(encoding="utf-8")
    page = document_with(end, WITHOUT_SCRIPTS)
    policy = "; ".join(
        (
            "default-src 'none'",
            f"style-src {page.style}",
            f"script-src {page.script} 'self' 'wasm-unsafe-eval'",
            "connect-src 'self'",
            "worker-src 'self'",
            "img-src data:",
            "base-uri 'none'",
            "form-action 'none'",
        )
    )
    element = f'<meta http-equiv="Content-Security-Policy" content="{policy}">'
    html = page.html.replace("<title>", f"{element}\n<title>", 1)
    return replace(page, html=html)
