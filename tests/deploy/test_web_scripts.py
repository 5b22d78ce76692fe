"""The scripts of the page for browsers, in Node: they read inputs and make answers as Python does.

No graph is run here, so no package of npm is needed: numbers come from Python.
"""

import json
import shutil
import subprocess
from dataclasses import replace
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest

import edgeft
from edgeft.deploy.web import bundled
from edgeft.deploy.web.asked import MOST_ASKED, asked_of
from edgeft.deploy.web.bundled import described
from edgeft.deploy.web.proven import NEAR, Proven, _apart, hold_site, least_equal
from edgeft.errors import GateError
from edgeft.inputs import Input, Pair, Question, columns_of
from edgeft.runtime.runner import Runner
from tests import tiny

pytestmark = pytest.mark.skipif(shutil.which("node") is None, reason="Node is not installed")
SCRIPTS = Path(bundled.__file__).with_name("site")
SCRIPT = Path(__file__).with_name("web.mjs")
LONG = " ".join(tiny.WORDS * 12)


def in_node(model: edgeft.Model, bundle: Path, inputs: list[Input]) -> list[Any]:
    """What the scripts make of inputs, and of the numbers that Python's graph gives for them."""
    content = (bundle / model.manifest.model.tokenizer).read_bytes()
    assert isinstance(model.runner, Runner)
    rows = []
    for one in model.runner.encode(inputs):
        found = model.runner.run(one.parts, alone=True)
        rows.append([
            {name: {"data": its[at].ravel().tolist(), "dims": its[at].shape}
             for name, its in found.items()}
            for at in range(len(one.parts))
        ])  # fmt: skip
    with TemporaryDirectory() as name:
        scripts = shutil.copytree(SCRIPTS, Path(name) / "scripts")
        (scripts / "package.json").write_text('{"type": "module"}')
        asked = {
            "scripts": str(scripts), "site": described(model, "mine", content, bundle),
            "tokenizer": json.loads(content), "inputs": list(map(columns_of, inputs)), "rows": rows,
        }  # fmt: skip
        done = subprocess.run(
            ["node", str(SCRIPT)], input=json.dumps(asked), capture_output=True, text=True,
            timeout=120, check=False,
        )  # fmt: skip
    assert done.returncode == 0, done.stderr
    told: list[Any] = json.loads(done.stdout)
    return told


def hold(bundle: Path, further: list[Input], **changed: Any) -> None:
    """All parts are Python's, and so are all answers, for built-in inputs and ``further`` ones."""
    from dataclasses import replace

    load: Any = partial(edgeft.load, bundle, device="cpu", variant="fp32", batch_invariant=True)
    with load(pair_prompts=changed.pop("pair_prompts", None)) as model:
        model.head = replace(model.head, **changed)
        inputs = [*asked_of(model.task, model.max_length, ()), *further]
        assert isinstance(model.runner, Runner)
        expected = model.runner.encode(inputs)
        for one, its, found in zip(inputs, expected, in_node(model, bundle, inputs), strict=True):
            for ours, theirs in zip(its.parts, found["parts"], strict=True):
                own = slice(*theirs["own"])
                assert theirs["ids"] == ours.ids, ascii(one)
                assert (own.start, own.stop) == (ours.own.start, ours.own.stop) or not ours.own
                assert theirs["types"] == (ours.types or [0] * len(ours.ids)), ascii(one)
                assert theirs["fresh"] == ours.fresh, ascii(one)
                if ours.offsets is not None and ours.words is not None:
                    assert [tuple(span) for span in theirs["offsets"]] == ours.offsets[own], ascii(
                        one
                    )
                    assert theirs["words"] == ours.words[own], ascii(one)
            prediction = model.predict(one)
            for full, theirs in zip((True, False), found["predictions"], strict=True):
                assert _apart(theirs, model.task.show(prediction, full)) < 2e-6, ascii(one)


def test_one_label(tiny_bundle: Path) -> None:
    hold(tiny_bundle, [LONG, "\ud83d alone \udc4d", "[SEP] the [cat]"])
    hold(tiny_bundle, [], temperature=1.7, label="glad", threshold=0.2, abstain_below=0.5)


def test_pairs(pair_bundle: Path) -> None:
    hold(pair_bundle, [Pair(LONG, "the cat"), Pair("the cat", LONG), Pair(LONG, LONG),
                       Pair("", "")], temperature=0.6)  # fmt: skip


def test_many_labels(labeller_bundle: Path) -> None:
    hold(labeller_bundle, [LONG])


def test_numbers(scorer_bundle: Path) -> None:
    hold(scorer_bundle, [LONG])


def test_vectors(encoder_bundle: Path) -> None:
    pairs = [Pair("the cat", LONG), Pair("今天", ""), Pair("", "the cat 👍")]
    hold(encoder_bundle, [LONG, *pairs])
    hold(encoder_bundle, [LONG, *pairs], pair_prompts=("query", ""))


@pytest.mark.parametrize("aggregation", ["first", "average", "max"])
def test_entities(tagger_bundle: Path, aggregation: str) -> None:
    hold(tagger_bundle, [LONG, LONG * 4, "½½ 👍the cat, 今天 e\u0301e"], aggregation=aggregation,
         min_score=0.3)  # fmt: skip


@pytest.mark.parametrize("margin", [None, 0.1])
def test_answers(answerer_bundle: Path, margin: float | None) -> None:
    further = [Question("what?", LONG), Question(LONG, LONG * 3), Question("", ""),
               Question("who 👍?", "👍 the team won 今天 ")]  # fmt: skip
    hold(answerer_bundle, [*further], null_margin=margin, top_k=3, max_answer_tokens=7)


def test_two_hundred_inputs_of_any_kind(tiny_bundle: Path, answerer_bundle: Path) -> None:
    for bundle, own in ((tiny_bundle, "mine"), (answerer_bundle, Question("mine?", "mine"))):
        with edgeft.load(bundle, device="cpu") as model:
            asked = asked_of(model.task, model.max_length, ())
            assert len(asked) == MOST_ASKED
            assert len({*asked}) == len(asked)
            few = asked_of(model.task, model.max_length, [own])  # type: ignore[list-item]
            assert own in few
            assert len({*few}) == len(few) == MOST_ASKED
        many = [
            f"mine {at}" if isinstance(own, str) else Question("mine?", f"mine {at}")
            for at in range(1000)
        ]
        found = asked_of(model.task, model.max_length, many)
        assert len({*found}) == len(found) == MOST_ASKED
        assert sum(one in many for one in found) > 100


def test_where_nothing_is_rounded_every_answer_must_be_equal() -> None:
    for variant, least in {"fp32": 200, "portable": 200, "int8": 198, "q4": 198}.items():
        assert least_equal(variant, 200) == least
        proven = Proven(200, least, least, 0.0, 1.0, "Chrome 1", different=(7,))
        hold_site(proven, ["x"] * 200)
        with pytest.raises(GateError, match=f"only {least - 1} of 200"):
            hold_site(replace(proven, equal=least - 1), ["x"] * 200)
    assert "all must be" in str(Proven(200, 200, 200, 0.0, 1.0, "Chrome 1"))
    assert "at least 198 must be" in str(Proven(200, 200, 198, 0.0, 1.0, "Chrome 1"))


def test_what_counts_as_the_same() -> None:
    one = {"label": "a", "score": 0.5, "truncated": False, "scores": {"a": 0.5, "b": 0.5}}
    assert _apart({**one, "scores": {"b": 0.5, "a": 0.501}}, one) == pytest.approx(0.001)
    assert _apart({**one, "score": 1}, {**one, "score": 1.0}) == 0
    for wrong in ({"label": "b"}, {"truncated": 0}, {"scores": {"a": 0.5}}, {"score": None}):
        assert _apart({**one, **wrong}, one) > NEAR
    assert _apart([1, 2], [1]) > NEAR
    assert _apart([3.0, 4], [3.0, 4.5]) == pytest.approx(0.5 / 29.25**0.5)
    assert _apart([0, 0], [0.0, 0.0]) == 0
    assert _apart([0.1, "0.2"], [0.1, 0.2]) > NEAR
    assert _apart({"start": 3}, {"start": 4}) > NEAR
