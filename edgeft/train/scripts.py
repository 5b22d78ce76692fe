"""Which scripts texts are written in, and which models read them."""

import unicodedata
from collections import Counter
from collections.abc import Sequence

__all__ = ["main_script", "models_for"]

MOST_LETTERS = 100_000  # of the texts: what they are written in shows long before
MULTILINGUAL = (
    "intfloat/multilingual-e5-small",
    "FacebookAI/xlm-roberta-base",
    "google-bert/bert-base-multilingual-cased",
)
# By the first word of the letters' names in Unicode; each has a tokenizer.json and safetensors.
OWN = {
    "CJK": "google-bert/bert-base-chinese",
    "HANGUL": "klue/bert-base",
    "CYRILLIC": "DeepPavlov/rubert-base-cased",
    "ARABIC": "aubmindlab/bert-base-arabertv02",
    "DEVANAGARI": "google/muril-base-cased",
    "GREEK": "nlpaueb/bert-base-greek-uncased-v1",
}
JAPANESE = ("HIRAGANA", "KATAKANA")
NAMES = {"CJK": "Chinese", "HANGUL": "Korean"}


def main_script(texts: Sequence[str]) -> str:
    """The script of most letters, by Unicode's name of it ("CJK", "LATIN"); "" without letters.

    Where a tenth of them are kana, it is "HIRAGANA": Japanese has both.
    """
    found: Counter[str] = Counter()
    for text in texts:
        found.update(
            unicodedata.name(letter, "").partition(" ")[0] for letter in text if letter.isalpha()
        )
        if found.total() > MOST_LETTERS:
            break
    if not found:
        return ""
    if sum(found[kana] for kana in JAPANESE) > 0.1 * found.total():
        return "HIRAGANA"
    return found.most_common(1)[0][0]


def models_for(script: str) -> str:
    """In a sentence: models on the Hub that read a script."""
    names = [OWN[script]] if script in OWN else []
    called = "Japanese" if script in JAPANESE else NAMES.get(script, script.capitalize())
    several = "that read many languages" if script in ("", "LATIN") else f"that read {called}"
    return f"Models {several}: {', '.join([*names, *MULTILINGUAL])}."
