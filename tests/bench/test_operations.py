import json
from collections.abc import Callable
from pathlib import Path

import pytest

from edgeft.bench.operations import Operations, operations_of
from tests import tiny
from tests.export import architectures

MINILM = {
    "model_type": "bert",
    "hidden_size": 384,
    "intermediate_size": 1536,
    "num_hidden_layers": 6,
}


def test_minilm_by_hand() -> None:
    # A layer: query, key, value and output of 384 x 384, and two of 384 x 1,536:
    # 4 x 147,456 + 2 x 589,824 = 1,769,472 weights; six layers, two operations each.
    one = operations_of(MINILM, 77)
    assert one is not None
    assert one.per_token == 2 * 6 * 1_769_472 == 21_233_664
    # Attention of 6 layers: scores and weighted sum, 2 x 384 operations each for a pair.
    assert one.per_pair == 6 * 4 * 384 == 9_216
    # Pooler and head, once a text.
    assert one.per_text == 2 * (384 * 384 + 384 * 77)
    assert one.weights == 6 * 1_769_472 + 384 * 384 + 384 * 77
    assert one.of(10) == 10 * 21_233_664 + 100 * 9_216 + one.per_text
    assert one.of_all([10, 20]) == one.of(10) + one.of(20)


def test_a_head_of_tokens_counts_once_a_token_and_has_no_pooler() -> None:
    # Named entities: nine tags for each token, from its 384 numbers.
    one = operations_of(MINILM, 9, by_token=True)
    assert one is not None
    assert one.per_token == 21_233_664 + 2 * 384 * 9 == 21_240_576
    assert one.per_text == 0
    assert one.weights == 6 * 1_769_472 + 384 * 9
    # Answers: two numbers for each token, its start and its end.
    ends = operations_of(MINILM, 2, by_token=True)
    assert ends is not None
    assert ends.of(10) == 10 * (21_233_664 + 2 * 384 * 2) + 100 * 9_216


def test_albert_reads_its_shared_layer_once_and_computes_it_twelve_times() -> None:
    config = {"model_type": "albert", "hidden_size": 768, "intermediate_size": 3072,
              "num_hidden_layers": 12, "embedding_size": 128}  # fmt: skip
    one = operations_of(config, 2)
    assert one is not None
    assert one.per_token > 2 * 12 * 7_000_000
    assert one.weights < 8_000_000


@pytest.mark.parametrize("config", [{}, {"model_type": "unheard-of"}, {"model_type": "bert"},
                                    {"model_type": "bert", "hidden_size": "wide"}])  # fmt: skip
def test_what_is_not_known_is_not_guessed(config: dict[str, object]) -> None:
    assert operations_of(config, 2) is None


BY_TOKEN = ("TokenClassification", "QuestionAnswering")


@pytest.mark.parametrize("head", ["SequenceClassification", *BY_TOKEN])
@pytest.mark.parametrize(
    "build",
    [tiny.bert, tiny.distilbert, architectures.roberta, architectures.electra,
     architectures.albert, architectures.mpnet, architectures.gpt2],
)  # fmt: skip
def test_the_count_is_that_of_torch(
    build: Callable[[Path], Path], head: str, tmp_path: Path
) -> None:
    import torch
    import transformers
    from torch.utils.flop_counter import FlopCounterMode

    tokens = 24
    folder = build(tmp_path / "model")
    config = transformers.AutoConfig.from_pretrained(folder)
    config.num_labels = 2 if head == "QuestionAnswering" else 5
    model = (
        getattr(transformers, f"AutoModelFor{head}")
        .from_config(config, attn_implementation="eager")
        .eval()
    )
    ids = torch.full((1, tokens), 5)
    with FlopCounterMode(display=False) as counter, torch.inference_mode():
        model(input_ids=ids, attention_mask=torch.ones_like(ids))
    stated = json.loads((folder / "config.json").read_text())
    one = operations_of(stated, config.num_labels, by_token=head in BY_TOKEN)
    assert isinstance(one, Operations)
    # The embedding's projection and the head are within a few percent of these tiny models.
    assert one.of(tokens) == pytest.approx(counter.get_total_flops(), rel=0.02)
