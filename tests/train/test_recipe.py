import math
from dataclasses import replace

import pytest

from edgeft.errors import UsageError
from edgeft.train.recipe import (
    EPOCHS_RANGE,
    HOLD_OUT_ROWS,
    HOLD_OUT_ROWS_PER_CLASS,
    LABEL_SMOOTHING,
    LEARNING_RATE_AT_384,
    LEARNING_RATE_RANGE,
    MANY_CLASSES,
    STATIC_EPOCHS_RANGE,
    STATIC_LEARNING_RATE,
    STATIC_UPDATES_PER_ROOT_CLASS,
    UPDATES_PER_ROOT_CLASS,
    Facts,
    RecipeChoice,
    check_recipe,
    default_batch_size,
    default_epochs,
    default_hold_out,
    default_label_smoothing,
    default_learning_rate,
    default_max_length,
    default_recipe,
    resolve_recipe,
)

FACTS = Facts(width=384, rows=9000, classes=77, p99_tokens=61, length_limit=512)


def test_wider_models_take_smaller_steps() -> None:
    assert default_learning_rate(384) == LEARNING_RATE_AT_384
    assert 3e-5 <= default_learning_rate(768) <= 1e-4  # the range of the BERT paper
    assert default_learning_rate(384, gentle=True) == 1e-4
    for gentle in (replace(FACTS, head=False), replace(FACTS, paired=True)):  # vectors; pairs
        assert default_recipe(gentle).learning_rate == 1e-4
    rates = [default_learning_rate(width) for width in (64, 384, 768, 1024, 8192)]
    assert rates == sorted(rates, reverse=True)
    assert (rates[-1], rates[0]) == LEARNING_RATE_RANGE


def test_epochs_give_the_wanted_updates_within_bounds() -> None:
    low, high = EPOCHS_RANGE
    assert default_epochs(10**7, 2, 32) == low
    assert default_epochs(10, 2, 8) == high
    rows = 32 * round(UPDATES_PER_ROOT_CLASS * 2 / 5)  # 4 classes: five epochs are wanted
    assert default_epochs(rows, 4, 32) == 5


def test_small_data_are_cut_into_small_batches() -> None:
    assert [default_batch_size(rows) for rows in (50, 300, 5000)] == [8, 16, 32]


def test_a_static_model_takes_steps_of_its_own() -> None:
    facts = replace(FACTS, width=128, static=True)
    recipe = default_recipe(facts)
    assert recipe.learning_rate == STATIC_LEARNING_RATE > LEARNING_RATE_RANGE[1]
    assert (recipe.batch_size, recipe.max_length) == (128, default_recipe(FACTS).max_length)
    updates = recipe.epochs * math.ceil(facts.rows / recipe.batch_size)
    wanted = STATIC_UPDATES_PER_ROOT_CLASS * math.sqrt(facts.classes)
    assert abs(updates - wanted) < facts.rows / recipe.batch_size
    assert resolve_recipe(RecipeChoice(learning_rate=1e-3), facts).learning_rate == 1e-3
    low, high = STATIC_EPOCHS_RANGE
    assert default_recipe(replace(facts, rows=10**6)).epochs == low
    assert default_recipe(replace(facts, rows=60)).epochs == high


def test_a_tenth_is_held_out_but_no_more_than_scores_need() -> None:
    assert default_hold_out(1000, 2) == 0.1
    few, many = default_hold_out(100_000, 2), default_hold_out(100_000, 500)
    assert few == HOLD_OUT_ROWS / 100_000
    assert many == HOLD_OUT_ROWS_PER_CLASS * 500 / 100_000


def test_the_length_covers_99_of_100_texts_within_limits() -> None:
    assert default_max_length(61, 512) == 64
    assert default_max_length(61, 48) == 48
    assert default_max_length(400, 512) == 256
    assert default_max_length(64, 512) == 64


def test_an_encoder_goes_on_to_read_texts_that_are_longer_than_those_it_learned_from() -> None:
    facts = replace(FACTS, p99_tokens=16, head=False)
    assert default_recipe(facts).max_length == 256
    assert default_recipe(replace(facts, length_limit=48)).max_length == 48
    assert resolve_recipe(RecipeChoice(max_length=16), facts).max_length == 16


def test_chosen_values_win_and_defaults_follow_them() -> None:
    recipe = resolve_recipe(RecipeChoice(batch_size=4, class_weights=True, optimizer="sgd"), FACTS)
    assert (recipe.batch_size, recipe.class_weights, recipe.optimizer) == (4, True, "sgd")
    assert recipe.learning_rate > default_recipe(FACTS).learning_rate
    assert recipe.epochs == EPOCHS_RANGE[0]  # batches of 4 give updates enough
    with_two = default_recipe(replace(FACTS, processes=2))
    assert with_two.epochs >= default_recipe(FACTS).epochs


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("epochs", 0),
        ("batch_size", 0),
        ("gradient_accumulation", 0),
        ("learning_rate", 0.0),
        ("learning_rate", math.nan),
        ("learning_rate", 1e300),
        ("warmup_share", 1.0),
        ("schedule", "step"),
        ("weight_decay", -0.1),
        ("weight_decay", 1e300),
        ("optimizer", "lion"),
        ("label_smoothing", 1.0),
        ("max_length", 2),
        ("patience", -1),
        ("seed", -1),
    ],
)
def test_values_without_sense_are_refused_by_name(name: str, value: float | str) -> None:
    with pytest.raises(UsageError, match=f"--{name.replace('_', '-')} must be"):
        check_recipe(RecipeChoice(**{name: value}))


def test_a_length_beyond_the_model_is_refused_with_the_limit() -> None:
    with pytest.raises(UsageError, match="at most 512 tokens"):
        resolve_recipe(RecipeChoice(max_length=513), FACTS)


def test_only_many_classes_are_smoothed() -> None:
    assert default_label_smoothing(MANY_CLASSES - 1) == 0.0
    assert default_recipe(FACTS).label_smoothing == LABEL_SMOOTHING
