"""edgeft export: a checkpoint becomes a bundle."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from edgeft.cli import console, options
from edgeft.cli.invoked import command_line

if TYPE_CHECKING:
    from edgeft.export.result import ExportResult
    from edgeft.tasks.head import Wish

SHARE = options.Number(0, 1, min_open=True)
SINGLE_FILE = "--single-file"


class _OptionalValue(click.Command):
    """A command whose --single-file takes a value after "=" alone, never the next argument."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        end = args.index("--") if "--" in args else len(args)
        named = [f"{SINGLE_FILE}=fp32" if one == SINGLE_FILE else one for one in args[:end]]
        return super().parse_args(ctx, named + args[end:])


def _named_variant(_: click.Context, __: click.Parameter, value: str | None) -> str:
    if value == "":
        raise click.BadParameter("no variant is named after the '='")
    return value or ""


EPILOG = """What is proven, on texts that training did not see; each figure stands in the manifest
and on the model card.

Parity: fp32 gives torch's logits to 0.001 and torch's labels, else there is no bundle.

Fusion: onnxruntime fused as many attention layers as it should for this architecture, else
there is no bundle; --allow-unfused accepts it and says so.

Accuracy: what a variant loses against torch is told with a 95% interval and McNemar's p;
"proven" is said where the intervals of both metrics end below --max-drop, else "not proven".

Scores: temperature scaling, with calibration error and Brier score before and after. The runtime
applies the thresholds.

Speed: the table says where a variant is slower than fp32 on this machine.

\b
Variants:
  fp32         fused for onnxruntime; always there
  portable     fp32 in plain ONNX operators: TensorRT, CoreML, DirectML,
               OpenVINO, browsers
  int8         dynamic, per channel, embeddings too: CPUs
  int8-static  scales fixed by your texts (QuantizeLinear), so that answers
               know no neighbours: VNNI, Arm, TensorRT
  int8-vectors the embeddings alone, a scale for each row; all is computed
               in float. With fp32 the default for a static model
  fp16         half precision, float outputs: GPUs
  int4         4-bit weights, computed in float: where size counts most

BERT, MiniLM, DistilBERT, RoBERTa, XLM-R, ELECTRA, ALBERT, DeBERTa-v2, MobileBERT, MPNet, ModernBERT
and decoder classifiers (GPT-2, Llama, Qwen2, Mistral, OPT and others) are exported in edgeft's
tests, from folders as transformers 4 or 5 writes them.
"""


@click.command(cls=_OptionalValue, epilog=EPILOG)
@click.argument("checkpoint")
@click.option(
    "-o", "--out", type=options.OUT, required=True, metavar="BUNDLE",
    help="Folder to write.",
)  # fmt: skip
@click.option(
    "--data", type=options.FILE, metavar="FILE",
    help="Texts that training did not see, to prove the variants on. Of labelled ones, one half "
    "chooses and the other reports.  [default: built-in texts]",
)  # fmt: skip
@click.option(
    "--test", type=options.FILE, metavar="FILE",
    help="Labelled texts that report, so that all of --data may choose.",
)  # fmt: skip
@click.option(
    "--scales", type=options.FILE, metavar="FILE",
    help="Texts from which int8-static takes its scales.  [default: those of --data that choose]",
)  # fmt: skip
@options.data_columns
@click.option(
    "--variant", "variants", multiple=True, metavar="NAME",
    help="fp32 (always there), portable, int8, int8-static, int8-vectors, fp16, int4 or all; "
    "repeatable. What is named by itself must pass its gate.  [default: what suits --target]",
)  # fmt: skip
@click.option(
    "--target", default="avx2", show_default=True, metavar="NAME",
    help="Where it will run: avx2 (int8 that is right on every CPU), avx512, vnni, amx, arm64, "
    "cuda, tensorrt, coreml, web or this.",
)  # fmt: skip
@click.option(
    "--max-length", type=int, metavar="TOKENS",
    help="Read no more of a text; what that loses counts.  [default: as the checkpoint]",
)  # fmt: skip
@options.max_drop
@click.option(
    "--allow-unfused", is_flag=True, help="Ship a graph that is slower than it should be."
)
@click.option(
    "--label-precision", metavar="LABEL=SHARE",
    help="Give LABEL only where that is right to this share, such as spam=0.98.",
)  # fmt: skip
@click.option("--recall", metavar="LABEL=SHARE", help="Find this share of LABEL, such as spam=0.9.")
@click.option(
    "--abstain", type=SHARE, metavar="SHARE",
    help='Answer "unknown" where the score is too low, so that this share of answers is right.',
)  # fmt: skip
@click.option(
    "--single-file", callback=_named_variant, metavar="[=VARIANT]",
    help="Write onnx/model_text.onnx too: text in, label and scores out, for other languages' "
    "onnxruntime with its extensions. Of fp32, unless another variant is named after a \"=\".",
)  # fmt: skip
@click.option(
    "--original", default="", metavar="CHECKPOINT",
    help="The model that CHECKPOINT was made from, by edgeft trim for example: points lost are "
    "counted from it.  [default: CHECKPOINT itself]",
)  # fmt: skip
@click.option(
    "--task", metavar="NAME",
    help="What it is exported for, such as feature-extraction for an encoder without a head.  "
    "[default: as its files say]",
)  # fmt: skip
@click.option(
    "--pooling", default="", metavar="NAME",
    help="How a plain encoder's tokens become a text's vector: mean, cls or last.  [default: as "
    "the folder's modules.json says]",
)  # fmt: skip
@click.option("--seed", default=0, show_default=True, help="Of the split of --data.")
@click.option("--force", is_flag=True, help="Replace BUNDLE if it exists, after success.")
@options.as_json
def command(
    checkpoint: str,
    out: Path,
    as_json: bool,
    label_precision: str | None,
    recall: str | None,
    abstain: float | None,
    **settings: Any,
) -> None:
    """Export CHECKPOINT to a bundle that runs without torch.

    CHECKPOINT is a folder that edgeft train wrote, or any Hugging Face folder or
    Hub id with a head for one of edgeft's tasks, which its config names, or one
    that sentence-transformers wrote, for vectors of texts. Every
    variant is checked against the torch original before the bundle appears. int8
    that loses too much gets its most sensitive layers, found by measuring each, back
    in float. What still loses too much is left out, or, where it was named, nothing
    is written and the exit status is 3.
    """
    from edgeft.export.run import ExportConfig, export

    config = ExportConfig(
        checkpoint=checkpoint, out=out, wish=_wish(label_precision, recall, abstain), **settings
    )
    with console.show_progress() as progress:
        result = export(config, progress, console.note)
    if as_json:
        console.print_json(result.to_dict())
    else:
        show(result)
        console.print_lines([f"Next: {command_line('predict', out, 'FILE')}"])


def show(result: "ExportResult") -> None:
    """Print a row for each variant, and in words what the figures do not say.

    "time" is that of a single text here, in times of fp32's.
    """
    rows: list[list[str]] = []
    for name, report in result.reports.items():
        variant = result.manifest.model.variants[name]
        time = result.times.get(name)
        row = [
            name,
            f"{result.bytes_of(name) / 1e6:.1f}",
            f"{time:.2f}" if time else "-",
            variant.graph,
            f"{variant.measured['fused_attention']}/{result.layers}",
            *report.parity_cells(),
        ]
        if result.task.embeds and report.batch:
            row.append(f"{report.batch.moved:.2g}")
        rows.append(row)
    first = next(iter(result.reports.values()))
    asked = first.asks.of(first.rows)
    where = "of yours" if first.source == "data" else "built in"
    console.print_table(
        f"{result.out}, compared with torch on {asked} {where}",
        ["variant", "MB", "time", "graph", "fused", "logit difference", result.task.alike]
        + ["moved by neighbours"] * result.task.embeds,
        rows,
    )
    if result.task.alike_is:
        console.print_lines([f"{result.task.alike}: {result.task.alike_is}."])
    if result.torch:
        metrics, further = result.task.metrics, first.further_columns()
        original = ["torch", *(f"{result.torch.figure(metric):.4f}" for metric in metrics)]
        original += [""] * (len(metrics) + len(further))
        console.print_table(
            "On their labels",
            [
                "variant",
                *metrics.values(),
                *(f"{metric} lost (95%)" for metric in metrics.values()),
                *further,
            ],
            [original, *([name, *one.score_cells()] for name, one in result.reports.items())],
        )
    console.print_lines(_remarks(result))


def _remarks(result: "ExportResult") -> list[str]:
    lines = []
    for name, report in result.reports.items():
        left = result.manifest.model.variants[name].measured.get("left_in_float")
        if left:
            lines.append(f"{name}: left in float, being most sensitive: {', '.join(left)}")
        if report.unproven or not (report.drop or report.exact):
            lines.append(f"{name}: {report.verdict}")
        if report.outcome:
            told = ", ".join(report.outcome_told(result.task))
            lines.append(f"{name}, as answered with its thresholds: {told}")
        if remark := result.remark(name):
            lines.append(remark)
    lines += [f"{name} was left out: {why}" for name, why in
              result.manifest.provenance["dropped"].items()]  # fmt: skip
    return [*lines, *result.manifest.provenance["notes"]]


def _wish(precision: str | None, recall: str | None, abstain: float | None) -> "Wish":
    from edgeft.errors import UsageError
    from edgeft.tasks.head import Wish

    if precision and recall:
        raise UsageError(
            "--label-precision and --recall exclude each other: one threshold serves one."
        )
    label, share = "", None
    if given := precision or recall:
        label, _, number = given.rpartition("=")
        try:
            share = float(number)
        except ValueError:
            share = None
        if not label or share is None or not 0 < share <= 1:
            raise UsageError(
                f"{given!r} is not LABEL=SHARE with a share above 0 and up to 1.",
                hint="For example: --label-precision spam=0.98",
            )
    return Wish(
        label=label,
        precision=share if precision else None,
        recall=share if recall else None,
        right=abstain,
    )
