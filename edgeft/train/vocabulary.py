"""A tokenizer that is learned from texts, for languages that no vocabulary at hand was made for."""

from collections.abc import Iterable
from typing import Any

from edgeft.settings import environment

__all__ = ["learn_tokenizer"]

PAD, UNKNOWN, FIRST, LAST = "[PAD]", "[UNK]", "[CLS]", "[SEP]"
MOST_TOKENS = 12_000
LEAST_COUNT = 3  # of what becomes one token; what is rarer teaches nothing


def learn_tokenizer(texts: Iterable[str], *, max_length: int) -> Any:
    """A fast tokenizer of transformers whose pieces are those that the texts are made of.

    Pairs of neighbours are joined by how often they stand together (byte-pair encoding), beginning
    with all characters of the texts, so that it needs no white space between words. The same texts
    give the same tokens: the trainer breaks ties by the characters themselves as long as no prefix
    marks what continues a word.
    """
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors, trainers
    from transformers import PreTrainedTokenizerFast

    tokenizer = Tokenizer(models.BPE(unk_token=UNKNOWN, fuse_unk=True))
    tokenizer.normalizer = normalizers.Sequence(
        [normalizers.NFKC(), normalizers.BertNormalizer(handle_chinese_chars=False)]
    )
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Metaspace(), pre_tokenizers.Punctuation()]
    )
    trainer = trainers.BpeTrainer(
        vocab_size=MOST_TOKENS,
        min_frequency=LEAST_COUNT,
        special_tokens=[PAD, UNKNOWN, FIRST, LAST],
        show_progress=False,
    )
    with environment(TOKENIZERS_PARALLELISM="false"):
        tokenizer.train_from_iterator(texts, trainer)
    tokenizer.post_processor = processors.TemplateProcessing(
        single=f"{FIRST} $A {LAST}",
        pair=f"{FIRST} $A {LAST} $B:1 {LAST}:1",
        special_tokens=[(one, tokenizer.token_to_id(one)) for one in (FIRST, LAST)],
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        pad_token=PAD,
        unk_token=UNKNOWN,
        cls_token=FIRST,
        sep_token=LAST,
        model_max_length=max_length,
        model_input_names=["input_ids", "attention_mask"],
    )
