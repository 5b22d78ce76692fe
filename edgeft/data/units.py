"""Places in texts as other languages count them."""

__all__ = ["from_utf16"]


def from_utf16(text: str, at: int) -> int:
    """The place in characters of a place in UTF-16, in which an emoji counts as two. at: 0 or more.

    JavaScript and Java count so, and the tools that are written in them.
    """
    units = text.encode("utf-16-le", "surrogatepass")
    return len(units[: 2 * at].decode("utf-16-le", "replace"))
