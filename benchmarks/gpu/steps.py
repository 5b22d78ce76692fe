"""One step of the measurements: `python -m benchmarks.gpu.steps NAME KIT FIGURES DEVICE`.

Appends a line of JSON to FIGURES for everything as soon as it is known. DEVICE is cuda, or cpu
for a rehearsal, in which everything runs but the GPU.
"""

import functools
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from benchmarks.gpu import kit as layout

LENGTHS = (16, 64, 128, 256)  # tokens of a text
BATCHES = (1, 8, 32, 128)
ROUNDS = 3  # all sides in turn
SECONDS = 0.12  # of one side's turn, at least one run
WARM = 3  # runs of each shape that are not counted
SLOW_S = 0.5  # a run as long as this needs no warming, and is not repeated
BENCH_LENGTHS = (16, 128)
COMPILED = "torch compiled"
GRAPHS, PLAIN = "fp16 graphs", "fp16 beside graphs"
SIDE = 8192  # of the matrices whose product tells the GPU's peak
EPOCHS = 3

Side = Callable[[Sequence[str]], object]


class Report:
    """Where figures are appended."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def add(self, **figures: Any) -> None:
        with self._path.open("a", encoding="utf-8") as stream:
            stream.write(json.dumps(figures) + "\n")


def devices(kit: Path, report: Report, device: str) -> None:
    """What doctor says; where each variant runs, its golden answers held; a GPU taken away."""
    from edgeft.bench.machine import describe_machine

    report.add(machine=describe_machine().to_dict(), doctor=_edgeft("doctor", "--json"))
    for name in layout.MODELS:
        for variant in ("fp32", "fp16"):
            report.add(
                model=name, variant=variant, **_placed(kit / "bundles" / name, variant, device)
            )
    trained = kit / "bundles" / layout.TRAINED
    for at, variant in (("cpu", "fp32"), (device, "fp32"), (device, "fp16")):
        told = _edgeft(
            "eval", trained, kit / layout.UNSEEN, "--device", at, "--variant", variant, "--json"
        )
        if told["status"]:
            report.add(device=at, variant=variant, error=told["stderr"])
        else:
            report.add(device=at, variant=variant, eval=json.loads(told["stdout"]))
    hidden = {**os.environ, "CUDA_VISIBLE_DEVICES": ""}
    code = "import sys, edgeft; edgeft.load(sys.argv[1], device='cuda')"
    done = subprocess.run([sys.executable, "-c", code, str(trained)], env=hidden,
                          capture_output=True, text=True, check=False)  # fmt: skip
    report.add(without_gpu={"status": done.returncode, "says": done.stderr.strip()[-600:]})


def _placed(bundle: Path, variant: str, device: str) -> dict[str, Any]:
    import edgeft

    begin = time.perf_counter()
    try:
        with edgeft.load(bundle, device=device, variant=variant) as model:
            found = model.device
            label = model.predict("the cat").label
    except Exception as error:
        return {"error": str(error)}
    seconds = time.perf_counter() - begin
    return {"provider": found.provider, "nodes": found.nodes, "label": label, "load_s": seconds}


def latency(kit: Path, report: Report, device: str) -> None:
    """Every engine on every shape, tokenization included, the sides in turn."""
    kind = "fp16" if device == "cuda" else "fp32"
    wanted: dict[str, Callable[[str], Side]] = {
        "fp16": lambda name: _ours(kit, name, "fp16", device),
        "fp32": lambda name: _ours(kit, name, "fp32", device),
        "cpu fp32": lambda name: _ours(kit, name, "fp32", "cpu"),
        "cpu int8": lambda name: _ours(kit, name, "int8", "cpu"),
        "fp16 unbound": lambda name: _unbound(kit, name, "fp16", device),
        "fp32 unbound": lambda name: _unbound(kit, name, "fp32", device),
        f"torch {kind} sdpa": lambda name: _torch(kit, name, device),
    }
    _in_turn(report, wanted, BATCHES)


def graphs(kit: Path, report: Report, device: str) -> None:
    """CUDA graphs, which record single texts, beside the same without; in a process of its own.

    What fails as it records may leave nothing on the device that works. A CPU has none.
    """
    wanted: dict[str, Callable[[str], Side]] = {
        PLAIN: lambda name: _ours(kit, name, "fp16", device),
    }
    if device == "cuda":
        wanted[GRAPHS] = lambda name: _ours(kit, name, "fp16", device, cuda_graphs=True)
    _in_turn(report, wanted, BATCHES[:1])


def tasks(kit: Path, report: Report, device: str) -> None:
    """Models of any task: where they run, that they answer as on the CPU, and how quickly."""
    for folder in sorted((kit / layout.OTHERS).glob("*")):
        (data,) = folder.glob("data.*")
        for at, variant in ((device, "fp16"), (device, "fp32"), ("cpu", "fp32")):
            told: dict[str, Any] = {"other": folder.name, "device": at, "variant": variant}
            try:
                told |= _asked(folder / "bundle", data, at, variant)
            except Exception as error:
                told["error"] = str(error)[:600]
            report.add(**told)
        try:
            told = _piped(folder, data, device)
        except Exception as error:
            told = {"error": str(error)[:600]}
        report.add(other=folder.name, device=device, variant="transformers' pipeline", **told)


def _asked(bundle: Path, data: Path, device: str, variant: str) -> dict[str, Any]:
    import edgeft
    from edgeft.tasks.head import PLAIN
    from edgeft.tasks.reading import aligned, read_examples

    with edgeft.load(bundle, device=device, variant=variant, batch_tokens=1 << 17) as model:
        examples = aligned(read_examples(data, model.task), model.labels)
        encoded, outputs = model.outputs(examples.inputs)
        answers = model.task.answer(outputs, encoded, examples.inputs, model.labels, PLAIN)
        scores = model.task.score(examples.truths, answers.given, model.labels)
        found: dict[str, Any] = {
            "provider": model.device.provider, "nodes": model.device.nodes,
            "task": model.task.name, "rows": len(examples), "scores": scores.headline(),
        }  # fmt: skip
        seconds = [_seconds(model.predict, examples.inputs) for _ in range(ROUNDS)]
        found["inputs_per_s"] = len(examples) / statistics.median(seconds)
        if model.task.name == "question-answering":
            found["together"] = _together(model, examples.inputs)
    return found


def _together(model: Any, inputs: Sequence[Any]) -> dict[str, float]:
    """Seconds of questions about one long context, in one call and one at a time."""
    from benchmarks.questions import QUESTIONS, WORDS, about_one

    questions = about_one(inputs, WORDS, QUESTIONS)
    model.predict(questions)
    together = [_seconds(model.predict, questions) for _ in range(ROUNDS)]
    alone = [sum(_seconds(model.predict, one) for one in questions) for _ in range(ROUNDS)]
    return {"together_s": statistics.median(together), "alone_s": statistics.median(alone)}


def _piped(folder: Path, data: Path, device: str) -> dict[str, Any]:
    """The pipeline of transformers, in half precision on a GPU, at its best batch."""
    import torch
    import transformers

    from edgeft.bundle import read_manifest
    from edgeft.tasks import task_named
    from edgeft.tasks.reading import read_examples

    task = task_named(read_manifest(folder / "bundle").model.task)
    if task.takes != (str,):
        return {"skipped": "transformers 5 has no such pipeline"}
    texts = read_examples(data, task).texts
    pipe = transformers.pipeline(
        task.name, model=str(folder / "checkpoint"), device=0 if device == "cuda" else "cpu",
        dtype=torch.float16 if device == "cuda" else torch.float32,
    )  # fmt: skip
    options = {"aggregation_strategy": "first"} if task.by_token else {}
    pipe(texts[:64], batch_size=32, **options)
    rates = {}
    for batch in BATCHES[2:]:
        begin = time.perf_counter()
        pipe(texts, batch_size=batch, **options)
        rates[batch] = len(texts) / (time.perf_counter() - begin)
    best = max(rates, key=rates.__getitem__)
    return {"inputs_per_s": rates[best], "batch": best}


def compiled(kit: Path, report: Report, device: str) -> None:
    """torch.compile, which takes most of its time to compile."""
    _in_turn(report, {COMPILED: lambda name: _torch(kit, name, device, compiled=True)}, BATCHES)


def _in_turn(
    report: Report, wanted: dict[str, Callable[[str], Side]], batches: Sequence[int]
) -> None:
    """Measure the sides that can be had of each model; of one that cannot, the error is kept."""
    for name in layout.MODELS:
        sides: dict[str, Side] = {}
        for side, make in wanted.items():
            try:
                sides[side] = make(name)
            except Exception as error:
                report.add(model=name, side=side, error=str(error)[:600])
        for length in LENGTHS:
            for batch in batches:
                _measure(report, name, length, batch, sides, _texts(length, batch))


def _ours(kit: Path, name: str, variant: str, device: str, *, cuda_graphs: bool = False) -> Side:
    import edgeft

    model = edgeft.load(
        kit / "bundles" / name, variant=variant, device=device, batch_tokens=1 << 20,
        cuda_graphs=cuda_graphs,
    )  # fmt: skip
    return lambda texts: model.predict(texts[0] if len(texts) == 1 else list(texts))


def _unbound(kit: Path, name: str, variant: str, device: str) -> Side:
    """The same graph in the same session, but handed numpy arrays."""
    import numpy as np
    from tokenizers import Tokenizer

    from edgeft.bundle import read_manifest
    from edgeft.runtime.cpu import usable_cores
    from edgeft.runtime.providers import resolve_device
    from edgeft.runtime.session import SessionOptions, open_session

    folder = kit / "bundles" / name
    graph = folder / read_manifest(folder).model.variants[variant].files["model"]
    session = open_session(graph, resolve_device(device), SessionOptions(usable_cores()))
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    tokenizer.enable_padding()
    names = [one.name for one in session.get_inputs()]

    def run(texts: Sequence[str]) -> object:
        found = tokenizer.encode_batch_fast(list(texts))
        feed = {
            "input_ids": np.array([one.ids for one in found]),
            "attention_mask": np.array([one.attention_mask for one in found]),
            "token_type_ids": np.array([one.type_ids for one in found]),
        }
        return session.run(None, {one: feed[one] for one in names})[0].argmax(-1)

    return run


def _torch(kit: Path, name: str, device: str, *, compiled: bool = False) -> Side:
    import torch
    import transformers

    folder = kit / "models" / name
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    kind = torch.float16 if device == "cuda" else torch.float32
    model = transformers.AutoModelForSequenceClassification.from_pretrained(
        folder, dtype=kind, attn_implementation="sdpa"
    )
    model = model.to(device).eval()
    if compiled:
        model.forward = torch.compile(model.forward, dynamic=True)

    def run(texts: Sequence[str]) -> object:
        batch = tokenizer(list(texts), padding=True, return_tensors="pt").to(device)
        with torch.inference_mode():
            return model(**batch).logits.argmax(-1).tolist()

    return run


def _texts(length: int, batch: int) -> list[str]:
    """Texts of ``length`` tokens, two of them special; all differ, since equal ones run once."""
    return [" ".join([*f"{at:03}", *["cat"] * (length - 5)]) for at in range(batch)]


def _measure(
    report: Report, model: str, length: int, batch: int, sides: dict[str, Side], texts: list[str]
) -> None:
    taken: dict[str, list[float]] = {}

    def tried(side: str, run: Callable[[], list[float]]) -> None:
        try:  # one engine's failure is a figure, the others go on
            taken[side] = [*taken.get(side, []), *run()]
        except Exception as error:
            taken.pop(side, None)
            report.add(model=model, side=side, length=length, batch=batch, error=str(error)[:600])

    for side, run in sides.items():
        tried(side, functools.partial(_warm, run, texts))
    quick = [side for side, seconds in taken.items() if not seconds]
    for _ in range(ROUNDS):
        for side in quick:
            if side in taken:
                tried(side, functools.partial(_turn, sides[side], texts))
    for side, seconds in taken.items():
        report.add(
            model=model, side=side, length=length, batch=batch, runs=len(seconds),
            p50_ms=1e3 * statistics.median(seconds), least_ms=1e3 * min(seconds),
            texts_per_s=batch / statistics.median(seconds),
        )  # fmt: skip


def _warm(run: Side, texts: list[str]) -> list[float]:
    """Run what is not counted; of a side that is slow, its last run is all that counts."""
    for _ in range(WARM):
        if (seconds := _seconds(run, texts)) > SLOW_S and (again := _seconds(run, texts)) > SLOW_S:
            return [min(seconds, again)]
    return []


def _turn(run: Side, texts: list[str]) -> list[float]:
    end = time.perf_counter() + SECONDS
    found = [_seconds(run, texts)]
    while time.perf_counter() < end:
        found.append(_seconds(run, texts))
    return found


def _seconds(run: Callable[[Any], object], given: Any) -> float:
    begin = time.perf_counter()
    run(given)
    return time.perf_counter() - begin


def training(kit: Path, report: Report, device: str) -> None:
    """edgeft train against the Trainer of transformers, the same rows, batches and epochs."""
    try:
        report.add(peak=_peak(device))
    except Exception as error:
        report.add(peak_error=str(error)[:600])
    for data in sorted((kit / "data").glob("*.csv")):
        if data.name.endswith(layout.TEST):
            continue
        out = kit.parent / f"training-{data.stem}.json"
        out.unlink(missing_ok=True)
        command = [
            sys.executable, "-m", "benchmarks.train", data, "--name", data.stem, "--epochs", EPOCHS,
            "--test", data.with_name(f"{data.stem}{layout.TEST}"), "--seeds", 1,
            "--device", device, "--model", kit / "models" / layout.TRAINED, "-o", out,
        ]  # fmt: skip
        status, told = _said(command)
        if status:
            report.add(data=data.stem, error=told[-2000:])
        else:
            (row,) = json.loads(out.read_text(encoding="utf-8"))["rows"]
            report.add(data=data.stem, **row)


def _said(command: Sequence[object]) -> tuple[int, str]:
    """Run a command; what it says is passed on at once, as it may be cut off."""
    told = []
    with subprocess.Popen(
        list(map(str, command)), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as process:
        assert process.stdout is not None
        for line in process.stdout:
            print(line, end="", flush=True)
            told.append(line)
    return process.returncode, "".join(told)


def _peak(device: str) -> dict[str, Any]:
    """The operations a second of the best product of matrices in bf16, in fp32 on a CPU."""
    import torch

    side, kind = (SIDE, torch.bfloat16) if device == "cuda" else (SIDE // 8, torch.float32)
    left, right = (torch.randn(side, side, device=device, dtype=kind) for _ in range(2))
    best = float("inf")
    for _ in range(20):
        begin = time.perf_counter()
        product = left @ right
        product[0, 0].item()  # waits for the device
        best = min(best, time.perf_counter() - begin)
    return {"operations_per_s": 2 * side**3 / best, "kind": str(kind)}


def bench(kit: Path, report: Report, device: str) -> None:
    """`edgeft bench` on both devices, energy too."""
    out = kit.parent / "bench.json"
    out.unlink(missing_ok=True)
    both = [word for one in dict.fromkeys(("cpu", device)) for word in ("--device", one)]
    lengths = [word for one in BENCH_LENGTHS for word in ("--length", one)]
    told = _edgeft(
        "bench", kit / "bundles" / layout.TRAINED, *both, *lengths, "--rounds", 2,
        "--samples", 90, "--seconds", 1, "--texts", 256, "-o", out,
    )  # fmt: skip
    document = json.loads(out.read_text(encoding="utf-8")) if out.exists() else None
    report.add(status=told["status"], says=told["stderr"], document=document)


def tensorrt(kit: Path, report: Report, device: str) -> None:
    """TensorRT, where its libraries are there."""
    report.add(**_placed(kit / "bundles" / layout.TRAINED, "fp16", "tensorrt"))


def _edgeft(*arguments: object) -> dict[str, Any]:
    command = [sys.executable, "-m", "edgeft", *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return {"status": done.returncode, "stdout": done.stdout, "stderr": done.stderr[-2000:]}


if __name__ == "__main__":
    step, kit, figures, device = sys.argv[1:]
    steps = (devices, latency, graphs, tasks, training, bench, compiled, tensorrt)
    {one.__name__: one for one in steps}[step](Path(kit), Report(Path(figures)), device)
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(0)  # all is written: what CUDA's libraries do at the end can neither hang nor fail
