from collections.abc import Collection

from edgeft.export.ladder import descend

LAYERS = ["a", "b", "c", "d", "e", "f", "g", "h"]
BAD = {"c": 5.0, "f": 9.0}


def trial(needed: Collection[str]) -> tuple[list[tuple[str, ...]], object]:
    made: list[tuple[str, ...]] = []

    def attempt(leave: Collection[str]) -> str:
        made.append(tuple(leave))
        return "" if set(needed) <= set(leave) else f"worse without {len(leave)}"

    return made, attempt


def test_what_passes_is_left_alone() -> None:
    made, attempt = trial(())
    rung = descend(LAYERS, attempt, lambda layer: 1 / 0)  # type: ignore[arg-type]
    assert (rung.left, rung.problem, made) == ((), "", [()])


def test_the_most_sensitive_layers_are_left_first() -> None:
    made, attempt = trial(("f",))
    rung = descend(LAYERS, attempt, lambda layer: BAD.get(layer, 0.0))  # type: ignore[arg-type]
    assert (rung.left, rung.problem) == (("f",), "")
    made, attempt = trial(("c", "f"))
    rung = descend(LAYERS, attempt, lambda layer: BAD.get(layer, 0.0))  # type: ignore[arg-type]
    assert rung.left == ("f", "c")
    assert made == [(), ("f",), ("f", "c")]


def test_nothing_helps() -> None:
    made, attempt = trial(("nothing",))
    rung = descend(LAYERS, attempt, lambda layer: BAD.get(layer, 0.0))  # type: ignore[arg-type]
    assert rung.left == ()
    assert rung.problem == "worse without 4, even with its 4 most sensitive layers in float"
    assert [len(one) for one in made] == [0, 1, 2, 4]
    assert descend([], attempt, lambda layer: 0.0).problem  # type: ignore[arg-type]
