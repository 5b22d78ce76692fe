"""Whether texts are of the language of others, by what the full model's tokenizer makes of them."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tokenizers import Tokenizer

from edgeft.bundle import Manifest
from edgeft.cascade.rows import Gathered
from edgeft.cascade.stages import NamedStage
from edgeft.data import Tell, evenly, unheard
from edgeft.errors import DataError
from edgeft.inputs import Input, columns_of
from edgeft.normalize import normalizer
from edgeft.runtime.tokenize import unknown_id

__all__ = ["Reading", "check_language", "tokenizer_of"]

MOST_UNKNOWN = 0.25  # of the words, more than of the rows of --data
# Times the tokens a letter of --data. By MiniLM's tokenizer English news, reviews, chats and code
# have 0.22 to 0.30, German 0.38, Chinese 0.99: where another tokenizer should read them, and where
# it may be that.
ALIEN, STRANGE = 3.0, 1.45
FEW = 20  # texts tell nothing of a language
SAMPLE = 1000  # texts are looked at, of each
HEAD = 2000  # characters of a text


@dataclass(frozen=True)
class Reading:
    """What a tokenizer makes of the words of some texts, in tokens; emoji and signs are none.

    unknown: of those that stand for words the share that the vocabulary lacks, 0 to 1.
    a_letter: how many there are for each letter.
    """

    unknown: float
    a_letter: float


def check_language(full: NamedStage, gathered: Gathered, tell: Tell = unheard) -> None:
    """Raise DataError where unlabelled texts are of another language than the full model reads.

    They are where its tokenizer lacks their words, or breaks these into several times as many
    pieces as those of --data. Where it is no more than somewhat otherwise that is told, as it may
    be another language, or only texts of another kind.
    """
    known = [gathered.inputs[at] for at in [*gathered.choose, *gathered.report]]
    tokenizer, unknown = tokenizer_of(full)
    prepare = normalizer(full.normalize) or str

    def reading(inputs: Sequence[Input]) -> Reading | None:
        if len(inputs) < FEW:
            return None
        texts = [prepare(text)[:HEAD] for one in evenly(inputs, SAMPLE) for text in columns_of(one)]
        return _reading(tokenizer, unknown, texts)

    ours: Reading | None = None
    for path, places in gathered.unlabelled.items():
        theirs = reading([gathered.inputs[at] for at in places])
        if theirs is None:
            continue
        ours = ours or reading(known)
        times = theirs.a_letter / ours.a_letter if ours else 1.0
        apart = theirs.unknown - (ours.unknown if ours else 0.0)
        pieces = (
            f"the tokenizer makes {theirs.a_letter:.2f} tokens of a letter of its words"
            f"{f', of those of --data {ours.a_letter:.2f}' if ours else ''}"
        )
        if apart > MOST_UNKNOWN or times > ALIEN:
            what = (
                f"the tokenizer of {full.given} does not know {theirs.unknown:.0%} of its words"
                if apart > MOST_UNKNOWN
                else pieces
            )
            raise DataError(
                f"{path} seems to be of another language: {what}.",
                hint="A promise is of texts like those that set the threshold: give such as the "
                "model will see. If it will see these, they are what --data should hold.",
            )
        if times > STRANGE:
            tell(
                f"{path} may be of another language or kind: {pieces}. A promise is of all texts "
                "together that set the threshold."
            )


def tokenizer_of(stage: NamedStage) -> tuple[Tokenizer, int | None]:
    """A stage's tokenizer, which cuts and pads nothing, and the id of what it does not know."""
    if isinstance(stage.made_of, Manifest):
        content = (Path(stage.place) / stage.made_of.model.tokenizer).read_text(encoding="utf-8")
    else:
        content = stage.made_of.tokenizer.backend_tokenizer.to_str()
    tokenizer = Tokenizer.from_str(content)
    tokenizer.no_truncation()
    tokenizer.no_padding()
    return tokenizer, unknown_id(json.loads(content)["model"], tokenizer)


def _reading(tokenizer: Tokenizer, unknown: int | None, texts: Sequence[str]) -> Reading | None:
    """Of texts; None where these have no word."""
    lacking = tokens = 0
    some = [text.encode("utf-8", "replace").decode() for text in texts]  # for lone surrogates
    for text, one in zip(some, tokenizer.encode_batch(some, add_special_tokens=False), strict=True):
        of_words = [
            token
            for token, (begin, end) in zip(one.ids, one.offsets, strict=True)
            if any(map(str.isalpha, text[begin:end]))
        ]
        tokens += len(of_words)
        lacking += of_words.count(unknown) if unknown is not None else 0
    letters = sum(map(str.isalpha, "".join(some)))
    return Reading(lacking / tokens, tokens / letters) if tokens and letters else None
