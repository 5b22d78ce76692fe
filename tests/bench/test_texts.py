from edgeft.bench.texts import builtin_texts, evenly


def test_builtin_texts_are_the_same_each_time_and_of_several_lengths() -> None:
    texts = builtin_texts(64)
    assert texts == builtin_texts(64)
    words = sorted(len(text.split()) for text in texts)
    assert words[0] < 20
    assert words[-1] > 150
    assert words[len(words) // 2] < 40  # most texts are short


def test_builtin_texts_of_any_count_keep_the_mix_of_lengths() -> None:
    assert len(builtin_texts(50)) == 50
    long = [text for text in builtin_texts(160) if len(text.split()) > 150]
    assert len(long) == 10  # one in sixteen


def test_evenly_spreads_over_the_whole_and_repeats_what_is_too_few() -> None:
    assert evenly(10, 5) == [0, 2, 4, 6, 8]
    assert evenly(3, 3) == [0, 1, 2]
    assert evenly(2, 5) == [0, 1, 0, 1, 0]
