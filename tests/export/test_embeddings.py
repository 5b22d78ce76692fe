"""The whole road of text encoders: exported, loaded, asked."""

import asyncio
import json
import subprocess
import sys
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import transformers
from click.testing import CliRunner

import edgeft
from edgeft.cli import main
from edgeft.errors import DataError, UsageError
from edgeft.export.run import ExportConfig, export
from edgeft.inputs import Pair
from edgeft.proof.battery import hold, verify
from edgeft.runtime.vectors import Vectors, in_form, vectors_of
from edgeft.tasks.embeddings import Embedding, Similarity
from edgeft.tasks.vectors import of_length_1
from tests import tiny
from tests.conftest import Make

TEXTS = [
    "the cat fell",
    "a happy dog won the game on a quiet day",
    "今天的天气很好，我们去公园散步吧。",
    "Great service 👍🎉",
    "",
    "the river " * 40,
]
NEAR = 1e-4


def by_hand(folder: Path, texts: list[str], pooling: str, max_length: int) -> Any:
    """What sentence-transformers defines, in a few lines of torch: (N, D), of any length."""
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    model = transformers.AutoModel.from_pretrained(folder).eval()
    rows = []
    for text in texts:
        feed = tokenizer(
            text, truncation=True, max_length=max_length, padding=False, return_tensors="pt"
        )
        with torch.inference_mode():
            tokens = model(**feed).last_hidden_state[0]  # (T, D)
        rows.append({"mean": tokens.mean(0), "cls": tokens[0], "last": tokens[-1]}[pooling])
    return torch.stack(rows)


OTHER = """import json, sys
import numpy
from sentence_transformers import SentenceTransformer

checkpoint, bundle, out = sys.argv[1:]
onnx = {"backend": "onnx", "model_kwargs": {"file_name": "onnx/model.onnx",
        "provider": "CPUExecutionProvider"}}
model = (SentenceTransformer(checkpoint, device="cpu") if bundle == "none"
         else SentenceTransformer(bundle, device="cpu", **onnx))
numpy.save(out, model.encode(json.load(sys.stdin)))
"""


def by_sentence_transformers(folder: Path, bundle: str, texts: list[str], out: Path) -> Any:
    """The library's own vectors, or those of its ONNX backend for a bundle; a process apart."""
    done = subprocess.run(
        [sys.executable, "-c", OTHER, str(folder), bundle, str(out)],
        input=json.dumps(texts), text=True, capture_output=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return np.load(out)


@pytest.fixture(scope="session")
def bundle(made_once: Make, tmp_path_factory: pytest.TempPathFactory) -> Path:
    checkpoint = made_once("sentences-checkpoint", tiny.sentences)
    return made_once("sentences-bundle", lambda out: export(ExportConfig(str(checkpoint), out)).out)


@pytest.fixture
def model(bundle: Path) -> Iterator[edgeft.Model[Embedding]]:
    with edgeft.load(bundle, task="feature-extraction", device="cpu", variant="fp32") as model:
        yield model


@pytest.mark.parametrize(
    ("mode", "unit_length"), [("mean_tokens", False), ("cls_token", True), ("lasttoken", True)]
)
def test_vectors_are_those_of_the_modules(mode: str, unit_length: bool, tmp_path: Path) -> None:
    folder = tiny.sentences(tmp_path / "c", pooling=mode, unit_length=unit_length)
    out = export(ExportConfig(str(folder), tmp_path / "b", variants=("fp32",))).out
    pooling = mode.split("_")[0].removesuffix("token")
    expected = by_hand(folder, TEXTS, pooling, 24)
    if unit_length:
        expected = torch.nn.functional.normalize(expected, p=2, dim=1)
    with edgeft.load(out, device="cpu") as model:
        found = model.embed(TEXTS)
        np.testing.assert_allclose(found, expected, atol=NEAR)
        if not unit_length:
            np.testing.assert_array_equal(model.embed(TEXTS, 8), found[:, :8])


def test_a_plain_encoder_gets_its_pooling(tmp_path: Path) -> None:
    folder = tiny.encoder(tmp_path / "c")
    done = CliRunner().invoke(
        main,
        ["export", str(folder), "-o", str(tmp_path / "b"), "--task", "feature-extraction",
         "--pooling", "cls", "--variant", "fp32"],
    )  # fmt: skip
    assert done.exit_code == 0, done.output
    assert "moved by neighbours" in done.output.replace("\n", " ") or "neighbours" in done.output
    with edgeft.load(tmp_path / "b", device="cpu") as model:
        expected = by_hand(folder, TEXTS, "cls", tiny.POSITIONS)
        np.testing.assert_allclose(model.embed(TEXTS), expected, atol=NEAR)


def test_what_is_recorded_of_vectors(bundle: Path) -> None:
    manifest = json.loads((bundle / "edgeft.json").read_text(encoding="utf-8"))
    record = manifest["models"]["main"]
    assert (record["task"], record["labels"]) == ("feature-extraction", [])
    assert record["head"] == {
        "pooling": "mean", "unit_length": True, "dimensions": 32, "prompts": {"query": "find the "},
        "pair_prompts": ["", ""],
    }  # fmt: skip
    assert "feature-extraction" in manifest["requires"]
    assert {"modules.json", "1_Pooling/config.json"} <= manifest["files"].keys()
    measured = {name: one["measured"]["batch"] for name, one in record["variants"].items()}
    assert measured["fp32"]["moved"] == 0
    assert measured["int8"]["moved"] >= 0
    card = (bundle / "README.md").read_text(encoding="utf-8")
    assert "Vectors have 32 numbers: mean pooling, brought to length 1." in card
    assert "a text's vector moves a little with its neighbours" in card
    assert sorted(record["variants"]) == ["fp32", "int8"]
    assert "or use fp32, whose vectors do not move" in card
    assert "SentenceTransformer(" in card


def test_every_way_to_ask_gives_the_same_vectors(model: edgeft.Model[Embedding]) -> None:
    whole = model.embed(TEXTS)
    assert whole.shape == (len(TEXTS), 32)
    assert whole.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(whole, axis=1), 1, atol=1e-5)
    for at, text in enumerate(TEXTS):
        one = model.predict(text)
        assert one.truncated == (at == 5)
        np.testing.assert_allclose(one.vector, whole[at], atol=NEAR)
    for one, row in zip(model.predict(TEXTS), whole, strict=True):
        np.testing.assert_allclose(one.vector, row, atol=NEAR)

    async def ask() -> list[Embedding]:
        return list(await asyncio.gather(*map(model.apredict, TEXTS)))

    for one, row in zip(asyncio.run(ask()), whole, strict=True):
        np.testing.assert_allclose(one.vector, row, atol=NEAR)


def test_many_texts_keep_their_order(model: edgeft.Model[Embedding]) -> None:
    assert model.embed([]).shape == (0, 32)
    assert model.embed([], form="binary").shape == (0, 4)
    some = [" ".join(tiny.WORDS[at % 7 : at % 7 + at % 5]) for at in range(10_000)]
    found = model.embed(some)
    assert found.shape == (10_000, 32)
    for at in (0, 1, 1023, 1024, 9_999):
        np.testing.assert_allclose(found[at], model.embed([some[at]])[0], atol=NEAR)


def test_dimensions_cut_and_bring_to_length_1_anew(model: edgeft.Model[Embedding]) -> None:
    whole, cut = model.embed(TEXTS), model.embed(TEXTS, 8)
    np.testing.assert_allclose(cut, of_length_1(whole[:, :8]), atol=1e-6)
    np.testing.assert_array_equal(model.embed(TEXTS, dimensions=32), whole)
    for wrong in (0, -1, 33, 10_000):
        with pytest.raises(UsageError, match=f"dimensions is {wrong:,}; .* have 32 numbers"):
            model.embed(TEXTS, wrong)
    with pytest.raises(TypeError, match="must be an int, not float"):
        model.embed(TEXTS, 8.0)  # type: ignore[arg-type]


def test_other_forms(model: edgeft.Model[Embedding]) -> None:
    whole = model.embed(TEXTS)
    codes, bits = model.embed(TEXTS, form="int8"), model.embed(TEXTS, 12, form="binary")
    assert (codes.dtype, codes.shape) == (np.int8, whole.shape)
    close = (of_length_1(codes.astype(np.float32)) * whole).sum(axis=1)
    assert close.min() > 0.999
    assert (bits.dtype, bits.shape) == (np.uint8, (len(TEXTS), 2))
    np.testing.assert_array_equal(np.unpackbits(bits, axis=1, count=12), whole[:, :12] > 0)
    with pytest.raises(UsageError, match="no form 'int4'"):
        model.embed(TEXTS, form="int4")  # type: ignore[arg-type]
    # One range for all: the same vector has the same code whatever stands beside it.
    row = np.array([[3.0, 0, 0, 4.0]], np.float32)
    beside = np.concatenate([row, 100 * np.eye(4, dtype=np.float32)])
    np.testing.assert_array_equal(in_form(row, "int8")[0], in_form(beside, "int8")[0])
    np.testing.assert_array_equal(in_form(row, "int8"), [[19, 0, 0, 25]])


def test_prompts_stand_before_texts(model: edgeft.Model[Embedding]) -> None:
    found = model.embed(["cat"], prompt="query")
    np.testing.assert_array_equal(found, model.embed(["find the cat"]))
    np.testing.assert_array_equal(model.embed(["cat"], prompt=""), model.embed(["cat"]))
    with pytest.raises(UsageError, match="no prompt 'passage'") as caught:
        model.embed(["cat"], prompt="passage")
    assert "It has query" in caught.value.hint


def test_texts_are_ranked_by_their_cosine(model: edgeft.Model[Embedding]) -> None:
    cosines = model.embed(TEXTS) @ model.embed(["cat"], prompt="query")[0]
    found = model.rank("cat", TEXTS, top=3)
    assert [one.index for one in found] == np.argsort(-cosines)[:3].tolist()
    assert found[0].text == TEXTS[found[0].index]
    np.testing.assert_allclose([one.score for one in found], np.sort(cosines)[::-1][:3], atol=NEAR)
    assert model.rank("cat", []) == []
    with pytest.raises(UsageError, match="no label 'glad' to rank by"):
        model.rank("cat", TEXTS, label="glad")


def test_windows_are_averaged_and_brought_to_length_1(bundle: Path) -> None:
    with edgeft.load(bundle, device="cpu", variant="fp32", on_long="window") as model:
        one = model.predict(TEXTS[5])
        assert one.windows > 2
        assert not one.truncated
        np.testing.assert_allclose(np.linalg.norm(one.vector), 1, atol=1e-6)
        np.testing.assert_allclose(model.embed(TEXTS)[5], one.vector, atol=NEAR)


def test_a_pair_gets_the_cosine_of_its_texts(model: edgeft.Model[Any]) -> None:
    pairs = [Pair(one, other) for one in TEXTS for other in TEXTS]
    found = model.predict(pairs)
    vectors = model.embed(TEXTS)
    scores = np.array([one.score for one in found]).reshape(len(TEXTS), -1)
    np.testing.assert_allclose(scores, vectors @ vectors.T, atol=NEAR)
    assert isinstance(found[0], Similarity)
    assert found[5].truncated
    assert model.predict(pairs[7]).score == pytest.approx(found[7].score, abs=NEAR)
    mixed = model.predict([TEXTS[0], pairs[1], TEXTS[1]])
    assert [type(one) for one in mixed] == [Embedding, Similarity, Embedding]


def test_what_gives_no_vectors_says_so(bundle: Path, tiny_bundle: Path) -> None:
    told = "text-classification, which gives no vectors"
    with edgeft.load(tiny_bundle, device="cpu") as model, pytest.raises(UsageError, match=told):
        model.embed(TEXTS)
    with pytest.raises(UsageError, match="of the task feature-extraction, not text-class"):
        edgeft.load(bundle, task="text-classification")
    with edgeft.load(bundle, device="cpu") as model:
        with pytest.raises(TypeError, match="embed takes a list of texts, not one str"):
            model.embed("the cat")
        with pytest.raises(TypeError, match=r"texts\[1\] must be a str"):
            model.embed(["the cat", Pair("a", "b")])  # type: ignore[list-item]


def test_alone_no_vector_moves(bundle: Path) -> None:
    with edgeft.load(bundle, device="cpu", variant="int8", batch_invariant=True) as model:
        whole = model.embed(TEXTS)
        for at, text in enumerate(TEXTS):
            np.testing.assert_array_equal(model.embed([text])[0], whole[at])


def test_it_is_verified(bundle: Path) -> None:
    results = verify(bundle, TEXTS, device="cpu")
    assert all(one.golden and one.golden.passed for one in results.values())
    assert results["int8"].agreement is not None
    hold(results, 1)


@pytest.fixture(scope="module")
def similar(bundle: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Pairs with the very order of the model's own cosines, and some noise."""
    texts = [" ".join(tiny.WORDS[at : at + 2 + at % 5]) for at in range(24)]
    pairs = [
        Pair(one, texts[(at + step) % len(texts)])
        for step in (5, 9, 13)
        for at, one in enumerate(texts)
    ]
    with edgeft.load(bundle, device="cpu", variant="fp32") as model:
        scores = np.array([one.score for one in model.predict(pairs)])
    ranks = scores.argsort().argsort() / len(scores) * 5
    path = tmp_path_factory.mktemp("similar") / "s.csv"
    rows = [f"{p.first},{p.second},{rank:.3f}" for p, rank in zip(pairs, ranks, strict=True)]
    path.write_text("\n".join(["sentence1,sentence2,score", *rows, ""]), encoding="utf-8")
    return path


def test_pairs_with_numbers_judge_vectors(
    bundle: Path, similar: Path, made_once: Make, tmp_path: Path
) -> None:
    told = CliRunner().invoke(main, ["eval", str(bundle), str(similar), "--json"])
    assert told.exit_code == 0, told.output
    figures = json.loads(told.stdout)["variants"]["fp32"]
    assert figures["spearman"] == pytest.approx(1, abs=0.01)
    assert figures["parts"][0]["mean_cosine"] < figures["parts"][-1]["mean_cosine"]
    told = CliRunner().invoke(main, ["eval", str(bundle), str(similar)])
    assert "Spearman" in told.output
    told = CliRunner().invoke(
        main, ["verify", str(bundle), "--data", str(similar), "--max-drop", "100"]
    )
    assert told.exit_code == 0, told.output
    checkpoint = made_once("sentences-checkpoint", tiny.sentences)
    config = ExportConfig(str(checkpoint), tmp_path / "b", data=similar, max_drop=100)
    result = export(config)
    assert result.torch is not None
    assert result.torch.figure("spearman") == pytest.approx(1, abs=0.02)
    for name, report in result.reports.items():
        assert report.drop is not None
        assert [loss.name for loss in report.drop.losses] == ["spearman", "pearson"]
        head = result.manifest.model.head_of(name)
        assert (head.pooling, head.dimensions, head.unit_length) == ("mean", 32, True)
    with edgeft.load(config.out, device="cpu", variant="int8") as model:
        assert model.embed(["the cat"], prompt="query").shape == (1, 32)


def test_numbers_of_single_texts_judge_nothing(bundle: Path, tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text("text,label\nthe cat,4\nthe dog,2\n", encoding="utf-8")
    told = CliRunner().invoke(main, ["verify", str(bundle), "--data", str(path)])
    assert told.exit_code == 0, told.output
    assert "vectors are judged by pairs of texts, so 'label' is not read" in " ".join(
        told.stderr.split()
    )
    told = CliRunner().invoke(main, ["predict", str(bundle), str(path), "--scores"])
    assert told.exit_code == 2
    assert "a text encoder has no labels" in told.stderr
    told = CliRunner().invoke(main, ["eval", str(bundle), str(path)])
    assert told.exit_code == 1
    told = CliRunner().invoke(main, ["eval", str(bundle), str(path), "--label-column", "label"])
    assert told.exit_code == 1
    assert "numbers say how alike two texts are" in " ".join(told.output.split())


def test_it_is_measured(bundle: Path, similar: Path) -> None:
    told = CliRunner().invoke(
        main,
        ["bench", str(bundle), "--data", str(similar), "--variant", "int8", "--samples", "20",
         "--rounds", "1", "--json"],
    )  # fmt: skip
    assert told.exit_code == 0, told.output
    assert all(cell["p50_ms"] > 0 for cell in json.loads(told.stdout)["cells"])


def test_vectors_of_two_bundles_are_never_compared(
    bundle: Path, model: edgeft.Model[Embedding], tmp_path: Path
) -> None:
    ours = vectors_of(model, TEXTS)
    np.testing.assert_allclose(ours.similarity(ours), ours.array @ ours.array.T, atol=NEAR)
    ours.save(tmp_path / "v.npz")
    again = Vectors.read(tmp_path / "v.npz")
    assert (again.digest, again.form, again.dimensions) == (model.manifest.digest, "float32", 32)
    np.testing.assert_array_equal(again.array, ours.array)
    for form in ("int8", "binary"):
        some = vectors_of(model, TEXTS, 16, form=form)
        close = some.similarity(some)
        np.testing.assert_allclose(np.diag(close), 1, atol=1e-5)
        with pytest.raises(UsageError, match=f"have the form float32, the others {form}"):
            ours.similarity(some)
    with pytest.raises(UsageError, match="have the dimensions 32, the others 8"):
        ours.similarity(vectors_of(model, TEXTS, 8))
    checkpoint = tiny.sentences(tmp_path / "c", seed=1)
    other = export(ExportConfig(str(checkpoint), tmp_path / "b", variants=("fp32",))).out
    with edgeft.load(other, device="cpu") as second:
        theirs = vectors_of(second, TEXTS)
    with pytest.raises(UsageError, match="Vectors of two bundles cannot be compared"):
        again.similarity(theirs)
    (tmp_path / "x.npz").write_bytes(b"PK\x03\x04 no archive")
    for wrong in ("x.npz", "missing.npz"):
        with pytest.raises(DataError):
            Vectors.read(tmp_path / wrong)


@pytest.mark.slow
def test_the_real_minilm_is_as_sentence_transformers_has_it(minilm: Path, tmp_path: Path) -> None:
    out = export(ExportConfig(str(minilm), tmp_path / "b", variants=("fp32",))).out
    texts = [*TEXTS, "A man is eating food.", "Someone eats 🍜.", "word " * 600]
    expected = torch.nn.functional.normalize(by_hand(minilm, texts, "mean", 256), p=2, dim=1)
    with edgeft.load(out, device="cpu") as model:
        assert model.max_length == 256
        np.testing.assert_allclose(model.embed(texts), expected, atol=NEAR)
        manifest = model.manifest.model
        assert manifest.variants["fp32"].measured["fused_attention"] == 6
    if find_spec("sentence_transformers") is None:
        pytest.skip("sentence-transformers is not installed")
    for own in ("none", str(out)):
        theirs = by_sentence_transformers(minilm, own, texts, tmp_path / "theirs.npy")
        np.testing.assert_allclose(expected, theirs, atol=NEAR)
