"""What every page is made of: one HTML file that needs no network, its charts and its tables."""

import json
from collections.abc import Iterable, Iterator, Sequence
from html import escape
from importlib.resources import files
from pathlib import Path

import vl_convert

from edgeft.report.charts import Chart

__all__ = ["html_table", "is_page", "sections", "shell"]

SNIPPET = "window.vegaEmbed = vegaEmbed;"  # all that page.js needs of Vega
MADE_BY = '<meta name="generator" content="edgeft report">'


def is_page(path: Path) -> bool:
    """Whether a file is such a page."""
    with path.open("rb") as stream:
        return MADE_BY.encode() in stream.read(4096)


def shell(title: str, facts: str, body: Iterable[str], charts: Sequence[Chart]) -> str:
    """The whole page; ``facts`` and ``body`` are HTML, in which ``sections`` stand for charts."""
    specs = {f"chart-{at}": one.spec for at, one in enumerate(charts) if one.spec is not None}
    assets = files("edgeft.report")
    return "\n".join([
        "<!doctype html>",
        '<html lang="en">',
        "<head>",
        '<meta charset="utf-8">',
        MADE_BY,
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        '<meta name="color-scheme" content="light dark">',
        # Nothing may be fetched; Vega compiles its expressions.
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; "
        "style-src 'unsafe-inline'; script-src 'unsafe-inline' 'unsafe-eval'; img-src data:\">",
        f"<title>{escape(title)}</title>",
        f"<style>\n{assets.joinpath('page.css').read_text(encoding='utf-8')}</style>",
        "</head>",
        "<body>",
        "<header>",
        f"<h1>{escape(title)}</h1>",
        f"<p>{facts}</p>",
        "</header>",
        "<main>",
        *body,
        "</main>",
        f"<script>{vl_convert.javascript_bundle(SNIPPET)}</script>",
        f"<script>const SPECS = {_json(specs)};\n"
        f"{assets.joinpath('page.js').read_text(encoding='utf-8')}</script>",
        "</body>",
        "</html>",
        "",
    ])  # fmt: skip


def sections(charts: Sequence[Chart]) -> Iterator[str]:
    """The charts by their sections, as HTML."""
    for section in dict.fromkeys(one.section for one in charts):
        yield f"<section><h2>{escape(section)}</h2>"
        yield '<div class="grid">'
        for at, one in enumerate(charts):
            if one.section != section:
                continue
            yield f"<figure><h3>{escape(one.title)}</h3>"
            if one.spec is not None:
                yield (
                    f'<div class="chart" id="chart-{at}" role="img" '
                    f'aria-label="{escape(one.section)}: {escape(one.title)}"></div>'
                )
            yield f"<figcaption>{escape(one.caption)}</figcaption></figure>"
        yield "</div></section>"


def html_table(
    columns: Sequence[str],
    rows: Sequence[Sequence[str]],
    *,
    kind: str = "figures",
    wraps: Sequence[str] = (),
) -> Iterator[str]:
    """A table; the cells below headings that are in ``wraps`` are broken into lines."""
    marks = [' class="wraps"' * (column in wraps) for column in columns]
    yield f'<div class="wide"><table class="{kind}"><thead><tr>'
    yield from (f"<th>{escape(column)}</th>" for column in columns)
    yield "</tr></thead><tbody>"
    for row in rows:
        cells = "".join(
            f"<td{mark}>{escape(cell)}</td>" for mark, cell in zip(marks[1:], row[1:], strict=True)
        )
        yield f'<tr><th scope="row">{escape(row[0])}</th>{cells}</tr>'
    yield "</tbody></table></div>"


def _json(value: object) -> str:
    """JSON that cannot end the script that it stands in."""
    return json.dumps(value, separators=(",", ":")).replace("<", "\\u003c")
