"""Batches of rows get the answers of ``edgeft predict``, in a process of its own or not."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas
import pyarrow
import pytest

import edgeft
from edgeft.cluster import Predictor, spark_predictor
from edgeft.errors import DataError, UsageError
from tests.cluster.rows import TEXTS

CLASSIFIED = ["predicted_label", "predicted_score", "predicted_truncated",
              "predicted_unknown_share"]  # fmt: skip


def _expected(bundle: Path, inputs: list[Any]) -> list[str | None]:
    with edgeft.load(bundle, variant="fp32") as model:
        found = iter(model.predict([one for one in inputs if one is not None]))
        return [
            None if one is None
            else json.dumps(model.task.show(next(found), False), ensure_ascii=False)
            for one in inputs
        ]  # fmt: skip


def _objects(values: list[Any]) -> Any:
    found = np.empty(len(values), object)
    found[:] = values
    return found


def test_every_form_of_a_batch(tiny_bundle: Path) -> None:
    ids = [*range(len(TEXTS))]
    expected = _expected(tiny_bundle, TEXTS)
    with (predict := Predictor(tiny_bundle, variant="fp32")).model:
        as_dict = predict({"id": np.array(ids), "text": _objects(TEXTS)})
        as_pandas = predict(pandas.DataFrame({"id": ids, "text": TEXTS}))
        as_arrow = predict(pyarrow.table({"id": ids, "text": TEXTS}))
    names = ["id", "text", "prediction", *CLASSIFIED]
    assert list(as_dict) == list(as_pandas) == as_arrow.column_names == names
    assert as_dict["prediction"].tolist() == expected
    assert [one if isinstance(one, str) else None for one in as_pandas["prediction"]] == expected
    rows = as_arrow.to_pylist()
    assert [row["prediction"] for row in rows] == expected
    assert [row["id"] for row in rows] == ids
    for row in rows:
        told = json.loads(row["prediction"] or "null")
        for name in CLASSIFIED:
            assert row[name] == (told and told[name.removeprefix("predicted_")])


def test_pairs_questions_and_vectors(
    pair_bundle: Path, answerer_bundle: Path, encoder_bundle: Path
) -> None:
    one, other = ["a cat", None, "猫"], ["a dog", "b", "狗 😀"]
    pairs = [None if a is None or b is None else edgeft.Pair(a, b)
             for a, b in zip(one, other, strict=True)]  # fmt: skip
    batch = {"premise": _objects(one), "hypothesis": _objects(other)}
    with (predict := Predictor(pair_bundle, variant="fp32")).model:
        assert predict(batch)["prediction"].tolist() == _expected(pair_bundle, pairs)
    questions = [edgeft.Question("who sat", "the cat sat")]
    batch = {"q": _objects(["who sat"]), "context": _objects(["the cat sat"])}
    with (predict := Predictor(answerer_bundle, variant="fp32", question_column="q")).model:
        found = predict(batch)
    assert found["prediction"].tolist() == _expected(answerer_bundle, questions)
    with (predict := Predictor(encoder_bundle, variant="fp32")).model:
        found = predict({"text": _objects(["the cat", None])})
        width = predict.model.head.dimensions
    assert len(found["predicted_vector"][0]) == width
    assert found["predicted_vector"][1] is None
    assert found["predicted_vector"][0] == json.loads(found["prediction"][0])["vector"]


def test_what_a_batch_lacks_is_told(tiny_bundle: Path, pair_bundle: Path) -> None:
    with (predict := Predictor(tiny_bundle, variant="fp32")).model:
        with pytest.raises(DataError, match="The batch has no text column under a usual name"):
            predict({"id": np.arange(2)})
        with pytest.raises(UsageError, match="a column 'predicted_label'"):
            predict({"text": _objects(["a"]), "predicted_label": _objects(["b"])})
    with (
        (predict := Predictor(pair_bundle, variant="fp32", text_column="text")).model,
        pytest.raises(DataError, match="pairs of texts are wanted"),
    ):
        predict({"text": _objects(["a"])})
    with pytest.raises(UsageError, match="text_column names 3 columns"):
        Predictor(tiny_bundle, text_column=["a", "b", "c"])


def test_the_function_for_spark(tiny_bundle: Path, pair_bundle: Path, encoder_bundle: Path) -> None:
    predict = spark_predictor(tiny_bundle, variant="fp32")()
    assert predict(_objects(TEXTS)).tolist() == _expected(tiny_bundle, TEXTS)
    fields = spark_predictor(tiny_bundle, variant="fp32", fields=["label", "score"])()
    found = fields(_objects(TEXTS))
    told = [json.loads(one or "{}") for one in _expected(tiny_bundle, TEXTS)]
    assert found["label"].tolist() == [one.get("label") for one in told]
    assert found["score"].tolist() == [one.get("score") for one in told]
    pairs = spark_predictor(pair_bundle, variant="fp32")()
    found = pairs(_objects(["a cat"]), _objects(["a dog"]))
    either = spark_predictor(tiny_bundle, variant="fp32", pairs=True)()
    assert json.loads(either(_objects(["a"]), _objects(["b"]))[0]).keys() >= {"label", "score"}
    assert found.tolist() == _expected(pair_bundle, [edgeft.Pair("a cat", "a dog")])
    vectors = spark_predictor(encoder_bundle, variant="fp32", fields=["vector"])()
    found = vectors(_objects(["the cat", None]))["vector"]
    assert (found.ndim, np.isnan(found).all(axis=1).tolist()) == (2, [False, True])


def test_neither_ray_nor_pyspark_is_imported() -> None:
    code = (
        "import sys; from edgeft.cluster import Predictor, predict_parquet, spark_predictor\n"
        "assert not {'ray', 'pyspark', 'pyarrow', 'pandas', 'fsspec'} & {*sys.modules}"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
