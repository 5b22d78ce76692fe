"""More tiny real classifiers, of architectures that number, split or fuse in their own way."""

from pathlib import Path

import torch
import transformers
from tokenizers import (
    ByteLevelBPETokenizer,
    Tokenizer,
    models,
    normalizers,
    pre_tokenizers,
    processors,
)

from tests import tiny

SMALL = {
    "hidden_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "intermediate_size": 64,
}


def roberta(folder: Path) -> Path:
    """RoBERTa: byte-level BPE, no token_type_ids, positions that begin at pad_token_id + 1."""
    folder.mkdir(parents=True)
    tokenizer = ByteLevelBPETokenizer()
    special = ["<s>", "<pad>", "</s>", "<unk>", "<mask>"]
    tokenizer.train_from_iterator(
        [" ".join(tiny.WORDS)] * 3, vocab_size=400, special_tokens=special
    )
    tokenizer.save_model(str(folder))
    fast = transformers.RobertaTokenizerFast.from_pretrained(folder, model_max_length=10**9)
    fast.save_pretrained(folder)
    config = transformers.RobertaConfig(
        vocab_size=len(fast), max_position_embeddings=66, type_vocab_size=1, **SMALL
    )
    return _save(folder, transformers.RobertaForSequenceClassification, config)


def electra(folder: Path) -> Path:
    """ELECTRA: an embedding of another size than the hidden layers."""
    size = len(tiny.wordpiece(folder))
    config = transformers.ElectraConfig(
        vocab_size=size, embedding_size=16, max_position_embeddings=64, **SMALL
    )
    return _save(folder, transformers.ElectraForSequenceClassification, config)


def deberta(folder: Path) -> Path:
    """DeBERTa-v2: attention that onnxruntime has no operator for."""
    size = len(tiny.wordpiece(folder))
    config = transformers.DebertaV2Config(
        vocab_size=size,
        max_position_embeddings=64,
        relative_attention=True,
        pos_att_type=["c2p", "p2c"],
        pad_token_id=0,
        **SMALL,
    )
    return _save(folder, transformers.DebertaV2ForSequenceClassification, config)


def albert(folder: Path) -> Path:
    """ALBERT: layers that share their weights, which fusing copies."""
    size = len(tiny.wordpiece(folder))
    config = transformers.AlbertConfig(
        vocab_size=size, embedding_size=16, max_position_embeddings=64, **SMALL
    )
    return _save(folder, transformers.AlbertForSequenceClassification, config)


def mobilebert(folder: Path) -> Path:
    """MobileBERT: a bottleneck in each layer."""
    size = len(tiny.wordpiece(folder))
    config = transformers.MobileBertConfig(
        vocab_size=size,
        embedding_size=16,
        intra_bottleneck_size=16,
        true_hidden_size=16,
        max_position_embeddings=64,
        **SMALL,
    )
    return _save(folder, transformers.MobileBertForSequenceClassification, config)


def mpnet(folder: Path) -> Path:
    """MPNet: relative positions beside absolute ones, which begin behind the padding's."""
    backend = tiny.wordpiece(folder).backend_tokenizer
    tokenizer = transformers.MPNetTokenizerFast(
        tokenizer_object=backend,
        model_max_length=64,
        bos_token="[CLS]",
        cls_token="[CLS]",
        eos_token="[SEP]",
        sep_token="[SEP]",
        pad_token="[PAD]",
        mask_token="[MASK]",
    )
    tokenizer.save_pretrained(folder)
    config = transformers.MPNetConfig(
        vocab_size=len(tokenizer), max_position_embeddings=66, pad_token_id=0, **SMALL
    )
    return _save(folder, transformers.MPNetForSequenceClassification, config)


def xlm_roberta(folder: Path) -> Path:
    """XLM-R: pieces with a score each (Unigram), in every script."""
    folder.mkdir(parents=True)
    special = ["<s>", "<pad>", "</s>", "<unk>"]
    pieces = [f"▁{word}" for word in tiny.WORDS]
    letters = ["▁", *"abcdefghijklmnopqrstuvwxyz", *"天气新闻ñéü"]
    scores = [(token, 0.0) for token in special]
    scores += [(piece, -3.0) for piece in pieces] + [(letter, -6.0) for letter in letters]
    backend = Tokenizer(models.Unigram([*scores, ("<mask>", 0.0)], unk_id=3))
    backend.normalizer = normalizers.NFKC()
    backend.pre_tokenizer = pre_tokenizers.Metaspace()
    backend.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>",
        pair="<s> $A </s> </s> $B </s>",
        special_tokens=[("<s>", 0), ("</s>", 2)],
    )
    fast = transformers.XLMRobertaTokenizerFast(tokenizer_object=backend, model_max_length=64)
    fast.save_pretrained(folder)
    config = transformers.XLMRobertaConfig(
        vocab_size=len(fast), max_position_embeddings=66, type_vocab_size=1, pad_token_id=1, **SMALL
    )
    return _save(folder, transformers.XLMRobertaForSequenceClassification, config)


def modernbert(folder: Path) -> Path:
    """ModernBERT: rotary positions, and layers that look only at near tokens."""
    tokenizer = tiny.wordpiece(folder, transformers.PreTrainedTokenizerFast)
    tokenizer.add_special_tokens(
        {"pad_token": "[PAD]", "unk_token": "[UNK]", "cls_token": "[CLS]", "sep_token": "[SEP]"}
    )
    tokenizer.save_pretrained(folder)
    config = transformers.ModernBertConfig(
        vocab_size=len(tokenizer),
        max_position_embeddings=64,
        global_attn_every_n_layers=2,
        local_attention=8,
        pad_token_id=0,
        bos_token_id=2,
        eos_token_id=3,
        cls_token_id=2,
        sep_token_id=3,
        **SMALL,
    )
    return _save(folder, transformers.ModernBertForSequenceClassification, config)


def gpt2(folder: Path) -> Path:
    """GPT-2 as a classifier: a decoder, without a padding token of its own."""
    folder.mkdir(parents=True)
    trained = ByteLevelBPETokenizer()
    trained.train_from_iterator(
        [" ".join(tiny.WORDS)] * 3, vocab_size=400, special_tokens=["<|endoftext|>"]
    )
    trained.save_model(str(folder))
    fast = transformers.GPT2TokenizerFast.from_pretrained(folder, model_max_length=64)
    fast.save_pretrained(folder)
    config = transformers.GPT2Config(
        vocab_size=len(fast),
        n_positions=64,
        n_embd=32,
        n_layer=2,
        n_head=2,
        bos_token_id=0,
        eos_token_id=0,
    )
    return _save(folder, transformers.GPT2ForSequenceClassification, config)


DECODERS = {
    "llama": (transformers.LlamaConfig, SMALL),
    "qwen2": (transformers.Qwen2Config, {**SMALL, "num_key_value_heads": 2}),
    "mistral": (transformers.MistralConfig, {**SMALL, "num_key_value_heads": 2}),
    "opt": (
        transformers.OPTConfig,
        {**SMALL, "ffn_dim": 64, "word_embed_proj_dim": 32},
    ),
    "gpt_neox": (transformers.GPTNeoXConfig, SMALL),
    "gemma": (
        transformers.GemmaConfig,
        {**SMALL, "num_key_value_heads": 2, "head_dim": 16},
    ),
    "phi": (transformers.PhiConfig, SMALL),
    "bloom": (transformers.BloomConfig, {"hidden_size": 32, "n_layer": 2, "n_head": 2}),
}


def decoder(folder: Path, kind: str, pad: int | None) -> Path:
    """A classifier on a decoder, whose config names ``pad`` and whose tokenizer pads with 0."""
    trained = ByteLevelBPETokenizer()
    trained.train_from_iterator(
        [" ".join(tiny.WORDS)] * 3, vocab_size=400, special_tokens=["<|endoftext|>"]
    )
    end = "<|endoftext|>"
    fast = transformers.PreTrainedTokenizerFast(
        tokenizer_object=Tokenizer.from_str(trained.to_str()),
        model_max_length=64,
        bos_token=end,
        eos_token=end,
        pad_token=end,
        model_input_names=["input_ids", "attention_mask"],
    )
    fast.save_pretrained(folder)
    kind_of_config, sizes = DECODERS[kind]
    config = kind_of_config(
        **{**sizes, "max_position_embeddings": 64},
        vocab_size=len(fast),
        pad_token_id=pad,
        bos_token_id=0,
        eos_token_id=0,
    )
    heads = transformers.MODEL_FOR_SEQUENCE_CLASSIFICATION_MAPPING
    return _save(folder, heads[type(config)], config)


def fnet(folder: Path) -> Path:
    """FNet: an encoder without attention, which optimum does not export."""
    size = len(tiny.wordpiece(folder))
    config = transformers.FNetConfig(
        vocab_size=size,
        hidden_size=32,
        num_hidden_layers=2,
        intermediate_size=64,
        max_position_embeddings=64,
        pad_token_id=0,
    )
    return _save(folder, transformers.FNetForSequenceClassification, config)


def canine(folder: Path) -> Path:
    """CANINE: characters, with a tokenizer that has no tokenizer.json."""
    folder.mkdir(parents=True)
    transformers.CanineTokenizer().save_pretrained(folder)
    config = transformers.CanineConfig(
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=64,
        max_position_embeddings=64,
    )
    return _save(folder, transformers.CanineForSequenceClassification, config)


ALL = (tiny.bert, tiny.distilbert, roberta, electra, deberta, albert, mobilebert, mpnet,
       xlm_roberta, modernbert, gpt2, tiny.static)  # fmt: skip


def _save(
    folder: Path,
    kind: type[transformers.PreTrainedModel],
    config: transformers.PretrainedConfig,
) -> Path:
    config.id2label = dict(enumerate(tiny.LABELS))
    config.label2id = {label: at for at, label in enumerate(tiny.LABELS)}
    torch.manual_seed(0)
    model = kind(config)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if parameter.ndim == 2 and "embed" not in name:
                parameter.mul_(12.0)
    model.save_pretrained(folder)
    return folder
