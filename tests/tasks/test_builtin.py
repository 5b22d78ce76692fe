from edgeft.tasks.builtin import GOLDEN_TEXTS, parity_texts


def test_golden_texts_cover_the_kinds() -> None:
    assert "" in GOLDEN_TEXTS
    assert any("\u4e00" <= char <= "\u9fff" for text in GOLDEN_TEXTS for char in text)
    assert any(ord(char) > 0xFFFF for text in GOLDEN_TEXTS for char in text)
    assert len(set(GOLDEN_TEXTS)) == len(GOLDEN_TEXTS)


def test_parity_texts_go_from_nothing_to_beyond_the_limit() -> None:
    texts = parity_texts(128)
    lengths = sorted(len(text.split()) for text in texts)
    assert len(texts) == 60
    assert (lengths[0], lengths[-1]) == (0, 136)
    assert len({length for length in lengths if length < 40}) > 10
    assert texts == parity_texts(128)
