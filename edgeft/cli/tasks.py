"""edgeft tasks: what can be learned, and from which data."""

import click

from edgeft.cli import console, options


@click.command()
@options.as_json
def command(as_json: bool) -> None:
    """List the tasks, the data that each takes, and an example line.

    The names are those that --task takes. Without it the data tell the task, and where they could
    be another's, train says how it took them.
    """
    from edgeft.tasks import TASKS, task_named

    tasks = [task_named(name) for name in TASKS]
    if as_json:
        console.print_json(
            {
                one.name: {
                    "makes": one.noun,
                    "data": one.data,
                    "example": one.example,
                    "metrics": [name for form in (one, *one.forms) for name in form.metrics],
                }
                for one in tasks
            }
        )
        return
    console.print_table(
        "Tasks",
        ["--task", "makes a", "gates hold", "data"],
        [
            [
                one.name,
                one.noun,
                "; ".join(", ".join(form.metrics.values()) for form in (one, *one.forms)),
                one.data,
            ]
            for one in tasks
        ],
    )
    console.print_lines(["A line of each, as JSON Lines; a table with such columns is the same:"])
    width = max(map(len, TASKS))
    console.print_lines([f"  {one.name:<{width}}  {one.example}" for one in tasks])
