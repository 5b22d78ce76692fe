import random

import torch

from edgeft.tasks.encoded import Part
from edgeft.train.batches import BatchOrder, collate, epoch_batches, length_batches
from edgeft.train.objectives.classification import OBJECTIVE

CHANCE = random.Random(7)
LENGTHS = [CHANCE.randint(3, 60) for _ in range(1003)]


def flat(batches: list[list[int]]) -> list[int]:
    return [row for batch in batches for row in batch]


def test_an_epoch_has_each_row_once() -> None:
    batches = epoch_batches(LENGTHS, 8, seed=0, epoch=0)
    assert sorted(flat(batches)) == list(range(len(LENGTHS)))
    assert len(batches) == 126  # ceil(1003 / 8)


def test_the_order_is_a_function_of_seed_and_epoch() -> None:
    first = epoch_batches(LENGTHS, 8, seed=0, epoch=0)
    assert first == epoch_batches(LENGTHS, 8, seed=0, epoch=0)
    assert first != epoch_batches(LENGTHS, 8, seed=0, epoch=1)
    assert first != epoch_batches(LENGTHS, 8, seed=1, epoch=0)


def test_the_order_depends_on_no_global_state() -> None:
    random.seed(1)
    torch.manual_seed(1)
    first = epoch_batches(LENGTHS, 8, seed=0, epoch=3)
    random.seed(2)
    torch.manual_seed(2)
    assert first == epoch_batches(LENGTHS, 8, seed=0, epoch=3)


def _padding(batches: list[list[int]]) -> int:
    area = sum(max(LENGTHS[row] for row in batch) * len(batch) for batch in batches)
    return area - sum(LENGTHS)


def test_batches_hold_like_lengths_and_stand_in_no_order_of_length() -> None:
    batches = epoch_batches(LENGTHS, 8, seed=0, epoch=0)
    rows = range(len(LENGTHS))
    unsorted = [list(rows[at : at + 8]) for at in range(0, len(LENGTHS), 8)]
    assert _padding(batches) < 0.5 * _padding(unsorted)
    longest = [max(LENGTHS[row] for row in batch) for batch in batches]
    assert longest != sorted(longest)
    assert longest != sorted(longest, reverse=True)


def test_processes_share_an_epoch_evenly() -> None:
    orders = [BatchOrder(LENGTHS, 8, seed=0, rank=rank, processes=4) for rank in range(4)]
    for order in orders:
        order.set_epoch(2)
    shares = [list(order) for order in orders]
    assert {len(share) for share in shares} == {len(orders[0])} == {32}  # ceil(1003 / 32)
    assert all(batch for share in shares for batch in share)
    rows = [row for share in shares for row in flat(share)]
    assert set(rows) == set(range(len(LENGTHS)))
    assert len(rows) - len(LENGTHS) == 1  # filled up to a multiple of 4


def test_two_processes_together_see_the_batches_of_one_with_twice_the_size() -> None:
    single = epoch_batches(LENGTHS[:1000], 16, seed=0, epoch=0)
    double = epoch_batches(LENGTHS[:1000], 8, seed=0, epoch=0, processes=2)
    assert single == double


def test_fewer_rows_than_processes_leave_none_without() -> None:
    shares = [list(BatchOrder([5, 5], 8, seed=0, rank=rank, processes=4)) for rank in range(4)]
    assert [len(flat(share)) for share in shares] == [1, 1, 1, 1]


def test_length_batches_are_longest_first_and_complete() -> None:
    assert length_batches([3, 9, 5], 2) == [[1, 2], [0]]


def test_a_batch_is_padded_to_the_longest_or_a_multiple() -> None:
    one, other = Part([1, 2, 3], range(1, 2), 1), Part([4], range(0), 0)
    batch = collate(OBJECTIVE, pad_id=7)([(one, 0), (other, 1)])
    assert batch["input_ids"].tolist() == [[1, 2, 3], [4, 7, 7]]
    assert batch["attention_mask"].tolist() == [[1, 1, 1], [1, 0, 0]]
    assert batch["labels"]["labels"].tolist() == [0, 1]
    assert int(batch["labels"]["count"]) == 2
    assert collate(OBJECTIVE, 0, multiple=8)([(other, 0)])["input_ids"].shape == (1, 8)
