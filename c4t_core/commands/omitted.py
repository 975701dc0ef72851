"""What the commands say of files that a folder holds and that are not taken."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from c4t_core.commands.console import plural, printable, say

if TYPE_CHECKING:
    from c4t_core.images.scan import LeftOut

NAMED = 5  # rules named without --json


def say_omitted(
    left_out: Sequence[LeftOut], unread: Mapping[str, int], recordings: Mapping[str, int]
) -> None:
    """Say what is not taken and no failure, so that nobody works on a part unknowingly.

    Args:
        left_out: what the rules left out.
        unread: number of pictures of formats that are not read, by ending.
        recordings: number of videos and bags, by ending.
    """
    for left in left_out[:NAMED]:
        where = f" in {plural(left.folders, 'folder')}" if left.folders else ""
        named = ", ".join(printable(str(path)) for path in left.examples[:2])
        say(f"  left out by {quoted(left)}: {pictures([left])}{where}, such as {named}")
    rest = left_out[NAMED:]
    if rest:
        say(f"  left out by {plural(len(rest), 'more rule')}: {pictures(rest)}")
    if unread:
        say(f"  of formats that are not read: {by_ending(unread)}")
    if recordings:
        say(f"  recordings, which are not read yet: {by_ending(recordings)}")


def quoted(left: LeftOut) -> str:
    """Return the rule, in quotes."""
    return f'"{printable(left.rule)}"'


def pictures(left_out: Sequence[LeftOut], noun: str = "image") -> str:
    """Return a number of pictures, "more than" it where not all were counted."""
    number = sum(left.files for left in left_out)
    more = "more than " if any(left.more for left in left_out) else ""
    return more + (plural(number, noun) if noun else f"{number:,}")


def by_ending(counts: Mapping[str, int]) -> str:
    """Return a number of files with how many there are of each ending, the most first."""
    ordered = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    files = plural(sum(counts.values()), "file")
    return f"{files} ({', '.join(f'{printable(name)} {number:,}' for name, number in ordered)})"
