"""A bundle in other hands: `python -m benchmarks.interop BUNDLE --data FILE [--checkpoint FOLDER]`.

The same inputs are asked of edgeft (fp32) and of transformers' own pipeline, once over the bundle's
graph in optimum's ORTModel and, with a checkpoint, once over transformers' class in torch. A
prediction is equal where all its spans are, and the labels of entities.

Each difference gets a cause, and a cause is shown, not supposed. First the reader's own model is
run on the very token ids that edgeft reads, and edgeft's decoding on what it gives: if that is not
edgeft's prediction, the numbers differ; else what follows them does. Then the pipeline is run again
with a rule of it replaced, by ``ByWords`` and the other classes below: where that gives edgeft's
prediction, the rule was the cause. What none explains is listed as unexplained, and the exit status
is 1.

That is of entities and answers; of the other tasks, see ``benchmarks.interop_numbers``.
"""

import argparse
import json
import sys
import warnings
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
import transformers
from transformers.pipelines import question_answering
from transformers.pipelines.question_answering import QuestionAnsweringPipeline
from transformers.pipelines.token_classification import TokenClassificationPipeline

import edgeft
from benchmarks.interop_numbers import run as run_numbers
from edgeft.bundle import read_manifest
from edgeft.inputs import Input, Question, json_of
from edgeft.proof.agreement import differences
from edgeft.runtime.providers import import_onnxruntime
from edgeft.tasks import task_named
from edgeft.tasks.encoded import Encoded, default_overlap
from edgeft.tasks.outputs import Outputs, picked
from edgeft.tasks.reading import read_inputs

ROUNDING = 1e-3  # of a logit; more is no rounding of float32
Spans = tuple[tuple[Any, ...], ...]  # (label, start, end) of entities, (start, end) of an answer
Ask = Callable[[Input], Spans]


@dataclass(frozen=True)
class Reader:
    """Somebody else's model of a bundle; ``asks`` it by its pipeline as that is, then repaired."""

    name: str
    model: Any
    asks: Mapping[str, Ask]


@dataclass(frozen=True)
class Difference:
    """An input, what the two make of it, and why they differ."""

    reader: str
    input: Any
    edgeft: Spans
    theirs: Spans
    cause: str

    @property
    def explained(self) -> bool:
        """Whether the cause was shown."""
        return self.cause != UNEXPLAINED


UNEXPLAINED = "unexplained"
AS_IS = "as it is"


# --- transformers' pipelines, as they are and with a rule of theirs replaced ----------


class ByWords(TokenClassificationPipeline):
    """Words are the tokenizer's, not told by how long a token's name is."""

    def gather_pre_entities(self, sentence: str, *given: Any, **more: Any) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = super().gather_pre_entities(sentence, *given, **more)
        (whole,) = self.tokenizer(sentence, truncation=False).encodings
        words = [whole.char_to_word(one["start"]) for one in found]
        for at, one in enumerate(found):
            one["is_subword"] = at > 0 and words[at] == words[at - 1]
        return found


class MostContext(TokenClassificationPipeline):
    """Each token is judged in the window that has most around it, not in every one for itself."""

    def postprocess(self, all_outputs: list[dict[str, Any]], **how: Any) -> list[dict[str, Any]]:
        overlap = self._preprocess_params["tokenizer_params"]["stride"]
        best: dict[int, tuple[int, dict[str, Any], int]] = {}  # by the token's number in the text
        begin = 0
        for output in all_outputs:
            own = np.flatnonzero(output["special_tokens_mask"][0].numpy() == 0).tolist()
            for at, place in enumerate(own):
                around = min(at, len(own) - 1 - at)
                if begin + at not in best or around > best[begin + at][0]:
                    best[begin + at] = around, output, place
            begin += len(own) - overlap
        whole = dict(all_outputs[0])
        for name in ("logits", "input_ids", "offset_mapping", "special_tokens_mask"):
            rows = [
                output[name][0][place] for _, output, place in (best[at] for at in sorted(best))
            ]
            whole[name] = torch.stack(rows)[None]
        found: list[dict[str, Any]] = super().postprocess([whole], **how)
        return found


class ByWordsAndMostContext(ByWords, MostContext):
    """Both."""


class NoSums(QuestionAnsweringPipeline):
    """Equal texts at different places stay different answers."""

    def get_answer(self, answers: list[dict[str, Any]], target: str) -> None:
        return None


class OneScale(QuestionAnsweringPipeline):
    """Scores are exp(start + end) by one scale for all windows, not softmax within each."""

    def postprocess(self, model_outputs: Any, max_answer_len: int = 15, **_: Any) -> dict[str, Any]:
        best: tuple[float, dict[str, Any]] | None = None
        for output in model_outputs:
            own = np.array([one == 1 for one in output["encoding"].sequence_ids])
            start, end = (
                np.where(own, output[name][0].numpy().astype(np.float64), -np.inf)
                for name in ("start", "end")
            )
            if not own.any():
                continue
            peak = start.max(), end.max()
            starts, ends, scores = question_answering.decode_spans(
                np.exp(start - peak[0]), np.exp(end - peak[1]), 1, max_answer_len, own
            )
            score = float(np.log(scores[0]) + sum(peak))
            if best is None or score > best[0]:
                offsets = output["encoding"].offsets
                span = {"start": offsets[starts[0]][0], "end": offsets[ends[0]][1]}
                best = score, span
        return best[1] if best else {"start": 0, "end": 0}


LENGTH_OF_NAMES = (
    "its pipeline takes a token for the rest of a word where its name is not as long as its text"
)
WINDOWS = "its pipeline decides in each window for itself, and of entities that meet keeps one"
WORDS_AND_WINDOWS = f"both: {LENGTH_OF_NAMES}; {WINDOWS}"
SUMS = "its pipeline adds up the scores of equal texts at different places"
WHOLE_WORDS = "its pipeline widens answers to whole words"
SCALES = "its pipeline compares probabilities of different windows, each made within its own"


def tagging_asks(model: Any, tokenizer: Any, length: int) -> dict[str, Ask]:
    """Entities by transformers' pipeline; long texts in windows as edgeft has them."""

    def ask(kind: type[TokenClassificationPipeline]) -> Ask:
        pipeline = kind(
            model=model, tokenizer=tokenizer, framework="pt", device="cpu",
            aggregation_strategy="first", stride=default_overlap(length),
        )  # fmt: skip

        def answer(one: Input) -> Spans:
            found = pipeline(one)
            return tuple((each["entity_group"], each["start"], each["end"]) for each in found)

        return answer

    return {
        AS_IS: ask(TokenClassificationPipeline),
        LENGTH_OF_NAMES: ask(ByWords),
        WINDOWS: ask(MostContext),
        WORDS_AND_WINDOWS: ask(ByWordsAndMostContext),
    }


def answering_asks(model: Any, tokenizer: Any, length: int, most: int) -> dict[str, Ask]:
    """Answers by transformers' pipeline, in the windows and of the length that edgeft has."""

    def ask(kind: type[QuestionAnsweringPipeline], **how: Any) -> Ask:
        pipeline = kind(model=model, tokenizer=tokenizer, framework="pt", device="cpu")

        def answer(one: Input) -> Spans:
            assert isinstance(one, Question)
            found = pipeline(
                question=one.question, context=one.context, max_seq_len=length,
                doc_stride=default_overlap(length), max_answer_len=most, **how,
            )  # fmt: skip
            return ((found["start"], found["end"]),)

        return answer

    return {
        AS_IS: ask(QuestionAnsweringPipeline),
        SUMS: ask(NoSums),
        WHOLE_WORDS: ask(QuestionAnsweringPipeline, align_to_words=False),
        SCALES: ask(OneScale),
    }


def readers(bundle: Path, checkpoint: Path | None) -> list[Reader]:
    """Optimum's model of the bundle, and transformers' of the checkpoint that it was made from."""
    import_onnxruntime()
    from optimum import onnxruntime

    record = read_manifest(bundle).model
    task, graph = task_named(record.task), Path(record.variants["fp32"].files["model"])
    tokenizer = transformers.AutoTokenizer.from_pretrained(bundle)
    # As in the bundle, whatever the tokenizer's own file says.
    tokenizer.model_max_length = record.max_length
    models = {
        f"optimum's {task.ort_class}": getattr(onnxruntime, task.ort_class).from_pretrained(
            bundle, subfolder=str(graph.parent), file_name=graph.name
        )
    }
    if checkpoint is not None:
        kind = getattr(transformers, task.auto_class)
        models[f"transformers' {task.auto_class}"] = kind.from_pretrained(checkpoint).eval()
    most = record.head_of("fp32").max_answer_tokens
    return [
        Reader(
            name,
            model,
            tagging_asks(model, tokenizer, record.max_length)
            if task.name == "token-classification"
            else answering_asks(model, tokenizer, record.max_length, most),
        )
        for name, model in models.items()
    ]


# --- edgeft's side, and the comparison ------------------------------------------------


def spans_of(prediction: Any) -> Spans:
    """What of a prediction is compared."""
    if isinstance(prediction, edgeft.Answer):
        return ((prediction.start, prediction.end),)
    return tuple((one.label, one.start, one.end) for one in prediction)


def own_spans(model: edgeft.Model, one: Input, encoded: Encoded, outputs: Outputs) -> Spans:
    """What edgeft makes of outputs. Answers are never "none", whose margin the others lack."""
    head = replace(model.head, null_margin=None, aggregation="first", min_score=0.0)
    (found,) = model.task.decode(outputs, [encoded], [one], model.labels, head)
    return spans_of(found)


def their_outputs(reader: Reader, model: edgeft.Model, encoded: Encoded) -> Outputs:
    """What the reader's model gives for the ids that edgeft reads, each part alone."""
    rows: dict[str, list[Any]] = {name: [] for name in model.task.outputs}
    for part in encoded.parts:
        given = {
            "input_ids": part.ids,
            "attention_mask": [1] * len(part.ids),
            "token_type_ids": part.types or [0] * len(part.ids),
        }
        wanted = {one.name for one in model.manifest.model.variants["fp32"].inputs}
        with torch.inference_mode():
            found = reader.model(
                **{name: torch.tensor([row]) for name, row in given.items() if name in wanted}
            )
        for name, some in rows.items():
            some.append(found[name][0].numpy())
    return model.task.join(rows, [encoded])


def cause_of(
    reader: Reader, model: edgeft.Model, one: Input, encoded: Encoded, outputs: Outputs
) -> str:
    """Why the reader's pipeline does not give edgeft's prediction."""
    ours = own_spans(model, one, encoded, outputs)
    theirs = their_outputs(reader, model, encoded)
    if own_spans(model, one, encoded, theirs) != ours:
        apart, _ = differences(theirs, outputs)
        return f"logits that differ by {apart:.1g}" if apart <= ROUNDING else UNEXPLAINED
    repaired = (cause for cause, ask in reader.asks.items() if cause != AS_IS and ask(one) == ours)
    return next(repaired, UNEXPLAINED)


def compare(
    model: edgeft.Model, inputs: Sequence[Input], some: Sequence[Reader]
) -> list[Difference]:
    """All differences of all readers."""
    encoded, outputs = model.outputs(inputs, alone=True)
    found = []
    for at, (one, its) in enumerate(zip(inputs, encoded, strict=True)):
        row = picked(outputs, [at])
        ours = own_spans(model, one, its, row)
        for reader in some:
            theirs = reader.asks[AS_IS](one)
            if theirs != ours:
                cause = cause_of(reader, model, one, its, row)
                found.append(Difference(reader.name, json_of(one), ours, theirs, cause))
    return found


def main() -> None:
    """Compare, print a table and all differences, and keep them."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("bundle", type=Path)
    parser.add_argument("--data", type=Path, required=True, help="texts or questions, labelled too")
    parser.add_argument("--checkpoint", type=Path, help="that the bundle was made from")
    parser.add_argument("--texts", type=int, default=500)
    parser.add_argument("--node", type=Path, help="where npm installed @huggingface/transformers")
    parser.add_argument("-o", "--out", type=Path, help="keep what was found as JSON")
    chosen = parser.parse_args()
    warnings.filterwarnings("ignore", category=UserWarning)
    transformers.logging.set_verbosity_error()
    record = read_manifest(chosen.bundle).model
    task = task_named(record.task, record.takes)
    inputs = list(read_inputs(chosen.data, task, {}, lambda note: None))[: chosen.texts]
    if chosen.checkpoint is not None and not (chosen.checkpoint / "config.json").is_file():
        raise SystemExit(f"{chosen.checkpoint} is no checkpoint: it has no config.json.")
    if not task.by_token:
        run_numbers(chosen.bundle, inputs, chosen.texts, chosen.checkpoint, chosen.node, chosen.out)
    some = readers(chosen.bundle, chosen.checkpoint)
    with edgeft.load(chosen.bundle, device="cpu", variant="fp32") as model:
        found = compare(model, inputs, some)
        windows = sum(len(one.parts) > 1 for one in model.runner.encode(inputs))
    rows = []
    for reader in some:
        causes = Counter(one.cause for one in found if one.reader == reader.name)
        equal = len(inputs) - causes.total()
        rows.append({"reader": reader.name, "inputs": len(inputs), "equal": equal,
                     "share": round(equal / len(inputs), 4), "causes": dict(causes)})  # fmt: skip
    print("| read by | inputs | in windows | equal | why not |\n" + "| --- " * 5 + "|")
    for row in rows:
        why = "; ".join(f"{count}: {cause}" for cause, count in row["causes"].items())
        print(f"| {row['reader']} | {len(inputs)} | {windows} | {row['share']:.2%} | {why} |")
    for one in found:
        print(f"{one.reader}: {one.cause}\n  {json.dumps(one.input, ensure_ascii=False)[:300]}\n"
              f"  edgeft alone {sorted({*one.edgeft} - {*one.theirs})}, "
              f"theirs alone {sorted({*one.theirs} - {*one.edgeft})}")  # fmt: skip
    if chosen.out:
        asked = [json_of(one) for one in inputs]
        content = {"method": __doc__, "task": task.name, "readers": rows, "differences": [
            {"reader": one.reader, "row": 1 + asked.index(one.input), "edgeft": one.edgeft,
             "theirs": one.theirs, "cause": one.cause} for one in found]}  # fmt: skip
        chosen.out.write_text(json.dumps(content, indent=2, ensure_ascii=False) + "\n")
    sys.exit(0 if all(one.explained for one in found) else 1)


if __name__ == "__main__":
    main()
