"""On a local Spark, which needs Java: `make test-cluster`."""

import json
import os
import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

import edgeft
from tests.cluster.rows import many, write_rows

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(find_spec("pyspark") is None, reason="pyspark is not installed"),
    pytest.mark.skipif(shutil.which("java") is None, reason="there is no Java"),
]
ROOT = Path(__file__).parents[2]
PROGRAM = """
import json, sys
from pyspark.ml.functions import predict_batch_udf
from pyspark.sql import SparkSession
from pyspark.sql.types import DoubleType, StringType, StructField, StructType
from edgeft.cluster import spark_predictor
bundle = sys.argv[1]
spark = SparkSession.builder.master("local[2]").config("spark.ui.enabled", "false").getOrCreate()
rows = spark.read.parquet(sys.argv[2]).repartition(2)
line = predict_batch_udf(
    spark_predictor(bundle, variant="fp32"), return_type=StringType(), batch_size=16
)
fields = predict_batch_udf(
    spark_predictor(bundle, variant="fp32", fields=("label", "score")),
    return_type=StructType(
        [StructField("label", StringType()), StructField("score", DoubleType())]
    ),
    batch_size=16,
)
def threads():
    import os
    inner = spark_predictor(bundle, variant="fp32")()
    def told(texts):
        import numpy
        inner(texts)
        answered = inner.__closure__[0].cell_contents
        names = [*answered.__code__.co_freevars]
        model = answered.__closure__[names.index("model")].cell_contents
        return numpy.array([f"{model.threads} {os.environ['TOKENIZERS_PARALLELISM']}"] * len(texts))
    return told
thread = predict_batch_udf(threads, return_type=StringType(), batch_size=16)
pairs = predict_batch_udf(
    spark_predictor(bundle, variant="fp32", pairs=True), return_type=StringType(),
    batch_size=16,
)
found = rows.select("id", line("text").alias("line"), fields("text").alias("fields"),
                    thread("text").alias("threads"), pairs("text", "other").alias("pairs"))
for row in found.collect():
    told = [row.id, row.line, [row.fields.label, row.fields.score], row.threads, row.pairs]
    print("row", json.dumps(told))
"""


def test_both_forms_of_the_function(tiny_bundle: Path, tmp_path: Path) -> None:
    columns = {**many(100), "other": ["the cat", None] * 50}
    source = write_rows(tmp_path, **columns)
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(tiny_bundle), str(source)], capture_output=True,
        text=True, check=False, timeout=300,
        env={**os.environ, "PYTHONPATH": str(ROOT), "PYSPARK_PYTHON": sys.executable},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    rows = [json.loads(line[4:]) for line in done.stdout.splitlines() if line.startswith("row ")]
    rows.sort()
    with edgeft.load(tiny_bundle, variant="fp32", threads=1) as model:
        shown = [model.task.show(one, False) for one in model.predict(columns["text"])]
    assert [row[0] for row in rows] == columns["id"]
    for (at, line, fields, threads, pair), one in zip(rows, shown, strict=True):
        told = json.loads(line)
        assert told["label"] == one["label"]
        assert told["score"] == pytest.approx(one["score"], abs=1e-5)
        assert fields == [told["label"], told["score"]]
        assert threads == "1 false"
        assert (pair is None) == (at % 2 == 1)
