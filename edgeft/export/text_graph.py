"""A graph that turns texts into a model's inputs, tokenizer included.

The tokenizer is an operator of onnxruntime-extensions, which takes one text; a
loop makes batches of it, and cuts and pads as the runtime does.
"""

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from edgeft.checkpoint.tokenizer_json import merges_of
from edgeft.errors import ModelError

if TYPE_CHECKING:
    import onnx

__all__ = ["EXTENSIONS", "text_graph"]

EXTENSIONS = "ai.onnx.contrib"

# Shapes: N texts of at most M tokens; L raw tokens of one text; T tokens of the longest.
GRAPH = """
<ir_version: {ir_version}, opset_import: ["" : {opset}, "{extensions}" : 1]>
text_to_ids (string[N] text) => (int64[N, T] input_ids, int64[N, T] attention_mask,
                                 int64[N, T] token_type_ids)
<int64[1] zero = {{0}}, int64[1] one = {{1}}, int64[1] last = {{-1}}, int64 nought = {{0}},
 int64 unit = {{1}}, bool always = {{1}}, int64[1] most = {{{most}}}, int64[1] room = {{{room}}},
 int64 pad = {{{pad}}}, int64[1] filler = {{{pad}}}, int64[{prefixes}] prefix = {{{prefix}}},
 int64[{suffixes}] suffix = {{{suffix}}}>
{{
    size = Shape (text)
    count = Squeeze (size, zero)
    rows, lengths = Loop (count, always) <body = one_text (int64 at, bool go)
        => (bool go_on, int64[M] row, int64[1] length)
    {{
        go_on = Identity (go)
        where = Unsqueeze (at, zero)
        text_at = Gather (text, where)
        {tokenize}
        cut = Slice (raw, zero, room, zero)
        {frame}
        length = Shape (ids)
        missing = Sub (most, length)
        pads = Concat <axis = 0> (zero, missing)
        row = Pad (ids, pads, pad)
    }}>
    longest = ReduceMax <keepdims = 0> (lengths)
    until = Unsqueeze (longest, zero)
    input_ids = Slice (rows, zero, until, one)
    place = Range (nought, longest, unit)
    inside = Less (place, lengths)
    attention_mask = Cast <to = 7> (inside)
    token_type_ids = Sub (attention_mask, attention_mask)
}}
"""
# BertTokenizer puts its own special tokens around a text, which come off again.
WORD_PIECE = """special, types, mask = ai.onnx.contrib.BertTokenizer (text_at)
        raw = Slice (special, one, last, zero)"""
FRAMED = "ids = Concat <axis = 0> (prefix, cut, suffix)"
# Without special tokens an empty text has no token, and no model runs none.
BARE = """more = Concat <axis = 0> (cut, filler)
        own = Shape (cut)
        kept = Max (own, one)
        ids = Slice (more, zero, kept, zero)"""
BYTES = """table, mask = ai.onnx.contrib.GPT2Tokenizer (text_at)
        raw = Reshape (table, last)"""


def text_graph(
    tokenizer: Mapping[str, Any],
    *,
    prefix: list[int],
    suffix: list[int],
    unknown: str,
    pad_id: int,
    max_length: int,
    opset: int,
    ir_version: int,
) -> "onnx.ModelProto":
    """The graph "text" (N,) to "input_ids", "attention_mask" and "token_type_ids", each (N, T).

    ``tokenizer`` is the content of a tokenizer.json; ``prefix`` and ``suffix``
    are the special ids around each text; ``unknown`` a token of the vocabulary.
    Raises ModelError for a tokenizer that no operator computes.
    """
    import onnx.parser

    kind = tokenizer["model"]["type"]
    if kind == "WordPiece":
        source, operator, settings = WORD_PIECE, "BertTokenizer", _word_piece(tokenizer, unknown)
    elif kind == "BPE":
        source, operator, settings = BYTES, "GPT2Tokenizer", _byte_level(tokenizer)
    else:
        raise _impossible(f"{kind} pieces")
    model = onnx.parser.parse_model(
        GRAPH.format(
            ir_version=ir_version,
            opset=opset,
            extensions=EXTENSIONS,
            most=max_length,
            room=max_length - len(prefix) - len(suffix),
            pad=pad_id,
            prefixes=len(prefix),
            prefix=", ".join(map(str, prefix)),
            suffixes=len(suffix),
            suffix=", ".join(map(str, suffix)),
            tokenize=source,
            frame=FRAMED if prefix or suffix else BARE,
        )
    )
    node = next(one for one in _nodes(model.graph) if one.op_type == operator)
    node.attribute.extend(
        onnx.helper.make_attribute(name, value) for name, value in settings.items()
    )
    return model


def _nodes(graph: "onnx.GraphProto") -> "list[onnx.NodeProto]":
    found = list(graph.node)
    for node in graph.node:
        for one in node.attribute:
            found += _nodes(one.g)
    return found


def _word_piece(tokenizer: Mapping[str, Any], unknown: str) -> dict[str, Any]:
    normalizer, model = tokenizer["normalizer"] or {}, tokenizer["model"]
    if normalizer.get("type") != "BertNormalizer" or not normalizer["clean_text"]:
        raise _impossible(f"a normalizer {normalizer.get('type')}")
    if (tokenizer["pre_tokenizer"] or {}).get("type") != "BertPreTokenizer":
        raise _impossible("words that are not parted as BERT's are")
    lower = normalizer["lowercase"]
    strip = normalizer["strip_accents"]
    tokens = sorted(model["vocab"], key=model["vocab"].__getitem__)
    return {
        "vocab_file": "\n".join(tokens),
        "do_lower_case": int(lower),
        # Where tokenizer.json leaves it open, accents go with the capitals.
        "strip_accents": int(lower if strip is None else strip),
        "tokenize_chinese_chars": int(normalizer["handle_chinese_chars"]),
        "suffix_indicator": model["continuing_subword_prefix"],
        # The operator wants all of them to exist; their ids are cut off again.
        **{f"{role}_token": unknown for role in ("unk", "sep", "pad", "cls", "mask")},
    }


def _byte_level(tokenizer: Mapping[str, Any]) -> dict[str, Any]:
    model, splitter = tokenizer["model"], tokenizer["pre_tokenizer"] or {}
    if tokenizer["normalizer"] is not None:
        raise _impossible("a normalizer before byte-level BPE")
    if splitter.get("type") != "ByteLevel" or splitter["add_prefix_space"]:
        raise _impossible("words that are not parted as GPT-2's are")
    return {
        "vocab": json.dumps(model["vocab"], ensure_ascii=False),
        "merges": "\n".join(f"{left} {right}" for left, right in merges_of(model)),
    }


def _impossible(what: str) -> ModelError:
    return ModelError(
        f"The tokenizer cannot be put into the graph: no operator knows {what}.",
        hint="Export without --single-file; WordPiece as in BERT and byte-level BPE as in GPT-2 "
        "and RoBERTa can be.",
    )
