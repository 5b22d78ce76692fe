from edgeft.compress.family import Candidate, Family, FamilyFacts, family_of

SHORT, LONG = [20] * 100, [20] * 90 + [300] * 10


def named(family: Family) -> list[str]:
    return [one.name for one in family.candidates]


def facts(**given: object) -> FamilyFacts:
    usual = {"by_token": False, "static": False, "cascades": True, "layers": 6, "max_length": 128}
    return FamilyFacts(**{**usual, "lengths": SHORT, **given})  # type: ignore[arg-type]


def test_a_classifier_of_short_texts() -> None:
    found = family_of(facts())
    assert named(found) == [
        "whole fp32", "whole int8", "trimmed fp32", "trimmed int8", "trimmed int4",
        "half fp32", "half int8", "half trimmed fp32", "half trimmed int8", "half trimmed int4",
        "static fp32", "static int8-vectors",
        "static trimmed fp32", "static trimmed int8-vectors",
        "static int8-vectors, then whole fp32", "static int8-vectors, then whole int8",
        "static int8-vectors, then half fp32", "half fp32, then whole fp32",
        "static int8-vectors, then half fp32, then whole fp32",
    ]  # fmt: skip
    assert {one.name: one.amount for one in found.sources if one.amount} == {"half": 3}
    assert found.candidates[-1].folder == "static-int8-vectors+half-fp32+whole-fp32"


def test_texts_that_are_long_may_be_cut_shorter() -> None:
    found = family_of(facts(lengths=LONG, max_length=512))
    lengths = [one.amount for one in found.sources if one.by == "shorter"]
    assert lengths == [32, 64, 128, 256]
    assert "static int8-vectors, then first 64 fp32" in named(found)
    shorter = family_of(facts(lengths=LONG, max_length=128))
    assert [one.amount for one in shorter.sources if one.by == "shorter"] == [32, 64]
    few = family_of(facts(lengths=[20] * 99 + [300], max_length=512))
    assert not any(one.by == "shorter" for one in few.sources)


def test_where_answers_are_of_tokens_layers_alone_are_dropped() -> None:
    found = family_of(facts(by_token=True, lengths=LONG, max_length=512))
    assert named(found) == ["whole fp32", "whole int8", "half fp32", "half int8"]


def test_many_labels_and_numbers_have_students_and_no_cascades() -> None:
    found = named(family_of(facts(cascades=False)))
    assert found == [one for one in named(family_of(facts())) if "then" not in one]
    assert "static trimmed int8-vectors" in found


def test_a_static_checkpoint_has_no_layers_to_drop_and_is_its_own_student() -> None:
    found = family_of(facts(static=True, layers=0))
    assert named(found) == [
        "whole fp32", "whole int8-vectors", "trimmed fp32", "trimmed int8-vectors",
    ]  # fmt: skip


def test_one_layer_cannot_be_halved() -> None:
    assert not any("half" in one for one in named(family_of(facts(layers=1))))


def test_each_is_made_after_what_it_is_made_of() -> None:
    found = family_of(facts(lengths=LONG, max_length=512))
    before: set[str] = {""}
    for one in found.sources:
        assert one.of in before
        before.add(one.name)
    assert all(set(one.sources) < before for one in found.candidates)
    folders = [one.folder for one in found.candidates]
    assert len(set(folders)) == len(folders)
    assert isinstance(found.candidates[0], Candidate)


def test_vectors_have_no_static_students() -> None:
    family = family_of(facts(vectors=True))
    assert {one.by for one in family.sources} >= {"itself", "trim", "layers"}
    assert all(one.by != "static" for one in family.sources)
    assert all(len(one.members) == 1 for one in family.candidates)
