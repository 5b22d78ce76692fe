"""What stands before texts that are embedded, by the names that sentence-transformers gives it.

The names are those that its ``encode_query`` and ``encode_document`` look for, in their order; its
version 5 adds an empty "document" to every model, behind which it no longer sees a "passage": here
that is taken, as the folder has it. Standard library alone.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from edgeft.errors import UsageError
from edgeft.tasks.head import Head
from edgeft.tasks.task import Task

__all__ = ["before_pair", "for_pairs", "pairs_told", "prompt_of", "reading_pairs"]

FOR_QUERIES, FOR_TEXTS = ("query",), ("document", "passage", "corpus")


def for_pairs(prompts: Mapping[str, str], prompt: str, *, sided: bool) -> tuple[str, str]:
    """The names of the prompts before the first and the second text of a pair, "" for none.

    Where the two are ``sided``, a query and a passage, each gets the prompt that is meant for it;
    ``prompt``, the model's own choice for any text, stands wherever there is none such.
    """
    if not sided:
        return prompt, prompt
    first, second = (
        next((name for name in names if name in prompts), prompt)
        for names in (FOR_QUERIES, FOR_TEXTS)
    )
    return first, second


def reading_pairs(head: Head, task: Task) -> Head:
    """The head that reads pairs as ``task``, in the form of their truths, has them."""
    if not task.embeds or not head.prompts:
        return head
    return replace(head, pair_prompts=for_pairs(head.prompts, head.prompt, sided=task.sided))


def before_pair(head: Head) -> tuple[str, str]:
    """What stands before the first and the second text of a pair. Raises UsageError."""
    first, second = (prompt_of(head, name) for name in head.pair_prompts or ("", ""))
    return first, second


def prompt_of(head: Head, prompt: str | None) -> str:
    """What stands before each text. Raises UsageError for a prompt that the model has not."""
    prompts = head.prompts
    name = head.prompt if prompt is None else prompt
    if not name:
        return ""
    if name not in prompts:
        raise UsageError(
            f"The model has no prompt {name!r}.",
            hint=f"It has {', '.join(prompts)}." if prompts else "It has none: leave it out.",
        )
    return prompts[name]


def pairs_told(names: Sequence[str]) -> str:
    """With which prompts pairs are read, in words; "" where a model has none."""
    if not names:
        return ""
    first, second = (f"the prompt {name}" if name else "no prompt" for name in names)
    if first == second:
        return f"Pairs are read with {first} before either text."
    return f"Pairs are read with {first} before the first text, {second} before the second."
