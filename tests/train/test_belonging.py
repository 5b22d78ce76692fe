"""Vectors, trained on pairs that belong together: the loss by hand, and the whole road."""

import json
import math
import random
from pathlib import Path

import numpy as np
import pytest
import torch
from click.testing import CliRunner, Result

import edgeft
from edgeft.checkpoint.embedder import Embedded
from edgeft.cli import main
from edgeft.data.belonging import belonging_of
from edgeft.inputs import Pair
from edgeft.tasks.encoded import Encoded, Part, apart
from edgeft.train.batches import collate
from edgeft.train.objectives import objective_named
from edgeft.train.objectives.belonging import SCALE
from tests import tiny


def one(*ids: int) -> Encoded:
    return Encoded((Part(list(ids), range(len(ids)), len(ids)),))


def rows_of(*pairs: tuple[str, str, bool]) -> tuple[list[Pair], list[Encoded], list[object]]:
    """Texts are digits, which are their ids, too."""
    inputs = [Pair(first, second) for first, second, _ in pairs]
    encoded = [apart(one(*map(int, pair.first)), one(*map(int, pair.second))) for pair in inputs]
    truths = [belonging_of(pair, yes) for pair, (_, _, yes) in zip(inputs, pairs, strict=True)]
    return inputs, encoded, list(truths)


OBJECTIVE = objective_named("feature-extraction").fitted([belonging_of(Pair("a", "b"), True)])


def test_the_loss_is_the_cross_entropy_of_a_query_s_own_passage() -> None:
    inputs, encoded, truths = rows_of(("1", "4", True), ("2", "5", True), ("3", "6", True))
    targets = [row for some in OBJECTIVE.targets(inputs, encoded, truths, ()) for row in some]
    queries = torch.tensor([[1.0, 0], [0, 2], [1, 1]])  # of any length
    passages = torch.tensor([[1.0, 0], [1, 1], [0, 3]])
    vectors = torch.cat([queries, passages]).requires_grad_()
    batch = OBJECTIVE.pad([target for _, target in targets], 0)
    loss = OBJECTIVE.loss(Embedded(sentence_embedding=vectors), batch, None, 0.0)
    half = 1 / math.sqrt(2)
    near = [[1, half, 0], [0, half, 1], [half, 1, half]]
    wanted = sum(
        math.log(sum(math.exp(SCALE * (other - row[at])) for other in row))
        for at, row in enumerate(near)
    )
    assert float(loss.detach()) == pytest.approx(wanted, rel=1e-5)
    loss.backward()
    assert torch.isfinite(vectors.grad).all()
    in_rows = torch.cat([queries, passages]).reshape(2, 3, 2).transpose(0, 1).reshape(6, 2)
    plain = OBJECTIVE.numpy_loss({"sentence_embedding": in_rows.numpy()}, targets)
    assert plain == pytest.approx(wanted / 3, rel=1e-5)
    assert OBJECTIVE.count(targets) == 3


def test_what_belongs_is_no_rival_and_no_passage_counts_twice() -> None:
    inputs, encoded, truths = rows_of(
        ("1", "4", True), ("1", "5", True), ("2", "4", True), ("3", "6", True), ("3", "7", False)
    )
    rows = [row for some in OBJECTIVE.targets(inputs, encoded, truths, ()) for row in some]
    batch = collate(OBJECTIVE, 0)(rows)
    # The queries, their own passages, and the one third text behind all.
    assert batch["input_ids"].flatten().tolist() == [1, 1, 2, 3, 4, 5, 4, 6, 7]
    assert batch["labels"]["left_out"].tolist() == [
        [False, True, True, False, False],  # both of its passages, and the first once more
        [True, False, True, False, False],
        [True, False, False, False, False],  # its own stands in the first place as well
        [False, False, True, False, False],  # 4 stands there twice
    ]
    assert int(batch["labels"]["count"]) == 4
    alone = OBJECTIVE.pad([rows[0][1]], 0)
    given = Embedded(sentence_embedding=torch.eye(2))
    assert float(OBJECTIVE.loss(given, alone, None, 0.0)) == 0  # nothing to be told from


def test_every_third_text_is_learned_from_once() -> None:
    inputs, encoded, truths = rows_of(
        ("1", "4", True), ("1", "5", False), ("1", "6", False), ("1", "7", True),
        ("1", "8", False), ("1", "4", False), ("2", "9", False),
    )  # fmt: skip
    found = OBJECTIVE.targets(inputs, encoded, truths, ())
    ids = [[[part.ids[0] for part in parts] for parts, _ in some] for some in found]
    # 4 belongs, whatever another row says; and 2 has no passage that does.
    assert ids == [[[1, 4, 5]], [], [], [[1, 7, 6]], [[1, 4, 8]], [], []]
    told = OBJECTIVE.figures(inputs, encoded, truths, ())[0]
    assert told.value == {
        "queries": 2, "passages": 6, "pairs that belong": 2, "pairs that do not": 5,
    }  # fmt: skip
    assert "1 query has no passage that belongs" in told.warning


def run(*arguments: object) -> Result:
    return CliRunner().invoke(main, [str(one) for one in arguments])


def words(chance: random.Random, count: int) -> list[str]:
    return [chance.choice(tiny.WORDS) for _ in range(count)]


def test_the_whole_road(tmp_path: Path) -> None:
    chance = random.Random(0)
    triplets, pairs = ["anchor,positive,negative"], ["query,passage"]
    for at in range(120):
        query = words(chance, 5)
        passage, other = [*query[:3], *words(chance, 2)], words(chance, 5)
        if at < 80:
            triplets.append(",".join(" ".join(one) for one in (query, passage, other)))
        else:
            pairs.append(",".join(" ".join(one) for one in (query, passage)))
    data, test = tmp_path / "train.csv", tmp_path / "test.csv"
    data.write_text("\n".join([*triplets, ""]), encoding="utf-8")
    test.write_text("\n".join([*pairs, ""]), encoding="utf-8")
    folder, out, bundle = tiny.sentences(tmp_path / "c"), tmp_path / "run", tmp_path / "b"
    told = run("train", data, "--task", "feature-extraction", "--model", folder, "-o", out,
               "--epochs", "2", "--learning-rate", "0.001", "--max-length", "16")  # fmt: skip
    assert told.exit_code == 0, told.output
    assert "not to belong to it" in " ".join(told.output.split())
    record = json.loads((out / "training.json").read_text())
    assert record["curve"][1]["train_loss"] < record["curve"][0]["train_loss"]
    best = max(one["ndcg_at_10"] for one in record["curve"])
    assert record["validation"]["ndcg_at_10"] == pytest.approx(best)

    told = run("export", out, "-o", bundle, "--data", test, "--max-drop", "100",
               "--variant", "fp32", "--variant", "int8")  # fmt: skip
    assert told.exit_code == 0, told.output
    manifest = json.loads((bundle / "edgeft.json").read_text())
    assert {"ndcg_at_10", "recall_at_10", "rows"} <= manifest["provenance"]["training"][
        "validation"
    ].keys()
    measured = manifest["models"]["main"]["variants"]["int8"]["measured"]
    assert measured["scores"].keys() == {"ndcg_at_10", "recall_at_10", "rows"}
    assert measured["drop"]["recall_at_10"].keys() == {"points", "low", "high"}
    card = (bundle / "README.md").read_text(encoding="utf-8")
    assert "same top 10 as torch | nDCG@10 | recall@10" in card
    assert "the original has an nDCG@10 of" in card

    told = run("eval", bundle, test, "--variant", "fp32", "--json")
    assert told.exit_code == 0, told.output
    found = json.loads(told.stdout)["variants"]["fp32"]
    assert (found["queries"], found["passages"], found["rows"]) == (40, 40, 40)
    assert found["ndcg_at_10"] >= 0.5  # by chance 0.06
    told = run("verify", bundle, "--data", test, "--max-drop", "100")
    assert told.exit_code == 0, told.output
    assert "nDCG@10 lost" in told.output
    assert "same top 10 as fp32" in told.output
    told = run(
        "bench",
        bundle,
        "--data",
        test,
        "--variant",
        "fp32",
        "-o",
        tmp_path / "bench.json",
        "--seconds",
        "0.1",
    )
    assert told.exit_code == 0, told.output
    told = run("report", tmp_path / "bench.json", "-o", tmp_path / "page.html")
    assert told.exit_code == 0, told.output
    assert "nDCG@10" in (tmp_path / "page.html").read_text(encoding="utf-8")
    told = run("predict", bundle, test, "--variant", "fp32")
    assert told.exit_code == 0, told.output
    scores = [json.loads(line)["score"] for line in told.stdout.splitlines()]
    with edgeft.load(bundle, device="cpu", variant="fp32") as model:
        first = pairs[1].split(",")
        both = [*model.embed(first[:1], prompt="query"), *model.embed(first[1:])]
        assert model.max_length == 16
    np.testing.assert_allclose(scores[0], both[0] @ both[1], atol=1e-5)


def test_what_no_vectors_are_learned_from(tmp_path: Path) -> None:
    def told(name: str, content: str, *more: object) -> str:
        path = tmp_path / name
        path.write_text(content, encoding="utf-8")
        done = run("train", path, "--task", "feature-extraction", "-o", tmp_path / "run", *more)
        assert done.exit_code == 1, done.output
        return " ".join(done.output.split())

    assert "one pair alone" in told("one.csv", "query,passage\na,b\n")
    assert "'negative' is empty" in told("bad.csv", "anchor,positive,negative\na,p,n\nb,q,\n")
    scored = tmp_path / "scored.csv"
    scored.write_text("sentence1,sentence2,score\na,b,1\nc,d,2.5\n", encoding="utf-8")
    mixed = told("pairs.csv", "query,passage\na,b\nc,d\n", "--validation", scored)
    assert "Spearman and Pearson" in mixed
    assert "nDCG@10 and recall@10" in mixed
