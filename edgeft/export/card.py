"""The model card: the bundle's README.md, from its manifest alone."""

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from edgeft.bundle import Manifest
from edgeft.export.card_figures import checked_on, variants_table
from edgeft.export.markdown import an, escape, labels_told, table
from edgeft.export.result import ExportResult
from edgeft.tasks import task_named
from edgeft.tasks.task import PAIRS, Task

__all__ = ["front_matter", "model_card", "origin_of"]

_HUB_ID = re.compile(r"[\w.-]+/[\w.-]+", re.ASCII)


def model_card(name: str, result: ExportResult) -> str:
    """The card of an exported bundle called ``name``."""
    manifest = result.manifest
    task = task_named(manifest.model.task, manifest.model.takes)
    parts = [
        front_matter(manifest),
        f"# Model {escape(name)}",
        f"{an(task.noun).capitalize()}{_with_labels(manifest)}, exported to ONNX by "
        f"edgeft {manifest.provenance['edgeft']}. It runs without torch.",
        *_labels(manifest),
        "## Variants",
        variants_table(result),
        checked_on(result),
        "## Limits",
        _limits(manifest),
        *_single_file(manifest),
        "## How to load it",
        _loading(name, manifest),
        "## Where it comes from",
        origin_of(manifest),
    ]
    return "\n\n".join(parts) + "\n"


def _with_labels(manifest: Manifest) -> str:
    count = len(manifest.model.labels)
    return f" with {count} labels" if count else ""


def _labels(manifest: Manifest) -> list[str]:
    labels = manifest.model.labels
    if not labels:
        return []
    return ["## Labels", labels_told(labels)]


def front_matter(manifest: Manifest) -> str:
    tag = task_named(manifest.model.task).export_task  # the Hub knows no finer ones
    lines = ["library_name: edgeft", f"pipeline_tag: {tag}", "tags:", "- onnx", "- edgeft"]
    base = _base(manifest)
    if _HUB_ID.fullmatch(base):
        lines.append(f"base_model: {json.dumps(base)}")
    return "\n".join(["---", *lines, "---"])


def _limits(manifest: Manifest) -> str:
    model, task = manifest.model, task_named(manifest.model.task, manifest.model.takes)
    lines = [
        f"At most {model.max_length} tokens of a {task.asks.one} are read; the rest is cut off, "
        "and the prediction says so (`truncated`)."
        if task.on_long == "truncate"
        else f"What is longer than {model.max_length} tokens is read in windows that overlap.",
        "It knows the languages that its vocabulary and its training texts cover. Each prediction "
        "tells the share of its tokens that the vocabulary lacks (`unknown_share`); where that is "
        "large, the prediction means little.",
    ]
    if model.takes == PAIRS:
        lines.append("It was made for pairs of texts; of one that is cut the longer text is first.")
    lines += task.limits([model.head_of(name) for name in model.variants])
    if model.normalize:
        lines.append(
            f"Texts are normalized first: {', '.join(model.normalize)}. edgeft does that itself; "
            "another reader of this folder must."
        )
    still = [name for name, one in model.variants.items() if one.batch_invariant]
    for name, variant in model.variants.items():
        batch = variant.measured.get("batch")
        if not variant.batch_invariant and batch and task.embeds:
            lines.append(
                f"{name} quantizes activations with one scale for a whole batch, so a text's "
                f"vector moves a little with its neighbours: of {task.asks.of(batch['texts'])} the "
                f"one that moved most is {batch['moved']:.2g} (1 less the cosine) from where it is "
                "alone. Where that matters, load it with `batch_invariant=True`, which runs each "
                f"{task.asks.one} alone, or use {' or '.join(still)}, whose vectors do not move."
            )
        elif not variant.batch_invariant and batch:
            lines.append(
                f"{name} quantizes activations with one scale for a whole batch, so a "
                f"{task.asks.one}'s logits depend a little on its neighbours: of "
                f"{task.asks.of(batch['texts'])}, "
                f"{batch['flips']} got another answer in a batch than alone. "
                f"Run {task.asks.many} alone, or use fp32, where that matters."
            )
    if full := [name for name, one in model.variants.items() if one.full_range]:
        lines.append(
            f"{', '.join(full)} made for {escape(manifest.provenance['target'])}: full 8-bit "
            "weights. An x86 CPU without VNNI may overflow in it: `edgeft verify` tells."
        )
    return "\n".join(f"- {line}" for line in lines)


def _single_file(manifest: Manifest) -> list[str]:
    """What the file with the tokenizer inside does, and which texts it reads otherwise."""
    single = manifest.provenance["single_file"]
    if not single:
        return []
    text = (
        f"`{single['file']}` is the variant {single['variant']} with its tokenizer inside: "
        '"text" (strings) in, "label" and "scores" out, for onnxruntime with '
        "onnxruntime-extensions in Python, C#, Java, Swift or C++ (not in JavaScript, which cannot "
        f"load these operators). Of {single['texts']:,} texts {single['same_ids']:.2%} get the "
        f"very token ids of the folder's tokenizer, and of {single['labelled']:,} texts "
        f"{single['same_labels']:.2%} its label. It cuts long texts without telling, and knows no "
        "thresholds."
    )
    parts = ["## The single file", text]
    if single["differences"]:
        rows = [
            [escape(repr(text)), escape(ours), escape(theirs)]
            for text, ours, theirs in single["differences"]
        ]
        parts += [
            "Of texts that were chosen to be difficult it reads these otherwise, among them "
            "characters that are no text (NUL) and the literal names of special tokens:",
            table(["text", "the folder's tokens", "the single file's"], rows),
        ]
    return parts


def _loading(name: str, manifest: Manifest) -> str:
    from edgeft.checkpoint.static import MODEL_TYPE

    folder = json.dumps(name, ensure_ascii=False)
    graph = manifest.model.variants["fp32"].files["model"].split("/")
    task = task_named(manifest.model.task, manifest.model.takes)
    ort_class = task.ort_class
    output = "last_hidden_state" if task.embeds else next(iter(task.outputs))
    use = task.usage
    first = ""
    if manifest.provenance["checkpoint"]["architecture"] == MODEL_TYPE:
        first = (
            "from edgeft.checkpoint.static import register\n\n"
            "register()  # of this architecture transformers does not know by itself\n"
        )
    return f"""With edgeft (`pip install 'edgeft[cpu]'`):

```python
import edgeft

model = edgeft.load({folder})
{use.predict}
```

With Optimum (`pip install 'optimum-onnx[onnxruntime]'`):

```python
{first}from optimum.onnxruntime import {ort_class}
from transformers import AutoTokenizer

model = {ort_class}.from_pretrained(
    {folder}, subfolder="{graph[0]}", file_name="{graph[1]}"
)
tokenizer = AutoTokenizer.from_pretrained({folder})
model(**tokenizer({use.given}, truncation={use.truncation}, return_tensors="pt")).{output}
```{_by_others(task, folder, graph)}"""


def _by_others(task: Task, folder: str, graph: Sequence[str]) -> str:
    """How a library reads it that knows more than a graph's outputs; "" where none does."""
    if not task.embeds:
        return ""
    return f"""

Those are the vectors of tokens. With sentence-transformers, which pools them by `modules.json`
(`pip install 'sentence-transformers[onnx]'`):

```python
from sentence_transformers import SentenceTransformer

model = SentenceTransformer(
    {folder}, backend="onnx", model_kwargs={{"file_name": "{"/".join(graph)}"}}
)
model.encode(["…"])
```"""


def origin_of(manifest: Manifest) -> str:
    provenance = manifest.provenance
    checkpoint, training = provenance["checkpoint"], provenance["training"]
    rows = [
        ("architecture", checkpoint["architecture"]),
        ("checkpoint", checkpoint["name"]),
        ("sha256 of its weights", checkpoint["weights_sha256"]),
    ]
    if training:
        base = training.get("base_model") or {}
        rows += [
            ("base model", base.get("name")),
            ("sha256 of the base model's weights", base.get("sha256")),
            *_taught(training.get("distill")),
            ("data fingerprint", training["data"]["fingerprint"]),
            ("rows", _pairs(training["data"]["rows"])),
            ("seed", training.get("seed")),
            ("recipe", _pairs(training.get("recipe"))),
            ("on the validation rows", _pairs(training.get("validation"))),
            ("on the test rows", _pairs(training.get("test"))),
        ]
    if checked := provenance["data"]["report"]:
        rows.append(("fingerprint of the texts that reported", checked["fingerprint"]))
        if (seen := checked.get("trained_on")) is not None:
            rows.append(("of which it was trained on", f"{seen:,} of {checked['rows']:,}"))
    rows.append(("packages", _pairs(provenance["packages"])))
    told = [(name, escape(str(value))) for name, value in rows if value not in (None, "")]
    return table(["what", "value"], told)


def _taught(distill: Mapping[str, Any] | None) -> list[tuple[str, Any]]:
    """Of a student: what it is, and who taught it."""
    if not distill:
        return []
    bare = distill["unlabelled"]["rows"]
    return [
        ("student", distill["student"]),
        ("sha256 of its teacher's weights", distill["teacher_sha256"]),
        ("unlabelled inputs that it learned from", f"{bare:,}" if bare else None),
    ]


def _base(manifest: Manifest) -> str:
    provenance = manifest.provenance
    base = (provenance["training"] or {}).get("base_model") or provenance["checkpoint"]
    return str(base.get("name") or "")


def _pairs(values: Mapping[str, Any] | None) -> str:
    if not values:
        return ""
    return ", ".join(
        f"{name} {value:.4g}" if isinstance(value, float) else f"{name} {value}"
        for name, value in values.items()
        if value is not None
    )
