"""Other ways to run the same model, each a file and an environment of its own."""

from collections.abc import Mapping
from dataclasses import dataclass

__all__ = ["ALL_PEERS", "EMBEDDERS", "PEERS", "STUDENT_PEERS", "TAGGERS", "Peer"]


@dataclass(frozen=True)
class Peer:
    """A way to run the benchmarks' model.

    script: the file in this folder. environment: the folder of its Python, which
    ``make base peers student-peers`` sets up. variant: what it runs, as the script understands it.
    ours: the variant of edgeft's that stands beside it. embeds: it gives vectors, so
    that there are no labels to compare.
    """

    title: str
    script: str
    environment: str
    variant: str = "fp32"
    ours: str = "fp32"
    embeds: bool = False


PEERS: Mapping[str, Peer] = {
    "edgeft": Peer("edgeft", "edgeft_runtime", ".venv-base"),
    "bare": Peer("bare loop, sorted (onnxruntime)", "bare_loop", ".venv-base"),
    "bare-spin": Peer(
        "the same, its threads spinning", "bare_loop", ".venv-base", "fp32-spin", "fp32-spin"
    ),
    "transformers": Peer("transformers pipeline (torch)", "torch_pipeline", ".venv-transformers"),
    "compiled": Peer("the same, torch.compile", "torch_compiled", ".venv-transformers"),
    "optimum": Peer("optimum pipeline (onnxruntime)", "optimum_pipeline", ".venv-optimum"),
    "sentence": Peer(
        "sentence-transformers, ONNX backend (embeds)", "sentence_embedding", ".venv-sentence",
        embeds=True,
    ),
    "fastembed": Peer(
        "fastembed (embeds)", "fastembed_embedding", ".venv-fastembed", embeds=True
    ),
    "openvino": Peer("OpenVINO fp32, sorted loop", "openvino_loop", ".venv-openvino"),
    "openvino-int8": Peer(
        "OpenVINO int8 (NNCF), sorted loop", "openvino_loop", ".venv-openvino", "int8", "int8"
    ),
}  # fmt: skip

# edgeft beside those that embed.
EMBEDDERS: Mapping[str, Peer] = {
    "edgeft-vectors": Peer(
        "edgeft's vectors", "edgeft_embedding", ".venv-base", embeds=True
    ),
}  # fmt: skip

# Which of them find entities, too.
TAGGERS = ("bare", "bare-spin", "transformers", "optimum")

# Other projects' own students, which benchmarks.student_peers has them train.
STUDENT_PEERS: Mapping[str, Peer] = {
    "model2vec": Peer(
        "model2vec, fine-tuned", "model2vec_pipeline", ".venv-model2vec", "model2vec"
    ),
    "setfit": Peer("SetFit, half the layers", "setfit_model", ".venv-setfit", "setfit"),
}  # fmt: skip
ALL_PEERS: Mapping[str, Peer] = {**PEERS, **EMBEDDERS, **STUDENT_PEERS}
