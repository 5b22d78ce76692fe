"""Tags: the labels of a token tagger, and the types of entities that they tell of. Stdlib only.

"B-PER" begins an entity of the type PER and "I-PER" goes on with it; so does "M-", "E-" and "L-"
end one and "S-", "U-" are whole ones where a model has them beside "B-" or "I-". A label without
any of these is a type itself (the scheme IO), and "O" is none.
"""

from collections.abc import Iterable
from dataclasses import dataclass

__all__ = ["NONE", "SCHEMES", "Tag", "begins", "bio", "goes_on", "io", "tags_of"]

NONE = "O"
PREFIXES = ("B-", "I-")
FURTHER = ("M-", "E-", "L-", "S-", "U-")  # which are prefixes only beside those


@dataclass(frozen=True, slots=True)
class Tag:
    """A label taken apart. type: of the entity; "" of "O". begins, ends: whether it always does."""

    type: str
    begins: bool = False
    ends: bool = False


def tags_of(labels: Iterable[str]) -> list[Tag]:
    """Each label of a model, taken apart."""
    labels = tuple(labels)
    tagged = [label for label in labels if label != NONE]
    more = any(label.startswith(PREFIXES) for label in tagged) and all(
        len(label) > 2 and label.startswith((*PREFIXES, *FURTHER)) for label in tagged
    )
    return [_tag(label, (*PREFIXES, *FURTHER) if more else PREFIXES) for label in labels]


def _tag(label: str, prefixes: tuple[str, ...]) -> Tag:
    if label == NONE:
        return Tag("")
    if len(label) > 2 and label.startswith(prefixes):
        return Tag(label[2:], begins=label[0] in "BSU", ends=label[0] in "ELSU")
    return Tag(label)


def begins(labels: Iterable[str]) -> dict[str, int]:
    """By type the id of the label that its entities begin with: by which truths name the type."""
    return _by_type(labels, first=True)


def goes_on(labels: Iterable[str]) -> dict[str, int]:
    """By type the id of the label of an entity's further words."""
    return _by_type(labels, first=False)


def _by_type(labels: Iterable[str], *, first: bool) -> dict[str, int]:
    found: dict[str, tuple[bool, int]] = {}
    for at, tag in enumerate(tags_of(labels)):
        if not tag.type:
            continue
        fits = tag.begins is first and not tag.ends
        if tag.type not in found or (fits and not found[tag.type][0]):
            found[tag.type] = (fits, at)
    return {name: at for name, (_, at) in found.items()}


def bio(types: Iterable[str]) -> tuple[str, ...]:
    """The labels of the scheme BIO: "O", then "B-" and "I-" of each type."""
    return (NONE, *(f"{prefix}{one}" for one in types for prefix in PREFIXES))


def io(types: Iterable[str]) -> tuple[str, ...]:
    """The labels of the scheme IO, "O" and the types: neighbours of one type become one."""
    return (NONE, *types)


# How labels are made of types, by the name of the scheme.
SCHEMES = {"BIO": bio, "IO": io}
