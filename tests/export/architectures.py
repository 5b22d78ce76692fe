"""More tiny real classifiers, of architectures that number, split or fuse in their own way."""

from pathlib import Path

import torch
import transformers
from tokenizers import ByteLevelBPETokenizer

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
