"""The CPUs that are a worker's own, and the threads that keep to them.

A worker of Ray or Spark sees all cores of its machine, and a share of them is its own: that which
it was started with. Libraries that count the machine's cores start too many threads.
"""

import math
import os
import sys

from edgeft.runtime.cpu import usable_cores

__all__ = ["keep_to_share", "share_of_cpus"]


def share_of_cpus() -> int | None:
    """The CPUs that are this worker's own, at least 1; None outside of Ray's and Spark's workers.

    A fraction of one counts as one.
    """
    ray, pyspark = sys.modules.get("ray"), sys.modules.get("pyspark")
    if ray is not None and ray.is_initialized():
        context = ray.get_runtime_context()
        if context.worker.mode == ray.WORKER_MODE:
            return max(1, math.floor(float(context.get_assigned_resources().get("CPU", 1))))
    if pyspark is not None and (task := pyspark.TaskContext.get()) is not None:
        return max(1, int(task.cpus()))
    return None


def keep_to_share(threads: int | None = None) -> int:
    """The threads of this worker's model; tokenizers starts no more. To be called before a load.

    ``threads`` where they are told; else the worker's share, and outside of workers all usable
    cores. A worker's process is all its own, so its variables are set for good.
    """
    share = share_of_cpus()
    count = threads or share or usable_cores()
    if share is not None:
        os.environ["RAYON_NUM_THREADS"] = str(count)
        os.environ["TOKENIZERS_PARALLELISM"] = "true" if count > 1 else "false"
    return count
