"""Which tokens a vocabulary cannot do without; pure functions on a tokenizer.json.

Each rule keeps the tokens that are asked for and all that it takes to spell
other words: the letters in each place where they may stand, and the pieces that
letters cannot spell.
"""

import re
from collections.abc import Collection, Iterable, Mapping
from typing import Any

from edgeft.checkpoint.tokenizer_json import merges_of, vocabulary_of
from edgeft.errors import ModelError

__all__ = ["keep_tokens"]

BYTE_PIECE = re.compile(r"<0x[0-9A-F]{2}>")
PLACEHOLDER = re.compile(r"\[unused\d+\]")  # rows that BERT reserved and no text can name


def keep_tokens(tokenizer: Mapping[str, Any], used: Collection[str], least: int = 0) -> set[str]:
    """The tokens of the model's vocabulary to keep: ``used`` and what spelling takes.

    Special tokens stay. Where that makes fewer than ``least`` tokens, the most
    common of the others fill up: those that the vocabulary lists first, or of
    pieces with scores the likeliest. Raises ModelError for a kind of tokenizer
    that has no spelling.
    """
    model = tokenizer["model"]
    vocabulary = vocabulary_of(tokenizer)
    special = {one["content"] for one in tokenizer.get("added_tokens", ())}
    kept = (set(used) | special) & set(vocabulary)
    common: Iterable[str] = sorted(vocabulary, key=vocabulary.__getitem__)
    match model["type"]:
        case "WordPiece":
            kept |= _word_pieces(vocabulary, model["continuing_subword_prefix"])
            common = (token for token in common if not PLACEHOLDER.fullmatch(token))
        case "BPE":
            merges = merges_of(model)
            kept |= _merged(vocabulary, kept, merges)
            # Each is made of letters and of what was merged before it.
            common = (left + right for left, right in merges)
        case "Unigram":
            kept |= _unigrams(vocabulary, model.get("unk_id"))
            scores = dict(model["vocab"])
            common = sorted(common, key=lambda token: -scores[token])
        case kind:
            raise ModelError(
                f"A vocabulary of the kind {kind} cannot be trimmed: without a token its word "
                "is unknown.",
                hint="Choose a model with WordPiece, BPE or Unigram pieces.",
            )
    for token in common:
        if len(kept) >= least:
            break
        kept.add(token)
    return kept


def _word_pieces(vocabulary: Mapping[str, int], prefix: str) -> set[str]:
    """Characters in both places, and what these cannot spell."""
    kept = set()
    for token in vocabulary:
        letters = token.removeprefix(prefix)
        inside = letters if token.startswith(prefix) else letters[1:]
        first = [] if token.startswith(prefix) else [letters[:1]]
        parts = (*first, *(prefix + one for one in inside))
        if len(letters) == 1 or not all(part in vocabulary for part in parts):
            kept.add(token)
    return {token for token in kept if not PLACEHOLDER.fullmatch(token)}


def _merged(
    vocabulary: Mapping[str, int], wanted: set[str], merges: Iterable[tuple[str, str]]
) -> set[str]:
    """What no merge makes (letters or bytes), and all that the wanted tokens are merged from."""
    made_from: dict[str, list[tuple[str, str]]] = {}
    for left, right in merges:
        made_from.setdefault(left + right, []).append((left, right))
    kept = {token for token in vocabulary if token not in made_from}
    waiting = [token for token in wanted if token not in kept]
    while waiting:
        token = waiting.pop()
        if token in kept:
            continue
        kept.add(token)
        waiting += [part for pair in made_from[token] for part in pair]
    return kept


def _unigrams(vocabulary: Mapping[str, int], unknown: int | None) -> set[str]:
    """Characters, bytes, and what characters cannot spell."""
    letters = {token for token in vocabulary if len(token) == 1}
    spelled = {token for token in vocabulary if all(letter in letters for letter in token)}
    return {
        token
        for token, at in vocabulary.items()
        if token not in spelled or token in letters or BYTE_PIECE.fullmatch(token) or at == unknown
    }
