"""Built-in texts: a few golden ones, and some to compare variants on where no data are given.

They are edgeft's own, so that a bundle never quotes its user's texts.
"""

from edgeft.inputs import Pair, Question

__all__ = [
    "ENGLISH",
    "GOLDEN_NAMES",
    "GOLDEN_PAIRS",
    "GOLDEN_QUESTIONS",
    "GOLDEN_TEXTS",
    "SPELLING_TEXTS",
    "parity_pairs",
    "parity_questions",
    "parity_texts",
]

GOLDEN_TEXTS = (
    "The parcel arrived two days late, but everything inside was in good order.",
    "Can I change the address on my account before the card is sent?",
    "Shares in the company fell by four per cent after the report.",
    "What a wonderful film! I would watch it again tomorrow.",
    "The team lost at home, for the third time this season.",
    "今天的天气很好，我们去公园散步吧。",
    "Great service 👍🎉",
    "",
)

# What a tagger is for, before the others: names of a person, places and an organization.
GOLDEN_NAMES = (
    "Marie Curie moved from Warsaw to Paris, where she taught at the Sorbonne.",
    *GOLDEN_TEXTS,
)

# What tokenizers most often read in different ways, in many scripts.
SPELLING_TEXTS = (
    "",
    "   ",
    "tabs\tand\nlines\r\n",
    "naïve café À É Ñ",
    "nai\u0308ve cafe\u0301 n\u0303",  # accents as characters of their own
    "Straße ẞ ſ",
    "İstanbul ıssız",
    "ΑΒΓ ς Σ καλημέρα",
    "Москва Ёлка Й",
    "عربي مُحَمَّد ١٢٣",
    "עברית שָׁלוֹם",
    "हिन्दी समाचार क्षत्रिय",
    "ภาษาไทยไม่มีช่องว่าง",
    "Tiếng Việt có dấu",
    "한국어 날씨",
    "日本語のテキスト ｶﾀｶﾅ が",
    "今天天气很好，我们去公园。",
    "ﬁne ﬂow ǆ ½ ² ™",
    "ｆｕｌｌ ｗｉｄｔｈ！",
    "don’t “quote” – dash — … 'x'",
    "a_b-c.d@e.org https://example.org/?q=1&x=2#top",
    "£9.99 €5 $3 ¥7 50% 1,000.5",
    "👍🏽 👨‍👩‍👧 🇬🇧 ❤️ ☂",
    "soft\u00adhyphen zero\u200bwidth joiner\u200d mark\ufeff",
    "no\u00a0break thin\u2009space",
    "control\x01\x7f\x85characters",
    "nul\x00inside",
    "replacement \ufffd private \ue000",
    "[CLS] [SEP] [PAD] [UNK] [MASK] <s> </s> <|endoftext|>",
    "##suffix Ġspace ▁piece",
    "supercalifragilisticexpialidocious" * 4,
    "a" * 120,
    "!!!???...,,,;;;",
)

ENGLISH = 15  # of the parity texts, the first

_WORDS = (
    "the river was high and a train stood on bridge while people waited for news of price market "
    "game doctor garden music never always good bad cheap late happy angry please help my card "
    "account payment did not work today thank you very much",
    "Größe straße être garçon señor mañana łódź čeština århus føroyar naïve façade Ελλάδα "
    "καλημέρα Москва погода новости спасибо",
    "天气 新闻 公司 价格 音乐 医生 花园 東京 ありがとう ニュース 서울 날씨 हिन्दी समाचार ภาษาไทย",
    "<b>bold</b> [red] a|b £9.99 50% e-mail@example.org https://example.org/?q=1 #tag 3.14 :-) "
    "🙂 🇬🇧 !!! --",
)


def parity_texts(max_length: int) -> list[str]:
    """60 texts in four scripts, from no word to more than ``max_length`` tokens.

    The same on every machine: the words are picked by arithmetic, not by chance.
    """
    texts = []
    for line in _WORDS:
        words = line.split()
        for at in range(ENGLISH):
            # From 0 to 36 words by growing steps, then about half of and beyond the limit.
            count = (at * at + 3) // 4 if at < 13 else (max_length // 2, max_length + 8)[at - 13]
            picked = [words[(at * 7 + i * i + 3 * i) % len(words)] for i in range(count)]
            texts.append(" ".join(picked))
    return texts


GOLDEN_PAIRS = (
    Pair(GOLDEN_TEXTS[0], "The parcel came late."),
    Pair("My address has changed.", GOLDEN_TEXTS[1]),
    Pair(GOLDEN_TEXTS[2], "Shares rose by four per cent."),
    Pair(GOLDEN_TEXTS[3], GOLDEN_TEXTS[4]),
    Pair(GOLDEN_TEXTS[5], "我们不去公园。"),
    Pair(GOLDEN_TEXTS[6], GOLDEN_TEXTS[6]),
    Pair("", GOLDEN_TEXTS[0]),
)


def parity_pairs(max_length: int) -> list[Pair]:
    """Each of ``parity_texts`` beside another, so that either side is longer, or both are.

    The 15 lengths of a script go up; those of the other sides go round in steps of four.
    """
    texts = parity_texts(max_length)
    return [
        Pair(text, texts[at - at % ENGLISH + (4 * at + 1) % ENGLISH])
        for at, text in enumerate(texts)
    ]


GOLDEN_QUESTIONS = (
    Question("When did the parcel arrive?", GOLDEN_TEXTS[0]),
    Question("What do I want to change?", GOLDEN_TEXTS[1]),
    Question("How much did shares fall?", GOLDEN_TEXTS[2]),
    Question("Who painted the bridge?", GOLDEN_TEXTS[3]),
    Question("哪里散步？", GOLDEN_TEXTS[5]),
    Question("Where did the team lose?", " ".join(GOLDEN_TEXTS[:5])),
)


def parity_questions(max_length: int) -> list[Question]:
    """A question about each of ``parity_texts`` that is not empty, of its last words."""
    texts = [text for text in parity_texts(max_length) if text]
    return [Question(f"What of {' '.join(text.split()[-2:])}?", text) for text in texts]
