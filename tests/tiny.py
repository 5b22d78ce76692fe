"""Tiny real checkpoints: the architectures that users bring, a few kilobytes each."""

import json
import string
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
import transformers
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors

LABELS = ("calm", "glad", "sad")
TAGS = ("O", "B-PER", "I-PER", "B-LOC", "I-LOC")
WORDS = [
    "the", "a", "cat", "dog", "sun", "rain", "fell", "rose", "shares", "price", "good", "bad",
    "film", "happy", "angry", "quiet", "report", "market", "team", "won", "lost", "game", "day",
    "night", "river", "stone", "bread", "water", "blue", "red", "green",
]  # fmt: skip
CHINESE = (*"一只狗猫在跑睡觉今天气很好不我们去公园", "🐕", "👍")
POSITIONS = 64  # tokens of a text, at most


def wordpiece(
    folder: Path,
    kind: type[transformers.PreTrainedTokenizerFast] = transformers.BertTokenizerFast,
    *,
    positions: int = POSITIONS,
    more: Sequence[str] = (),
) -> transformers.PreTrainedTokenizerFast:
    """A WordPiece tokenizer over WORDS, ``more`` and single letters, saved to ``folder``."""
    # Spelled out, since a trained vocabulary breaks its ties anew in every process.
    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    letters = list(string.ascii_lowercase + string.digits + string.punctuation)
    tokens = [*special, *letters, *(f"##{letter}" for letter in letters), *WORDS,
              *more]  # fmt: skip
    vocabulary = {token: i for i, token in enumerate(dict.fromkeys(tokens))}
    tokenizer = Tokenizer(models.WordPiece(vocabulary, unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=True)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]",
        pair="[CLS] $A [SEP] $B:1 [SEP]:1",
        special_tokens=[(name, tokenizer.token_to_id(name)) for name in ("[CLS]", "[SEP]")],
    )
    # Every real MiniLM tokenizer.json pads and truncates on its own; so does this one.
    tokenizer.enable_padding(length=48)
    tokenizer.enable_truncation(16)
    fast = kind(tokenizer_object=tokenizer, model_max_length=positions)
    fast.save_pretrained(folder)
    return fast


def bert(
    folder: Path,
    *,
    labels: tuple[str, ...] = LABELS,
    seed: int = 0,
    positions: int = POSITIONS,
    more: Sequence[str] = (),
) -> Path:
    """A two-layer BERT classifier with random weights and wide-spread logits."""
    config = _bert_config(len(wordpiece(folder, positions=positions, more=more)), positions)
    return _save(folder, transformers.BertForSequenceClassification, config, labels, seed)


def pairs(folder: Path, *, labels: tuple[str, ...] = ("no", "yes"), seed: int = 0) -> Path:
    """A two-layer BERT that judges pairs of texts, and knows some Chinese and a dog."""
    config = _bert_config(len(wordpiece(folder, more=CHINESE)))
    _save(folder, transformers.BertForSequenceClassification, config, labels, seed)
    (folder / "training.json").write_text(json.dumps({"takes": "pairs"}), encoding="utf-8")
    return folder


def labeller(
    folder: Path, *, labels: tuple[str, ...] = LABELS, seed: int = 0, more: Sequence[str] = ()
) -> Path:
    """A two-layer BERT that gives each text any number of labels."""
    config = _bert_config(len(wordpiece(folder, more=more)))
    config.problem_type = "multi_label_classification"
    return _save(folder, transformers.BertForSequenceClassification, config, labels, seed)


def distilbert(folder: Path, *, labels: tuple[str, ...] = LABELS, seed: int = 0) -> Path:
    """A two-layer DistilBERT classifier: its graph takes no token_type_ids."""
    config = transformers.DistilBertConfig(
        vocab_size=len(wordpiece(folder, transformers.DistilBertTokenizerFast)),
        dim=32,
        n_layers=2,
        n_heads=2,
        hidden_dim=64,
        max_position_embeddings=POSITIONS,
    )
    return _save(folder, transformers.DistilBertForSequenceClassification, config, labels, seed)


def tagger(
    folder: Path, *, labels: tuple[str, ...] = TAGS, seed: int = 0, more: Sequence[str] = ()
) -> Path:
    """A two-layer BERT with a label for each token."""
    config = _bert_config(len(wordpiece(folder, more=more)))
    return _save(folder, transformers.BertForTokenClassification, config, labels, seed)


def answerer(folder: Path, *, seed: int = 0, more: Sequence[str] = ()) -> Path:
    """A two-layer BERT that finds where an answer begins and ends."""
    config = _bert_config(len(wordpiece(folder, more=more)))
    return _save(
        folder, transformers.BertForQuestionAnswering, config, ("LABEL_0", "LABEL_1"), seed
    )


def scorer(folder: Path, *, seed: int = 0, more: Sequence[str] = ()) -> Path:
    """A two-layer BERT that gives each text a number: a config as cross-encoders have it."""
    config = _bert_config(len(wordpiece(folder, more=more)))
    config.num_labels = 1
    return _save(folder, transformers.BertForSequenceClassification, config, ("LABEL_0",), seed)


def static(
    folder: Path, *, labels: tuple[str, ...] = LABELS, seed: int = 0, width: int = 32
) -> Path:
    """A static classifier with pairs of neighbours and a hidden layer."""
    from edgeft.checkpoint.static import new_static

    tokenizer = wordpiece(folder)
    chance = np.random.default_rng(seed)
    weights = np.ones(len(tokenizer))
    weights[[tokenizer.cls_token_id, tokenizer.sep_token_id]] = 0
    model = new_static(
        chance.normal(size=(len(tokenizer), width)), weights, _named(labels), bigrams=200,
        inner=16, dropout=0.1, pad_id=tokenizer.pad_token_id, seed=seed,
    )  # fmt: skip
    with torch.no_grad():
        model.static.bigrams.weight.normal_(generator=torch.Generator().manual_seed(seed))
        model.classifier.weight.mul_(12.0)
    model.save_pretrained(folder)
    return folder


def outlier(checkpoint: Path, folder: Path) -> Path:
    """``checkpoint`` with one word's embedding that leaves no room for the others in int8."""
    model = transformers.AutoModelForSequenceClassification.from_pretrained(checkpoint)
    with torch.no_grad():
        model.bert.embeddings.word_embeddings.weight[4] = 1000.0  # [MASK], which no text has
    model.save_pretrained(folder)
    transformers.AutoTokenizer.from_pretrained(checkpoint).save_pretrained(folder)
    return folder


def encoder(folder: Path, *, seed: int = 0, more: Sequence[str] = ()) -> Path:
    """A BERT encoder without a head, such as one that is going to be fine-tuned."""
    tokenizer = wordpiece(folder, more=more)
    torch.manual_seed(seed)
    transformers.BertModel(_bert_config(len(tokenizer))).save_pretrained(folder)
    return folder


def sentences(
    folder: Path,
    *,
    pooling: str = "mean_tokens",
    unit_length: bool = True,
    seed: int = 0,
    more: Sequence[str] = (),
) -> Path:
    """An encoder as sentence-transformers writes it, with two prompts."""
    encoder(folder, seed=seed, more=more)
    kinds = ["Transformer", "Pooling", *["Normalize"] * unit_length]
    paths = ["", "1_Pooling", "2_Normalize"]
    modules = [
        {
            "idx": at,
            "name": str(at),
            "path": paths[at],
            "type": f"sentence_transformers.models.{kind}",
        }
        for at, kind in enumerate(kinds)
    ]
    (folder / "1_Pooling").mkdir()
    modes = ("cls_token", "mean_tokens", "max_tokens", "mean_sqrt_len_tokens", "lasttoken")
    flags = {f"pooling_mode_{mode}": mode == pooling for mode in modes}
    for path, content in {
        "modules.json": modules,
        "1_Pooling/config.json": {"word_embedding_dimension": 32, **flags},
        "sentence_bert_config.json": {"max_seq_length": 24, "do_lower_case": False},
        "config_sentence_transformers.json": {"prompts": {"query": "find the ", "passage": ""}},
    }.items():
        (folder / path).write_text(json.dumps(content), encoding="utf-8")
    return folder


def _bert_config(vocabulary: int, positions: int = POSITIONS) -> transformers.PretrainedConfig:
    return transformers.BertConfig(
        vocab_size=vocabulary,
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=64,
        max_position_embeddings=positions,
    )


def _named(labels: tuple[str, ...]) -> dict[str, object]:
    """What a config says of a head with these labels."""
    return {
        "id2label": dict(enumerate(labels)),
        "label2id": {label: i for i, label in enumerate(labels)},
    }


def _save(
    folder: Path,
    kind: type[transformers.PreTrainedModel],
    config: transformers.PretrainedConfig,
    labels: tuple[str, ...],
    seed: int,
) -> Path:
    for name, value in _named(labels).items():
        setattr(config, name, value)
    torch.manual_seed(seed)
    model = kind(config)
    with torch.no_grad():  # initial heads are so small that all texts get the same answer
        for name, parameter in model.named_parameters():
            if parameter.ndim == 2 and "embed" not in name:
                parameter.mul_(12.0)
    model.save_pretrained(folder)
    return folder


def nearby(checkpoint: Path, folder: Path, *, spread: float = 0.05, seed: int = 1) -> Path:
    """A copy whose head's weights are a little off, so that it differs where it is unsure."""
    model = transformers.AutoModelForSequenceClassification.from_pretrained(checkpoint)
    chance = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        weight = model.classifier.weight
        weight += spread * weight.std() * torch.randn(weight.shape, generator=chance)
    model.save_pretrained(folder)
    transformers.AutoTokenizer.from_pretrained(checkpoint).save_pretrained(folder)
    return folder
