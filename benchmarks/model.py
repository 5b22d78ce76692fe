"""Make what the benchmarks run: `python -m benchmarks.model build/bench-model`.

The embedded all-MiniLM-L6-v2 with an untrained head of two labels, as a
checkpoint for the peers, as a bundle, and as the plain graph that optimum
exports; and the encoder alone, as a bundle of vectors and for peers that embed.
Speed does not depend on what the weights are, and all sides compute the same.
"""

import argparse
import json
from itertools import islice
from pathlib import Path

import torch
import transformers

from edgeft.bench.texts import sentences
from edgeft.checkpoint.pretrained import quiet
from edgeft.export.run import ExportConfig, export
from edgeft.folders import FolderKind, new_folder
from edgeft.runtime.providers import import_onnxruntime
from edgeft.train.embedded import minilm_folder

MODELS = FolderKind("what is measured", lambda _: None)  # made once, and never replaced
MAX_LENGTH = 256  # tokens: what all-MiniLM was made for


def make(out: Path) -> None:
    """Write OUT/checkpoint and OUT/bundle."""
    import_onnxruntime()
    from optimum.onnxruntime import ORTModelForFeatureExtraction

    source = minilm_folder()
    with new_folder(out, MODELS) as folder:
        torch.manual_seed(0)
        model = transformers.AutoModelForSequenceClassification.from_pretrained(
            source, num_labels=2
        )
        torch.nn.init.normal_(model.classifier.weight, std=0.3)  # else all logits are alike
        tokenizer = transformers.AutoTokenizer.from_pretrained(
            source,
            model_max_length=MAX_LENGTH,
            max_length=MAX_LENGTH,  # which fastembed reads
        )
        model.save_pretrained(folder / "checkpoint")
        tokenizer.save_pretrained(folder / "checkpoint")
        export(ExportConfig(checkpoint=str(folder / "checkpoint"), out=folder / "bundle"))
        export(
            ExportConfig(
                str(source),
                folder / "vectors",
                task="feature-extraction",
                max_length=MAX_LENGTH,
                variants=("fp32", "int8"),
            )
        )
        with quiet():
            encoder = ORTModelForFeatureExtraction.from_pretrained(source, export=True)
            encoder.save_pretrained(folder / "encoder")
        plain_graph(folder / "checkpoint", folder / "plain")
        (folder / "encoder" / "onnx").mkdir()
        (folder / "encoder" / "model.onnx").rename(folder / "encoder" / "onnx" / "model.onnx")
        tokenizer.save_pretrained(folder / "encoder")
        (folder / "calibration.json").write_text(
            json.dumps(list(islice(sentences(), 400))), encoding="utf-8"
        )


def plain_graph(checkpoint: Path, out: Path) -> None:
    """Write the graph of a text classifier as optimum alone exports it."""
    import_onnxruntime()
    from optimum.onnxruntime import ORTModelForSequenceClassification

    with quiet():
        classifier = ORTModelForSequenceClassification.from_pretrained(checkpoint, export=True)
        classifier.save_pretrained(out)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("out", type=Path)
    make(parser.parse_args().out)
