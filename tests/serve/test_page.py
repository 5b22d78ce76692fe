"""The page at "/", in a real browser: every task, by keyboard, on a phone, with a key."""

import asyncio
import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

import edgeft
from edgeft.inputs import Question
from edgeft.serve.page import try_page
from tests import tiny
from tests.cascades import cascade
from tests.serve.asking import PLAIN, Served, at_socket, in_process, run
from tests.serve.browser import Browser, browser, needs_browser

KEY = "a-key-of-many-letters"


async def open_page(served: Served, path: str) -> str:
    """A page that needs no key, and fetches from its own server alone."""
    found = await served.client.get(path)
    assert found.status_code == 200
    assert found.headers["content-type"] == "text/html; charset=utf-8"
    policy = found.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "connect-src 'self'" in policy
    assert "unsafe" not in policy
    assert not re.search(r"https?:|//[a-z]|innerHTML|insertAdjacent", found.text)
    return found.text


def test_the_page_is_open_and_asks_nobody_else(tiny_bundle: Path) -> None:
    async def work() -> None:
        async with in_process({"news": tiny_bundle}, keys=(KEY,)) as served:
            await open_page(served, "/")
            assert (await served.client.get("/v1/models")).status_code == 401

    run(work)
    assert try_page()[0].count(b"<script>") == 1


def test_what_the_page_is_told_of_a_model(pair_bundle: Path, labeller_bundle: Path) -> None:
    async def work() -> None:
        async with in_process({"pairs": pair_bundle, "labels": labeller_bundle}) as served:
            pairs, labels = (await served.client.get("/v1/models")).json()["data"]
            assert pairs["fields"][-1] == ["text", "other"]
            assert all(one for example in pairs["examples"] for one in example.values())
            assert (pairs["scores"], labels["noun"]) == (True, "many-label classifier")
            asked = {"model": "pairs", "inputs": pairs["examples"]}
            assert (await served.predict(**asked)).status_code == 200

    run(work)


def predicted(bundle: Path, one: Any) -> Any:
    with edgeft.load(bundle, **{**PLAIN, "variant": "auto"}) as model:
        return model.predict(one)


def choose(page: Browser, name: str) -> None:
    page.run(f"at('model').value = {name!r}; at('model').dispatchEvent(new Event('change'))")


def ask(page: Browser, **texts: str) -> None:
    """Fill fields in and ask, and wait until that is answered or refused."""
    for name, text in texts.items():
        page.run(f"at('field-{name}').value = {json.dumps(text)}")
    page.run("clear(); at('ask').click()")
    page.until("!state.asking && (at('answers').firstChild || at('problem').firstChild)")


def texts_of(page: Browser, selector: str) -> list[str]:
    script = f"[...document.querySelectorAll({selector!r})].map((one) => one.textContent)"
    found: list[str] = page.run(script)
    return found


def come_in(page: Browser, url: str) -> None:
    """A server that asks for a key gets it, by keyboard alone."""
    page.open(f"{url}/")
    page.until("document.activeElement.id === 'key'")
    page.type("wrong")
    page.key("Enter", code=13, text="\r")
    page.until("at('problem').textContent.includes('API key')")
    page.run("at('key').value = ''")
    page.type(KEY)
    page.key("Enter", code=13, text="\r")
    page.until("at('example-list').children.length > 3")


def by_keyboard(page: Browser, bundle: Path) -> None:
    choose(page, "news")
    page.run("at('key').focus()")
    for _ in range(20):
        if page.tab() == "field-text":
            break
    assert page.run("getComputedStyle(document.activeElement).outlineStyle") == "solid"
    text = "<b>the cat</b> 👍"
    page.type(text)
    page.key("Enter", code=13, ctrl=True)
    page.until("at('answers').firstChild")
    assert page.run("at('field-text').value") == text
    assert texts_of(page, ".answer")[0].startswith(predicted(bundle, text).label)
    assert len(texts_of(page, ".bar")) == len(tiny.LABELS)
    assert re.fullmatch(r"1 answer in [\d.]+ ms.*", texts_of(page, "#status")[0])
    named = (
        "[...document.querySelectorAll('textarea, input, select')].map((one) => one.labels.length)"
    )
    assert 0 not in page.run(named)


def every_task(page: Browser, bundles: Mapping[str, Path]) -> None:
    page.run("at('lines').checked = true")
    ask(page, text="<i>one</i>\n\nthe cat\n今天 👍")
    assert texts_of(page, ".asked") == ["<i>one</i>", "the cat", "今天 👍"]
    assert page.run("document.querySelectorAll('#answers b, #answers i').length") == 0
    page.run("at('lines').checked = false")
    ask(page, text=" ".join(tiny.WORDS * 5))
    assert "tokens were read" in texts_of(page, ".notes .warn")[0]

    page.run("at('kind-1').click(); at('lines').checked = true")
    ask(page, text="the cat\na dog", other="rain")
    assert texts_of(page, ".asked") == ["the cat  ·  rain", "a dog  ·  rain"]
    ask(page, text="the cat\na dog", other="rain\nsun\ngame")
    assert "2 and 3 lines" in texts_of(page, "#problem")[0]

    choose(page, "tags")
    text = "👍🎉 the cat sat 今天"
    ask(page, text=text)
    spans = "[...document.querySelectorAll('mark')].map((one) => one.firstChild.data)"
    found = predicted(bundles["tags"], text)
    assert page.run(spans) == [one.text for one in found]
    assert texts_of(page, "mark span") == [one.label for one in found]

    choose(page, "answers")
    question = Question("who won?", "👍 the team won the game 今天")
    ask(page, question=question.question, context=question.context)
    answer = predicted(bundles["answers"], question)
    assert texts_of(page, "mark") == ([answer.text] if answer.text else [])
    assert "".join(texts_of(page, ".text")) == question.context

    choose(page, "labels")
    ask(page, text="the cat")
    assert len(texts_of(page, ".tick")) == len(texts_of(page, ".bar")) > 0
    given = predicted(bundles["labels"], "the cat").labels
    assert len(texts_of(page, ".bar.given")) == len(given)

    choose(page, "numbers")
    ask(page, text="the cat")
    value = predicted(bundles["numbers"], "the cat").value
    assert float(texts_of(page, ".answer")[0]) == pytest.approx(value, abs=2e-3)

    choose(page, "vectors")
    ask(page, text="the cat\na dog\nthe cat")
    cells = texts_of(page, "td span")
    assert (len(cells), cells[0], cells[2]) == (9, "1.00", "1.00")

    choose(page, "staged")
    ask(page, text="the cat")
    stages = texts_of(page, ".stages b")
    assert stages == [predicted(bundles["staged"], "the cat").stage]


def on_a_phone(page: Browser, bundles: Mapping[str, Path]) -> None:
    for dark in (False, True):
        page.look(width=390, dark=dark)
        for name in bundles:
            choose(page, name)
            page.run("clear(); at('example-list').querySelector('button').click()")
            page.until("!state.asking && at('answers').firstChild")
            wide = page.run("document.documentElement.scrollWidth")
            assert wide <= 390, f"{name} is {wide} wide"
    colours = page.run("getComputedStyle(document.body).backgroundColor")
    assert colours == "rgb(18, 20, 23)"


@needs_browser
def test_models_are_tried_by_hand(
    tiny_bundle: Path, tagger_bundle: Path, answerer_bundle: Path, labeller_bundle: Path,
    scorer_bundle: Path, encoder_bundle: Path, tmp_path: Path,
) -> None:  # fmt: skip
    both = {"small": tiny_bundle, "full": tiny_bundle}
    staged = cascade(tmp_path / "staged", both, [("small", "int8", 0.9), ("full", "fp32", None)])
    bundles = {
        "news": tiny_bundle, "tags": tagger_bundle, "answers": answerer_bundle,
        "labels": labeller_bundle, "numbers": scorer_bundle, "vectors": encoder_bundle,
        "staged": staged,
    }  # fmt: skip

    def drive(url: str) -> None:
        with browser() as page:
            page.look(width=1280)
            come_in(page, url)
            by_keyboard(page, tiny_bundle)
            every_task(page, bundles)
            on_a_phone(page, bundles)
            assert {one.split("?")[0] for one in page.requested} <= {
                f"{url}/", f"{url}/v1/models", f"{url}/v1/predict", "data:,", "about:blank",
            }  # fmt: skip
            # The first asking without a key, and the wrong one: nothing else went wrong.
            assert [one for one in page.complaints if "401" not in one] == []

    async def work() -> None:
        async with at_socket(bundles, keys=(KEY,), variant="auto") as served:
            await asyncio.to_thread(drive, served.url)

    run(work)
