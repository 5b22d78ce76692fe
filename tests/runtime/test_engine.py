"""Padding and binding: the same logits, however arrays reach the session."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgeft.errors import RunError
from edgeft.runtime.batching import bucket_length, join_oldest
from edgeft.runtime.engine import BoundEngine, Ends, PlainEngine, pad
from edgeft.runtime.providers import DeviceName
from edgeft.runtime.session import SessionOptions, device_of, open_session
from edgeft.tasks.encoded import Part
from tests.encoded import parts

NAMES = ("input_ids", "attention_mask", "token_type_ids")
LOGITS = {"logits": ("inputs", "labels")}
ENDS = Ends(NAMES, {"input_ids": 9}, LOGITS)
TYPED = Ends(NAMES, {"input_ids": 9, "token_type_ids": 4}, {})
ROWS = parts([2, 40, 41, 42, 43, 3], [2, 50, 3], [2, 3])


@pytest.mark.parametrize("length", [0, 8])
def test_padding_by_hand(length: int) -> None:
    feed = pad([Part([5, 6, 7], range(3), 3, [0, 1, 1]), *parts([8])], TYPED, length)
    more = max(0, length - 3)
    assert feed["input_ids"].tolist() == [[5, 6, 7] + [9] * more, [8, 9, 9] + [9] * more]
    assert feed["attention_mask"].tolist() == [[1, 1, 1] + [0] * more, [1, 0, 0] + [0] * more]
    assert feed["token_type_ids"].tolist() == [[0, 1, 1] + [4] * more, [0, 4, 4] + [4] * more]
    assert {array.dtype.name for array in feed.values()} == {"int64"}


def test_a_single_row_is_not_padded() -> None:
    feed = pad(parts([5, 6]), Ends(("input_ids", "attention_mask"), {}, {}))
    assert {name: array.tolist() for name, array in feed.items()} == {
        "input_ids": [[5, 6]],
        "attention_mask": [[1, 1]],
    }


@pytest.mark.parametrize("graphs", [False, True])
def test_bound_buffers_give_the_same_logits(tiny_bundle: Path, graphs: bool) -> None:
    path = tiny_bundle / "onnx" / "model.onnx"
    session = open_session(path, DeviceName("cpu"), SessionOptions(threads=1))
    plain = PlainEngine(session, ENDS)
    # Buffers of the CPU stand in for a GPU's: the binding is the same.
    bound = BoundEngine(session, ENDS, device=("cpu", 0), max_length=64, graphs=graphs)
    for some in (ROWS, ROWS[:1], ROWS[1:2], ROWS[:1], parts([2, *range(40, 70), 3])):
        found = bound.run(some)
        assert list(found) == ["logits"]
        np.testing.assert_allclose(found["logits"], plain.run(some)["logits"], atol=1e-5)
    assert sorted(bound._recorded) == ([8, 32] if graphs else [])
    with pytest.raises(RunError, match="1 texts of 8 tokens"):
        bound.run(parts([10**6]))


def test_nodes_are_counted_by_provider(tiny_bundle: Path) -> None:
    path = tiny_bundle / "onnx" / "model.onnx"
    session = open_session(path, DeviceName("cpu"), SessionOptions(threads=1, spin=True))
    device = device_of(session, DeviceName("cpu"))
    assert device.nodes["CPUExecutionProvider"] > 10


@given(st.integers(1, 512))
def test_buckets_are_few_and_near(length: int) -> None:
    bucket = bucket_length(length, 512)
    assert length <= bucket <= max(8, length + 7, length * 9 / 8)
    assert bucket_length(bucket, 512) == bucket
    assert len({bucket_length(at, 512) for at in range(1, 513)}) <= 36
    assert bucket_length(length, length) == length


@given(st.lists(st.integers(2, 512), min_size=1, max_size=80))
def test_the_oldest_is_joined_by_its_like(lengths: list[int]) -> None:
    batch = join_oldest(lengths, budget=1024, max_padding=0.1)
    assert batch[0] == 0
    assert len(set(batch)) == len(batch)
    cost = len(batch) * max(lengths[at] for at in batch)
    assert len(batch) == 1 or cost <= 1024
    assert cost - sum(lengths[at] for at in batch) <= 0.1 * cost + 16
    same = [at for at, length in enumerate(lengths) if length == lengths[0]]
    assert len(batch) >= min(len(same), 1024 // lengths[0])
