import pytest
import torch
import transformers

from edgeft.distill.layers import drop_layers, kept_layers, taught_layers
from edgeft.errors import ModelError, UsageError


@pytest.mark.parametrize(
    ("layers", "count", "kept", "taught"),
    [
        (6, 3, [0, 2, 5], [2, 4, 6]),
        (12, 6, [0, 2, 4, 6, 8, 11], [2, 4, 6, 8, 10, 12]),
        (12, 4, [0, 3, 7, 11], [3, 6, 9, 12]),
        (6, 2, [0, 5], [3, 6]),
        (6, 1, [0], [6]),
        (6, 5, [0, 1, 2, 3, 5], [1, 2, 3, 4, 6]),
    ],
)
def test_layers_are_chosen_evenly(
    layers: int, count: int, kept: list[int], taught: list[int]
) -> None:
    assert kept_layers(layers, count) == kept
    assert taught_layers(layers, count) == taught


CONFIGS = [
    transformers.BertConfig(hidden_size=16, num_hidden_layers=4, num_attention_heads=2,
                            intermediate_size=16, vocab_size=40),
    transformers.DistilBertConfig(dim=16, n_layers=4, n_heads=2, hidden_dim=16, vocab_size=40),
    transformers.RobertaConfig(hidden_size=16, num_hidden_layers=4, num_attention_heads=2,
                               intermediate_size=16, vocab_size=40),
]  # fmt: skip


@pytest.mark.parametrize("config", CONFIGS, ids=lambda one: one.model_type)
def test_what_stays_of_a_model_is_what_it_was(config: transformers.PretrainedConfig) -> None:
    torch.manual_seed(0)
    model = transformers.AutoModelForSequenceClassification.from_config(config).eval()
    random = torch.random.get_rng_state()
    student = drop_layers(model, 2)
    assert torch.equal(torch.random.get_rng_state(), random)
    assert student.config.num_hidden_layers == 2
    assert model.config.num_hidden_layers == 4
    ids = torch.tensor([[2, 5, 7, 9, 3]])
    with torch.no_grad():
        ours = student(input_ids=ids, output_hidden_states=True)
        theirs = model(input_ids=ids, output_hidden_states=True)
    # The first layer is the teacher's first; behind it stands the last.
    assert torch.equal(ours.hidden_states[1], theirs.hidden_states[1])
    assert not torch.equal(ours.hidden_states[2], theirs.hidden_states[2])
    whole = dict(model.named_parameters())
    last = [name for name in whole if ".3." in name]
    for name in last:
        assert torch.equal(
            dict(student.named_parameters())[name.replace(".3.", ".1.")], whole[name]
        )


def test_layers_that_are_not_there_cannot_be_kept() -> None:
    model = transformers.AutoModelForSequenceClassification.from_config(CONFIGS[0])
    with pytest.raises(UsageError, match="has 4 layers, so a student cannot keep 4") as told:
        drop_layers(model, 4)
    assert "layers:1 to layers:3" in told.value.hint


def test_a_model_that_shares_its_layers_is_refused() -> None:
    config = transformers.AlbertConfig(
        embedding_size=8, hidden_size=16, num_hidden_layers=4, num_attention_heads=2,
        intermediate_size=16, vocab_size=40,
    )  # fmt: skip
    model = transformers.AutoModelForSequenceClassification.from_config(config)
    with pytest.raises(ModelError, match="'albert' has no one stack of 4 layers"):
        drop_layers(model, 2)
