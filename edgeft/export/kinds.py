"""The kinds of variants: what makes each from the model's fp32 graphs, and how it is described."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from edgeft.errors import UsageError
from edgeft.export.graph import Graphs, describe_graph
from edgeft.export.quantize import (
    convert_fp16,
    quantize_dynamic,
    quantize_int4,
    quantize_static,
    weight_nodes,
)
from edgeft.export.targets import Target
from edgeft.export.vectors import quantize_vectors
from edgeft.runtime.engine import Ends
from edgeft.tasks.encoded import Part

__all__ = ["ALL", "VARIANT_KINDS", "VECTORS", "VariantKind", "Materials", "choose_kinds",
           "layers_of", "make"]  # fmt: skip

ALL = "all"  # of the kinds, each of which may be left out
VECTORS = "int8-vectors"
STATIC = ("fp32", VECTORS)  # of a model that is little but its vectors, wherever it will run


@dataclass(frozen=True)
class Materials:
    """What variants are made of.

    scales: parts of inputs from which static int8 takes its scales.
    fill: what stands behind a text's end in each input of the graph.
    """

    graphs: Graphs
    target: Target
    scales: Sequence[Part]
    fill: dict[str, int]


# Writes a variant: from which fp32 graph, to which path, with what, but for which layers.
Make = Callable[[Path, Path, Materials, Collection[str]], None]


@dataclass(frozen=True)
class VariantKind:
    """One way to write the model down.

    make: writes it; raises ModelError. told: its method, as the manifest tells it; "" where there
        is nothing to tell.
    fused: made from the graph with onnxruntime's own operators, where there is one; "taken" where
        the target takes these; "gathering" with embeddings' look-ups still operators of their own.
    wants: the CPU or GPU feature that it is made for.
    takes_scales: activations get their scales from texts of the user's.
    layered: layers can be left in float. full_range: its weights use all 8 bits, unless the target
        cannot have it. exact: the same numbers, by the same or other operators.
    """

    file: str
    precision: str
    make: Make
    told: str = ""
    fused: bool | str = True
    wants: str = ""
    batch_invariant: bool = True
    takes_scales: bool = False
    layered: bool = False
    full_range: bool = False
    exact: bool = False

    def source(self, materials: Materials) -> Path:
        """The fp32 graph that it is made from."""
        if self.fused == "gathering":
            return materials.graphs.gathering
        fused = not materials.target.plain if self.fused == "taken" else self.fused
        return materials.graphs.fused if fused else materials.graphs.plain


def make(name: str, path: Path, materials: Materials, leave: Collection[str] = ()) -> None:
    """Write the variant ``name`` to ``path``; the layers to ``leave`` stay in float.

    Raises ModelError.
    """
    kind = VARIANT_KINDS[name]
    kind.make(kind.source(materials), path, materials, leave)


def layers_of(name: str, materials: Materials) -> list[str]:
    """The nodes that ``make`` can leave in float; none where it cannot."""
    kind = VARIANT_KINDS[name]
    return weight_nodes(kind.source(materials)) if kind.layered else []


def choose_kinds(named: Sequence[str], target: Target, *, static: bool = False) -> list[str]:
    """The variants to make, fp32 first: those that were named, or ALL, else the target's.

    Where none is named a ``static`` model gets its own, whatever the target. Raises UsageError
    where one does not exist.
    """
    unknown = sorted(set(named) - {*VARIANT_KINDS, ALL})
    if unknown:
        raise UsageError(
            f"There is no variant {unknown[0]!r}.",
            hint=f"Choose from: {', '.join(VARIANT_KINDS)}, {ALL}.",
        )
    if ALL in named:
        return list(VARIANT_KINDS)
    usual = STATIC if static else target.variants
    wanted = {"fp32", *(named or usual)}
    return [name for name in VARIANT_KINDS if name in wanted]


def _copied(source: Path, path: Path, materials: Materials, leave: Collection[str]) -> None:
    path.write_bytes(source.read_bytes())


def _dynamic(source: Path, path: Path, materials: Materials, leave: Collection[str]) -> None:
    quantize_dynamic(source, path, reduce_range=materials.target.reduce_range, leave=leave)


def _static(source: Path, path: Path, materials: Materials, leave: Collection[str]) -> None:
    quantize_static(
        source,
        path,
        materials.scales,
        Ends(tuple(one.name for one in describe_graph(source).inputs), materials.fill, {}),
        reduce_range=materials.target.reduce_range,
        symmetric=materials.target.symmetric,
        leave=leave,
    )


def _vectors(source: Path, path: Path, materials: Materials, leave: Collection[str]) -> None:
    quantize_vectors(source, path)


def _half(source: Path, path: Path, materials: Materials, leave: Collection[str]) -> None:
    convert_fp16(source, path)


def _four_bits(source: Path, path: Path, materials: Materials, leave: Collection[str]) -> None:
    quantize_int4(source, path)


# File names follow those that transformers.js looks for, where it has one.
VARIANT_KINDS: Mapping[str, VariantKind] = {
    "fp32": VariantKind("onnx/model.onnx", "fp32", _copied, exact=True),
    "portable": VariantKind("onnx/model_portable.onnx", "fp32", _copied, fused=False, exact=True),
    "int8": VariantKind(
        "onnx/model_int8.onnx",
        "int8",
        _dynamic,
        told="dynamic, per channel",
        wants="int8-dot",
        batch_invariant=False,
        layered=True,
        full_range=True,
    ),
    "int8-static": VariantKind(
        "onnx/model_int8_static.onnx",
        "int8",
        _static,
        told="static, per channel, MinMax",
        fused=False,
        wants="int8-dot",
        takes_scales=True,
        layered=True,
        full_range=True,
    ),
    VECTORS: VariantKind(
        "onnx/model_int8_vectors.onnx",
        "int8",
        _vectors,
        told="vectors alone, a scale for each",
        fused="gathering",
    ),
    "fp16": VariantKind("onnx/model_fp16.onnx", "fp16", _half, fused="taken", wants="cuda"),
    "int4": VariantKind("onnx/model_q4.onnx", "int4", _four_bits, fused=False),
}
