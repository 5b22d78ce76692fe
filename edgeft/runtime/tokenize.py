"""From inputs to token ids, without padding."""

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from tokenizers import Tokenizer

from edgeft.errors import BundleError, RunError, UsageError
from edgeft.inputs import Input, columns_of
from edgeft.normalize import normalizer
from edgeft.runtime.heads import Heads
from edgeft.runtime.known_words import KnownWords, reads_by_word
from edgeft.runtime.native import native_call
from edgeft.runtime.pairs import BOTH, Frame, Tokens, encode_both, frame_within
from edgeft.tasks.encoded import Encoded, Part, apart

if TYPE_CHECKING:
    from edgeft.runtime.places import WordRules

__all__ = ["MOST_WINDOWED", "TextEncoder", "unknown_id"]

MOST_WINDOWED = 1 << 20  # characters of a text that is read in windows; it takes 200 MB
PANIC = "PanicException"  # of pyo3: what a panic in Rust becomes, which is no Exception


class TextEncoder:
    """A tokenizer that cuts at ``max_length`` tokens and never pads.

    The padding and truncation that tokenizer.json itself may ask for are
    switched off: batches are padded to their own longest text, later.
    """

    def __init__(
        self,
        tokenizer_json: bytes,
        max_length: int,
        normalize: Sequence[str] = (),
        *,
        overlap: int | None = None,
        empty: int = 0,
        offsets: bool = False,
        symmetric: bool = False,
        apart: tuple[str, str] | None = None,
    ) -> None:
        """With ``overlap`` long texts are split into windows that share so many tokens.

        A text of more than MOST_WINDOWED characters is not: it is cut, and so told.
        ``empty`` is the id of a text that has no token at all. With ``offsets`` parts
        tell the span of each token in the caller's text, in characters, and its word. With
        ``symmetric`` a pair is read in both orders. ``apart`` reads the two texts of a pair each
        by itself, behind what it gives for the first and for the second.

        Raises BundleError where the JSON is no tokenizer, or where offsets are wanted
        of texts that are normalized first; UsageError where an overlap leaves a window
        nothing of its own.
        """
        if offsets and normalize:
            raise BundleError(
                f"Texts are normalized first ({', '.join(normalize)}), so places in them are none "
                "in the text that was given, and these are what the task tells.",
                hint="Train and export the model without --normalize.",
            )
        try:
            content = json.loads(tokenizer_json)
            with native_call():
                self._tokenizer = Tokenizer.from_buffer(tokenizer_json)
            self._special = self._tokenizer.num_special_tokens_to_add(False)
            self._heads = Heads(self._tokenizer, content, max_length - self._special)
            self._unknown = unknown_id(content["model"], self._tokenizer)
        except BaseException as error:
            if not _is_failure(error):
                raise
            raise BundleError(
                f"tokenizer.json cannot be loaded: {error}.",
                hint="Copy the bundle again, or update with: pip install --upgrade tokenizers",
            ) from error
        if max_length <= self._special:
            raise BundleError(
                f"A text of {max_length} tokens has no room beside the tokenizer's "
                f"{self._special} special ones.",
                hint="Export the model again with: edgeft export",
            )
        if overlap is not None and not 0 <= overlap < max_length - self._special:
            raise UsageError(
                f"Windows of {max_length} tokens cannot overlap by {overlap}.",
                hint=f"Choose from 0 to {max_length - self._special - 1}.",
            )
        self._overlap, self._empty, self._offsets = overlap, empty, offsets
        self._symmetric = symmetric
        self._frame: Frame | None = None
        self._apart = apart
        self._most, self._room = max_length, max_length - self._special
        self._tokenizer.no_padding()
        # Cut here, not there: tokenizers 0.23.1 and 0.23.2 read little beyond where they cut.
        self._tokenizer.no_truncation()
        self._rules = _word_rules(self._tokenizer) if offsets else None
        self._words: KnownWords | None = None
        if not offsets and reads_by_word(content):
            with _asking():
                before, _, behind = _parted(self._tokenizer.encode("a"))
            self._words = KnownWords(content, self._read, self._pieces, before, behind)
        self._normalize = normalizer(normalize)
        # Special tokens before and behind a text, once one was read; to ask for a mask takes time.
        self._ends: tuple[int, int] | None = None

    def encode(
        self, inputs: Sequence[Input], known: dict[str, Tokens] | None = None
    ) -> list[Encoded]:
        """Encode inputs in order; each text of pairs and questions once, however often it comes.

        ``known`` is the caller's memory from one call to the next, empty at first: the last
        context and its tokens are kept there, so that a long one is not read again. It is for one
        thread at a time. Raises TypeError where one is no input, RunError where the tokenizer
        fails.
        """
        known = {} if known is None else known
        if len(inputs) == 1:
            return [self.encode_one(inputs[0], known)]
        both = [at for at, one in enumerate(inputs) if isinstance(one, BOTH)]
        if not both:
            return self._encode_texts(inputs)
        found = dict(zip(both, self._encode_both([inputs[at] for at in both], known), strict=True))
        rest = [at for at in range(len(inputs)) if at not in found]
        if rest:
            texts = self._encode_texts([inputs[at] for at in rest])
            found |= dict(zip(rest, texts, strict=True))
        return [found[at] for at in range(len(inputs))]

    def _encode_texts(self, texts: Sequence[Input]) -> list[Encoded]:
        clean = [self._clean(text) for text in texts]
        long = [at for at, text in enumerate(clean) if len(text) > self._heads.shortest]
        heads = self._encode_long([clean[at] for at in long]) if long else []
        for at in long:
            clean[at] = ""
        found = [self._wrap(*both) for both in zip(self._run(clean), clean, strict=True)]
        for at, one in zip(long, heads, strict=True):
            found[at] = one
        return found

    def encode_one(self, one: Input, known: dict[str, Tokens] | None = None) -> Encoded:
        """Encode one input, the quickest way. Raises what ``encode`` raises."""
        if isinstance(one, BOTH):
            return self._encode_both([one], {} if known is None else known)[0]
        text = self._clean(one)
        if len(text) > self._heads.shortest:
            return self._encode_long([text])[0]
        if self._words is not None:
            return self._wrap(self._words.encode([_whole(text)], special=True)[0], text)
        with _asking():
            encoding = self._tokenizer.encode(_whole(text))
        return self._wrap(encoding, text)

    def _encode_long(self, texts: Sequence[str]) -> list[Encoded]:
        """Encode texts by their heads, larger and larger ones while those do not suffice."""
        if self._overlap is not None:
            return [self._encode_windowed(text) for text in texts]
        found: dict[int, Encoded] = {}
        rest = dict(enumerate(texts))
        sizes = self._heads.sizes()
        for size in sizes:
            heads = {
                at: text if len(text) <= size else self._heads.cut(text, size)
                for at, text in rest.items()
            }
            ran = self._run(list(heads.values()))
            for (at, head), encoding in zip(heads.items(), ran, strict=True):
                one, unread = self._wrap(encoding, head), len(rest[at]) - len(head)
                if unread:
                    settled = self._heads.settled(_parted(encoding)[1])
                    if not settled and size < sizes[-1]:
                        continue
                    cut = max(0, settled - len(one.ids) + self._special)
                    one = replace(one, truncated=True, cut=cut, unread=unread)
                found[at] = one
                del rest[at]
            if not rest:
                break
            if not self._offsets:  # which would no longer be right
                rest = {at: self._heads.squeezed(text) for at, text in rest.items()}
        return [found[at] for at in range(len(texts))]

    def _encode_windowed(self, text: str) -> Encoded:
        if len(text) <= MOST_WINDOWED:
            return self._wrap(self._run([text])[0], text)
        head = self._heads.cut(text, self._heads.shortest)
        one = self._cut(self._run([head])[0], head)
        return replace(one, truncated=True, cut=0, unread=len(text) - len(head))

    def _encode_both(self, inputs: Sequence[Input], known: dict[str, Tokens]) -> list[Encoded]:
        if self._apart is not None:
            first, second = self._apart
            columns = [(first + one, second + other) for one, other in map(columns_of, inputs)]
            texts = list(dict.fromkeys(text for both in columns for text in both))
            found = dict(zip(texts, self._encode_texts(texts), strict=True))
            return [apart(found[one], found[other]) for one, other in columns]
        if self._frame is None:
            self._frame = frame_within(self._tokenizer, self._most)
        return encode_both(
            inputs, self._frame, self._tokens, self._most, self._overlap, known,
            symmetric=self._symmetric,
        )  # fmt: skip

    def _tokens(self, texts: Sequence[str]) -> list[Tokens]:
        """The own tokens of texts, without special ones."""
        clean = [self._clean(text) for text in texts]
        heads = [
            text if len(text) <= MOST_WINDOWED else self._heads.cut(text, MOST_WINDOWED)
            for text in clean
        ]
        found = []
        for text, head, one in zip(clean, heads, self._run(heads, special=False), strict=True):
            offsets = words = None
            if self._rules is not None:
                offsets, words = one.offsets, self._rules.words_in(one, head)
            unknown = one.ids.count(self._unknown)
            found.append(Tokens(one.ids, offsets, words, unknown, len(text) - len(head)))
        return found

    def _run(self, texts: Sequence[str], *, special: bool = True) -> list[Any]:
        if not texts:
            return []
        whole = [_whole(text) for text in texts]
        if self._words is not None:
            return self._words.encode(whole, special=special)
        return self._read(whole, special)

    def _read(self, texts: Sequence[str], special: bool) -> list[Any]:
        tokenizer = self._tokenizer
        run = tokenizer.encode_batch if self._offsets else tokenizer.encode_batch_fast
        with _asking():
            return list(run(texts, add_special_tokens=special))

    def _pieces(self, words: Sequence[str]) -> list[list[int]]:
        """The ids of words that are normalized already."""
        model = self._tokenizer.model
        with _asking():
            return [[piece.id for piece in model.tokenize(word)] for word in words]

    def frame(self) -> tuple[list[int], list[int], str]:
        """The special ids before and behind each text, and a token that is sure to exist."""
        before, _, behind = _parted(self._tokenizer.encode("a"))
        known = self._unknown if self._unknown is not None else 0
        return before, behind, str(self._tokenizer.id_to_token(known))

    def tokens(self, ids: Sequence[int]) -> list[str]:
        """The tokens of ids, by name."""
        return [str(self._tokenizer.id_to_token(one)) for one in ids]

    def _clean(self, text: Input) -> str:
        if not isinstance(text, str):
            raise TypeError(f"a text must be a str, not {type(text).__name__}")
        return text if self._normalize is None else self._normalize(text)

    def _wrap(self, encoding: Any, text: str) -> Encoded:
        if self._overlap is None or len(encoding) <= self._most:
            return self._cut(encoding, text)
        return self._split(encoding, text, self._overlap)

    def _cut(self, encoding: Any, text: str) -> Encoded:
        # A tokenizer without special tokens gives an empty text nothing, which no graph can run.
        ids: list[int] = encoding.ids or [self._empty]
        cut = max(0, len(ids) - self._most)
        if cut:
            before, own, behind = _parted(encoding)
            ids = before + own[: self._room] + behind
        place = self._place(encoding, len(ids)) if encoding.ids else range(0)
        share = self._unknown_share(ids, len(ids) - self._special)
        part = Part(ids, place, len(place))
        if self._rules is not None:
            words = self._rules.words_in(encoding, text)
            part.tell_places(encoding.offsets, words, slice(place.start, place.stop))
        return Encoded((part,), cut > 0, share, cut)

    def _place(self, encoding: Any, size: int) -> range:
        """Where a text's own tokens stand among the ``size`` that are kept of its encoding."""
        if self._ends is None:
            before, own, behind = _parted(encoding)
            if not own:
                return range(0)
            self._ends = len(before), len(behind)
        return range(self._ends[0], size - self._ends[1])

    def _split(self, encoding: Any, text: str, overlap: int) -> Encoded:
        before, own, behind = _parted(encoding)
        begins = range(0, len(own) - overlap, self._room - overlap)
        parts = []
        offsets = encoding.offsets if self._rules is not None else []
        words = self._rules.words_in(encoding, text) if self._rules is not None else []
        for begin in begins:
            kept = own[begin : begin + self._room]
            place = range(len(before), len(before) + len(kept))
            fresh = len(kept) - (overlap if begin else 0)
            part = Part(before + kept + behind, place, fresh)
            if self._rules is not None:
                part.tell_places(offsets, words, slice(place.start + begin, place.stop + begin))
            parts.append(part)
        return Encoded(tuple(parts), False, self._unknown_share(own, len(own)))

    def _unknown_share(self, ids: list[int], own: int) -> float:
        return ids.count(self._unknown) / own if self._unknown is not None and own > 0 else 0.0


def _word_rules(tokenizer: Tokenizer) -> "WordRules":
    from edgeft.runtime.places import word_rules  # which a classifier never needs

    return word_rules(tokenizer)


def _whole(text: str) -> str:
    """The text with what stands for a lone surrogate, such as broken JSON leaves, in its place.

    That is one character for each, so that every other one stays where it was.
    """
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-8", "replace").decode()
    return text


def _parted(encoding: Any) -> tuple[list[int], list[int], list[int]]:
    """The ids of an encoding: special ones before the text, its own tokens', those behind it."""
    ids, marks = encoding.ids, encoding.special_tokens_mask
    if 0 not in marks:
        return ids, [], []
    begin, end = marks.index(0), len(marks) - marks[::-1].index(0)
    return ids[:begin], ids[begin:end], ids[end:]


def _is_failure(error: BaseException) -> bool:
    """Whether the library failed; it raises plain Exception, or panics."""
    return isinstance(error, Exception) or type(error).__name__ == PANIC


@contextmanager
def _asking() -> Iterator[None]:
    """Call the library in here. Raises RunError where it fails."""
    try:
        with native_call():
            yield
    except BaseException as error:
        if not _is_failure(error):
            raise
        raise RunError(
            f"The tokenizer failed: {error}.",
            hint="Its tokenizer.json may be damaged: copy the bundle again, or export it anew.",
        ) from error


def unknown_id(model: dict[str, Any], tokenizer: Tokenizer) -> int | None:
    """The id that stands for what the vocabulary lacks; None for byte-level vocabularies."""
    if model.get("unk_id") is not None:  # Unigram
        return int(model["unk_id"])
    token = model.get("unk_token")  # WordPiece, WordLevel, BPE
    return tokenizer.token_to_id(token) if token else None
