"""The page at "/docs", in a real browser: every route of the document, and nothing else asked."""

import asyncio
import json
import shlex
from pathlib import Path
from typing import Any

from tests.serve.asking import Served, at_socket, in_process, run
from tests.serve.browser import Browser, browser, needs_browser
from tests.serve.test_page import KEY, open_page, texts_of


def test_the_page_of_routes_is_open_and_asks_nobody_else(tiny_bundle: Path) -> None:
    async def work() -> None:
        async with in_process({"news": tiny_bundle}, keys=(KEY,)) as served:
            assert "/*s" not in await open_page(served, "/docs")
            first = await served.client.get("/")
            assert '<a href="docs">' in first.text
            assert "<!--" not in first.text
            assert (await served.client.get("/openapi.json")).status_code == 401

    run(work)


def commands(page: Browser) -> list[list[str]]:
    """What the page says to ask by curl, as words."""
    return [shlex.split(one.replace("\\\n", " ")) for one in texts_of(page, "pre")]


@needs_browser
def test_routes_are_told_by_hand(tiny_bundle: Path) -> None:
    def drive(url: str, document: dict[str, Any]) -> list[list[str]]:
        routes = [
            (method.upper(), path)
            for path, methods in document["paths"].items()
            for method in methods
        ]
        with browser() as page:
            page.look(width=1280)
            page.open(f"{url}/docs")
            page.until("document.activeElement.id === 'key'")
            page.type("wrong")
            page.key("Enter", code=13, text="\r")
            page.until("at('problem').textContent.includes('API key')")
            page.run("at('key').value = ''")
            page.type(KEY)
            page.key("Enter", code=13, text="\r")
            page.until("at('routes').children.length")
            told = zip(texts_of(page, ".method"), texts_of(page, "summary code"), strict=True)
            assert list(told) == routes
            assert texts_of(page, "#status") == [f"{len(routes)} routes"]
            assert page.run("at('form').hidden") is False
            for _ in range(20):
                if page.tab() == "SUMMARY":
                    break
            page.key("Enter", code=13, text="\r")
            assert page.run("document.activeElement.parentNode.open")
            first = page.run("document.querySelector('details').textContent")
            for word in ("inputs", "timeout_ms", "422", "429", "Retry-After", "X-Timeout-Ms"):
                assert word in first
            assert first.count("one such needed") == 2
            pair = {"type": "array", "items": {"type": "string"}, "minItems": 2, "maxItems": 2}
            assert page.run(f"least({json.dumps(pair)})") == ["…", "…"]
            assert page.run(f"shape({json.dumps(pair)})") == "[text, text]"
            page.run("document.querySelectorAll('details').forEach((one) => { one.open = true })")
            for dark in (False, True):
                page.look(width=390, dark=dark)
                assert page.run("document.documentElement.scrollWidth") <= 390
            found = commands(page)
            page.run("document.querySelector('header a').click()")
            page.until("document.getElementById('examples')")
            assert {one.split("?")[0] for one in page.requested} <= {
                f"{url}/docs", f"{url}/openapi.json", f"{url}/", f"{url}/v1/models", "data:,",
                "about:blank",
            }  # fmt: skip
            assert [one for one in page.complaints if "401" not in one] == []
        return found

    async def ask(served: Served, command: list[str]) -> int:
        body = json.loads(command[command.index("-d") + 1]) if "-d" in command else None
        kind = "POST" if body is not None else "GET"
        path = command[1].removeprefix(served.url).replace("{name}", "news")
        found = await served.client.request(kind, path.replace("{version}", "1"), json=body)
        return found.status_code

    async def work() -> None:
        async with at_socket({"news": tiny_bundle}, keys=(KEY,)) as served:
            served.client.headers["Authorization"] = f"Bearer {KEY}"
            document = (await served.client.get("/openapi.json")).json()
            told = await asyncio.to_thread(drive, served.url, document)
            assert all("Authorization: Bearer KEY" in one for one in told)
            statuses = {one[1].removeprefix(served.url): await ask(served, one) for one in told}
            vectors = ("/v1/embeddings", "/embed", "/v1/rerank", "/rerank")  # not this model's
            assert {path for path, status in statuses.items() if status != 200} == {*vectors}
            assert {statuses[path] for path in vectors} == {422}

    run(work)
