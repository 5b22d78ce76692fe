"""edgeft doctor: what this machine can run, and why not."""

from typing import TYPE_CHECKING

import click

from edgeft.cli import console, options

if TYPE_CHECKING:
    from edgeft.bench.doctor import MachineFacts


@click.command()
@options.as_json
@click.pass_context
def command(ctx: click.Context, as_json: bool) -> None:
    """Say what this machine can run, and why not.

    Looks at the CPU, the cores and memory that this process may use, GPUs,
    installed packages, and tries each of onnxruntime's providers for real.
    Exit status 1 only if nothing can be predicted here.
    """
    from edgeft.bench.doctor import diagnose, gather

    facts = gather()
    findings = diagnose(facts)
    blocked = any(one.level == "blocks" for one in findings)
    if as_json:
        console.print_json({**facts.to_dict(), "findings": [vars(one) for one in findings]})
    else:
        console.print_table("Machine", ("what", "found"), _machine_rows(facts))
        console.print_table("Software", ("what", "found"), _software_rows(facts))
        for one in findings:
            console.print_lines([f"{'Note' if one.level == 'note' else 'Problem'}: {one.what}"])
            if one.mend:
                console.print_lines([f"  {one.mend}"])
        if not blocked:
            console.print_lines(["This machine can predict."])
    if blocked:
        ctx.exit(1)


def _machine_rows(facts: "MachineFacts") -> list[tuple[str, str]]:
    from edgeft.bench.doctor import int8_advice

    machine = facts.machine
    memory = f"{machine.memory_bytes / 2**30:.1f} GiB usable" if machine.memory_bytes else "unknown"
    gpus = [f"{gpu.name}, {gpu.memory}, driver {gpu.driver}" for gpu in machine.gpus]
    return [
        ("CPU", machine.cpu),
        ("features", ", ".join(machine.features) or "unknown"),
        ("int8 dot products", int8_advice(machine.features)),
        (
            "cores",
            f"{machine.usable_cores} usable (affinity {facts.affinity_cores}, "
            f"host {machine.host_cores})",
        ),
        ("memory", memory),
        ("GPUs", "; ".join(gpus) or "no NVIDIA driver found"),
        ("system", machine.system),
    ]


def _software_rows(facts: "MachineFacts") -> list[tuple[str, str]]:
    builds = [f"{name} {version}" for name, version in facts.onnxruntime.items()]
    rows = [
        ("Python", facts.machine.python),
        ("onnxruntime", ", ".join(builds) or "not installed"),
        *((name, "loads" if not why else "does not load") for name, why in facts.providers.items()),
    ]
    rows += [(f"extra [{extra}]", _extra_state(facts, extra)) for extra in facts.extras]
    packages = [
        f"{name} {version}"
        for name, version in facts.packages.items()
        if name not in facts.onnxruntime
    ]
    rows.append(("packages", ", ".join(packages)))
    return rows


def _extra_state(facts: "MachineFacts", extra: str) -> str:
    from edgeft.packages import mend

    missing, misfits = facts.extras[extra], facts.misfits[extra]
    told = [f"lacks {', '.join(missing)}"] if missing else []
    if misfits:
        told.append(f"does not work with {', '.join(map(str, misfits))}")
    if told:
        command = f"pip install 'edgeft[{extra}]'" if missing else mend(misfits or ())
        return f"{'; '.join(told)}: {command}"
    return "ready" if misfits is not None else "installed, in versions that were not compared"
