"""Bundles on clusters whose engines exist: Ray Data and Spark. Neither is imported here.

threads.py    the CPUs that are a worker's own, and the threads that keep to them
answers.py    texts of columns to the JSON of ``edgeft predict``, and that to columns
predictor.py  a class for Ray Data's ``map_batches``
spark.py      a function for Spark's ``predict_batch_udf``
places.py     files here and in object stores: found, opened, written whole or not at all
parts.py      Parquet files, cut into parts whose rows are known before anything runs
record.py     what was asked, kept beside the parts, so that a broken run goes on
prepare.py    a request, checked and recorded before anything runs
work.py       one part: read, answered, written
run.py        all of them, on Ray Data
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from typing import Any

    from edgeft.cluster.predictor import Predictor
    from edgeft.cluster.run import predict_parquet
    from edgeft.cluster.spark import spark_predictor

__all__ = ["Predictor", "predict_parquet", "spark_predictor"]

_LAZY = {
    "Predictor": "edgeft.cluster.predictor",
    "predict_parquet": "edgeft.cluster.run",
    "spark_predictor": "edgeft.cluster.spark",
}


def __getattr__(name: str) -> "Any":
    if name not in _LAZY:
        raise AttributeError(f"module 'edgeft.cluster' has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(_LAZY[name]), name)
