from edgeft.compress.page import _apart


def point(name: str, score: float, mb: float, *, chosen: bool = False) -> dict[str, object]:
    return {
        "name": name, "score": score, "low": score - 0.01, "high": score + 0.01, "mb": mb,
        "chosen": chosen,
    }  # fmt: skip


def test_names_that_would_run_into_one_another_are_left_out_and_never_the_chosen_one() -> None:
    near = [point("small", 0.900, 3.0), point("smaller", 0.9002, 2.9, chosen=True)]
    far = [point("large", 0.9003, 100.0), point("better", 0.920, 4.0)]
    kept = [one["name"] for one in _apart([*near, *far], [*near, *far], "mb")]
    assert kept == ["smaller", "large", "better"]


def test_the_chosen_one_has_its_name_where_another_beats_it() -> None:
    line, chosen = [point("small", 0.90, 3.0)], point("large", 0.89, 50.0, chosen=True)
    assert [one["name"] for one in _apart(line, [*line, chosen], "mb")] == ["large", "small"]


def test_a_single_point_has_its_name() -> None:
    alone = [point("whole", 0.9, 90.0)]
    assert _apart(alone, alone, "mb") == alone
