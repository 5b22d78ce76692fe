"""What the card says of variants: their figures, on which inputs, and what these prove."""

from edgeft.export.markdown import an, escape, table
from edgeft.export.result import ExportResult

__all__ = ["checked_on", "variants_table"]


def variants_table(result: ExportResult) -> str:
    columns = ["variant", "file", "MB", "graph", "fused attention", "largest logit difference",
               f"{result.task.alike} as torch"]  # fmt: skip
    if result.torch:
        first, *others = result.task.metrics.values()
        columns += [first, *others, f"points of {first} lost (95% interval)"]
        columns += [f"of {one}" for one in others]
        columns += next(iter(result.reports.values())).further_columns()
    rows = []
    for name, report in result.reports.items():
        variant = result.manifest.model.variants[name]
        row = [
            name,
            f"`{variant.files['model']}`",
            f"{result.bytes_of(name) / 1e6:.1f}",
            variant.graph,
            f"{variant.measured['fused_attention']} of {result.layers} layers",
            *report.parity_cells(),
            *report.score_cells(),
        ]
        rows.append(row)
    return table(columns, rows)


def checked_on(result: ExportResult) -> str:
    first = next(iter(result.reports.values()))
    whose = "built in" if first.source == "built-in" else "of the user's"
    text = f"Compared with the torch original on {first.asks.of(first.rows)} {whose}."
    if result.task.alike_is:
        text += f" {result.task.alike.capitalize()}: {result.task.alike_is}."
    if result.torch:
        text += f" On their labels the original has {_figures(result)}."
        if first.after:
            text += (
                " Expected calibration error and Brier score are without and with the recorded "
                "temperature."
            )
        if result.task.provided:
            text += f" The intervals of what is lost hold if {result.task.provided}."
        if any(report.outcome for report in result.reports.values()):
            text += (
                " The table is of the likeliest answers; what is answered "
                "with the recorded thresholds stands below, where a withheld answer counts as a "
                "wrong one."
            )
        if (data := result.manifest.provenance["data"])["choose"] != data["report"]:
            text += (
                f" No temperature, threshold or layer was chosen on them, but on "
                f"{data['choose']['rows']:,} others; a variant that loses more than it may on "
                "either is not shipped."
            )
    lines = [text, *_remarks(result)]
    return "\n".join([lines[0], *(f"\n- {line}" for line in lines[1:])])


def _figures(result: ExportResult) -> str:
    """The original's metrics, each with its interval where it has one."""
    assert result.torch is not None
    everything = result.torch.to_dict()
    told = []
    for name, words in result.task.metrics.items():
        one = f"{an(words)} of {result.torch.figure(name):.4f}"
        if interval := everything.get(f"{name}_interval_95"):
            one += f" (95% interval {interval[0]:.4f} to {interval[1]:.4f})"
        told.append(one)
    return " and ".join(told)


def _remarks(result: ExportResult) -> list[str]:
    """What the table does not say of single variants."""
    lines = []
    for name, report in result.reports.items():
        if report.drop:
            drop, line = report.drop, f"{name}: {report.verdict}"
            if drop.newly_wrong or drop.newly_right:  # never of numbers: none is hit exactly
                line += (
                    f" {drop.newly_wrong} rows became wrong, {drop.newly_right} right "
                    f"(McNemar's p {drop.mcnemar_p:.2g})."
                )
            lines.append(line)
        elif not report.exact:
            lines.append(f"{name}: {report.verdict}")
        if report.scores and not report.scores.support:  # else tables by label say more
            told = ", ".join(f"{what} {value}" for what, value in report.scores.summary().items())
            lines.append(f"{name} on these rows: {told}.")
        if left := result.manifest.model.variants[name].measured.get("left_in_float"):
            told = ", ".join(f"`{one}`" for one in left)
            lines.append(f"{name}: left in float, being most sensitive: {told}.")
        if report.outcome:
            rules = " and ".join(result.task.rules(result.manifest.model.head_of(name)))
            lines.append(
                f"{name} answers {escape(rules)}: {', '.join(report.outcome_told(result.task))}."
            )
        if name == "fp16":
            lines.append(
                "fp16 was checked on a CPU, which computes part of it in float32; on a GPU check "
                "again with `edgeft verify --device cuda`."
            )
    provenance = result.manifest.provenance
    lines += [f"{name} was left out: {escape(why)}." for name, why in provenance["dropped"].items()]
    return [*lines, *map(escape, provenance["notes"])]
