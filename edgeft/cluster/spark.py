"""A function for Spark's ``predict_batch_udf``: each worker loads the bundle once."""

import os
from collections.abc import Callable, Sequence
from typing import Any, Unpack

import numpy as np

from edgeft.cluster.answers import inputs_from, json_line, shown_answers
from edgeft.cluster.threads import keep_to_share
from edgeft.data.arrow import text_cell
from edgeft.runtime.load import load
from edgeft.runtime.options import Options
from edgeft.tasks.reading import check_kind

__all__ = ["spark_predictor"]


def spark_predictor(
    bundle: str | os.PathLike[str],
    *,
    fields: Sequence[str] = (),
    pairs: bool = False,
    scores: bool = False,
    task: str | None = None,
    **options: Unpack[Options],
) -> Callable[[], Callable[..., Any]]:
    """What ``pyspark.ml.functions.predict_batch_udf`` makes its function of.

        predict = predict_batch_udf(
            edgeft.cluster.spark_predictor("build/news", variant="int8"),
            return_type=StringType(), batch_size=1024,
        )
        table.withColumn("prediction", predict("text"))

    The function takes a column of texts; two where a bundle is asked pairs alone, or questions and
    their contexts, and with ``pairs`` where it is asked either. It gives the JSON line of ``edgeft
    predict``, null for a null text. With ``fields`` it gives these of it, for a ``return_type``
    that is a StructType of strings, numbers, and an ArrayType for a vector, of NaN for a null text.

    The bundle lies under the same path on every machine. A model takes as many threads as Spark
    gives a task cores (``spark.task.cpus``). ``options`` are those of ``edgeft.load``; name a
    ``variant``, as "auto" is settled by each worker for itself.
    """
    fields, place = tuple(fields), os.fspath(bundle)

    def make() -> Callable[..., Any]:
        chosen: Options = {**options, "threads": keep_to_share(options.get("threads"))}
        model = load(place, task=task, **chosen)

        def answered(*columns: Any) -> Any:
            cells = [[text_cell(one) for one in column.tolist()] for column in columns]
            inputs = inputs_from(model.task, cells)
            check_kind("The column", model.task, [one for one in inputs if one is not None])
            answers = shown_answers(model, inputs, scores=scores)
            if not fields:
                return _array([None if one is None else json_line(one) for one in answers])
            return {
                name: _array([None if one is None else one.get(name) for one in answers])
                for name in fields
            }

        # Spark counts the parameters, and hands over so many columns.
        def of_one(texts: Any) -> Any:
            return answered(texts)

        def of_two(first: Any, second: Any) -> Any:
            return answered(first, second)

        return of_two if pairs or str not in model.task.takes else of_one

    return make


def _array(values: Sequence[Any]) -> Any:
    """(N,) objects, or the (N, D) numbers of vectors."""
    width = next((len(one) for one in values if isinstance(one, list)), 0)
    if width:
        return np.array([[np.nan] * width if one is None else one for one in values], np.float32)
    found = np.empty(len(values), object)
    found[:] = values
    return found
