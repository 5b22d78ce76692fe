"""Making one variant's graph from the model's fp32 graphs."""

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from edgeft.export.graph import Graphs, describe_graph
from edgeft.export.quantize import (
    Rows,
    convert_fp16,
    quantize_dynamic,
    quantize_int4,
    quantize_static,
    weight_nodes,
)
from edgeft.export.variants import KINDS, Target
from edgeft.runtime.engine import Ends

__all__ = ["Materials", "layers_of", "make"]


@dataclass(frozen=True)
class Materials:
    """What variants are made of.

    scales: rows of token ids from which static int8 takes its scales.
    fill: what stands behind a text's end in each input of the graph.
    """

    graphs: Graphs
    target: Target
    scales: Rows
    fill: dict[str, int]


def make(name: str, path: Path, materials: Materials, leave: Collection[str] = ()) -> None:
    """Write the variant ``name`` to ``path``; the layers to ``leave`` stay in float.

    Raises ModelError.
    """
    source, target = _source(name, materials), materials.target
    match name:
        case "int8":
            quantize_dynamic(source, path, reduce_range=target.reduce_range, leave=leave)
        case "int8-static":
            inputs = tuple(one.name for one in describe_graph(source).inputs)
            quantize_static(
                source,
                path,
                materials.scales,
                Ends(inputs, materials.fill, {}),
                reduce_range=target.reduce_range,
                symmetric=target.symmetric,
                leave=leave,
            )
        case "fp16":
            convert_fp16(source, path)
        case "int4":
            quantize_int4(source, path)
        case _:  # fp32 and portable
            path.write_bytes(source.read_bytes())


def layers_of(name: str, materials: Materials) -> list[str]:
    """The nodes that ``make`` can leave in float; none where it cannot."""
    return weight_nodes(_source(name, materials)) if KINDS[name].precision == "int8" else []


def _source(name: str, materials: Materials) -> Path:
    plain = not KINDS[name].fused or (name == "fp16" and materials.target.plain)
    return materials.graphs.plain if plain else materials.graphs.fused
