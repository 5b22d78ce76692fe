"""Built-in texts of several lengths, for when the user names no file."""

import random

__all__ = ["builtin_texts", "evenly"]

# Plain sentences about nothing in particular; the lengths matter, not the content.
SENTENCES = (
    "The morning train left two minutes early and the platform was still half full.",
    "Prices rose a little in spring, then stayed where they were until the harvest.",
    "Please send the second invoice again; the first one had the wrong address on it.",
    "She repaired the old radio with a spare wire and a great deal of patience.",
    "Our team won the last game of the season in front of a very small crowd.",
    "The battery lasts for a day, but the screen is hard to read in sunlight.",
    "Rain is expected in the west, with strong winds along the coast after dark.",
    "I have waited three weeks for my parcel and nobody answers the telephone.",
    "The committee will vote on the new bridge when the survey has been published.",
    "It is a slow film, and yet nobody in the room wanted it to end.",
    "Engineers found the fault in a valve that had been replaced only last month.",
    "How do I change the name on my account without opening a new one?",
)
# (sentences in a text, texts out of 16): most texts are short, a few fill a page.
MIX = ((1, 8), (2, 4), (5, 3), (16, 1))


def builtin_texts(count: int = 240) -> list[str]:
    """``count`` texts of 1, 2, 5 and 16 sentences, mixed 8 : 4 : 3 : 1; always the same."""
    chance = random.Random(0)
    lengths = [sentences for sentences, share in MIX for _ in range(share)]
    texts = []
    for _ in range(0, count, len(lengths)):
        chance.shuffle(lengths)
        texts += [" ".join(chance.choice(SENTENCES) for _ in range(n)) for n in lengths]
    return texts[:count]


def evenly(count: int, wanted: int) -> list[int]:
    """``wanted`` positions spread evenly over ``count``; where wanted > count they repeat."""
    if wanted <= count:
        return [at * count // wanted for at in range(wanted)]
    return [at % count for at in range(wanted)]
