"""What the commands share: options, progress on the terminal, plain and JSON output."""

from __future__ import annotations

import argparse
import json
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from types import FrameType
from typing import TYPE_CHECKING, Any, TextIO

from c4t_core.errors import Cancelled
from c4t_core.progress import RateMeter, format_duration

if TYPE_CHECKING:
    from c4t_core.images.scan import LeftOut

NAMED = 5  # rules that leave files out, named without --json
PLAIN_EVERY = 10.0  # seconds between lines where there is no terminal for a bar

MODEL_HELP = (
    '"c4t" (comes with the application, the default), "c4t:NAME" (your own), "clip" or "clip:NAME"'
)


def add_model_option(parser: argparse.ArgumentParser) -> None:
    """Add ``--model NAME``."""
    parser.add_argument("--model", default="c4t", metavar="NAME", help=f"the model: {MODEL_HELP}")


def add_column_options(parser: argparse.ArgumentParser) -> None:
    """Add ``--image-column``, ``--caption-column`` and ``--column``, for a file of pairs."""
    for role, what in (("image", "that names the images"), ("caption", "of the captions")):
        parser.add_argument(
            f"--{role}-column", metavar="NAME", help=f"the column {what} (default: found)"
        )
    parser.add_argument(
        "--column",
        metavar="ROLE=NAME",
        action="append",
        type=_column,
        help="the column of image, caption, drive, split or shown, such as drive=trip",
    )


def columns_of(args: argparse.Namespace) -> dict[str, str] | None:
    """Return role -> column as :func:`add_column_options` was answered, None for nothing."""
    chosen = dict(args.column or ())
    for role in ("image", "caption"):
        name = getattr(args, f"{role}_column")
        if name is not None:
            chosen[role] = name
    return chosen or None


def _column(text: str) -> tuple[str, str]:
    role, equals, name = text.partition("=")
    if not equals or role not in ("image", "caption", "drive", "split", "shown"):
        raise argparse.ArgumentTypeError(
            f"{text!r} is not ROLE=NAME with the role image, caption, drive, split or shown"
        )
    return role, name


def positive(text: str) -> int:
    """Read a whole number above zero, for argparse."""
    try:
        number = int(text)
    except ValueError:
        number = 0
    if number < 1:
        raise argparse.ArgumentTypeError(f'"{text}" is not a whole number above zero')
    return number


def printable(text: str) -> str:
    r"""Return a name on one line: control characters as escapes.

    Bytes that are no text stay as they are; they are written out unchanged.

    >>> printable("a\nb.png")
    'a\\nb.png'
    """
    return "".join(
        character
        if character.isprintable() or "\udc80" <= character <= "\udcff"
        else character.encode("unicode_escape").decode("ascii")
        for character in text
    )


def print_json(value: Any) -> None:
    """Write one line of JSON; names that are no text survive as lone surrogates."""
    print(json.dumps(value, allow_nan=False))


def say(sentence: str) -> None:
    """Write a remark to stderr, where it does not disturb the result."""
    print(sentence, file=sys.stderr, flush=True)


def plural(count: int, noun: str) -> str:
    """Return a count with its noun.

    >>> plural(1, "image"), plural(5900, "image")
    ('1 image', '5,900 images')
    """
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


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


class Watcher:
    """Show the state of long work on stderr, and stop it when asked to.

    On a terminal a bar with count, rate, time left and how many were skipped; elsewhere a plain
    line now and then; nothing when quiet. It is called as a
    :class:`~c4t_core.progress.Progress`.

    Args:
        noun: what is counted, such as ``"image"``.
        quiet: show nothing.
        skipped: tells how many were left out so far.
        stream: where to write; stderr by default.
    """

    def __init__(
        self,
        noun: str = "image",
        *,
        quiet: bool = False,
        skipped: Callable[[], int] | None = None,
        stream: TextIO | None = None,
    ) -> None:
        """Show nothing until the first call."""
        self._noun = noun
        self._stream = sys.stderr if stream is None else stream
        self._with_bar = not quiet and self._stream.isatty()
        self._quiet = quiet
        self._skipped = skipped
        self._bar: Any = None
        self._meter = RateMeter()
        self._last_line = time.monotonic()
        self._stop = threading.Event()
        self.started = False

    def stop(self) -> None:
        """Let the next call raise Cancelled."""
        self._stop.set()

    def __call__(self, done: int, total: int, /) -> None:
        """Show the state.

        Raises:
            Cancelled: once :meth:`stop` was called.
        """
        self.started = True
        if self._stop.is_set():
            raise Cancelled
        if self._quiet or total == 0:  # nothing is known yet while folders are scanned
            return
        if self._with_bar:
            self._draw(done, total)
        else:
            self._write_line(done, total)

    def close(self) -> None:
        """Leave the bar as it stands, and go to the next line."""
        if self._bar is not None:
            self._bar.close()
            self._bar = None

    def _draw(self, done: int, total: int) -> None:
        from tqdm import tqdm

        if self._bar is None:
            self._bar = tqdm(
                total=total,
                unit=f" {self._noun}s",
                file=self._stream,
                dynamic_ncols=True,
                smoothing=0.1,
                bar_format="{percentage:3.0f}% |{bar}| {n_fmt} of {total_fmt}, {rate_fmt}, "
                "{remaining} left{postfix}",
            )
        self._bar.total = total
        count = self._skipped() if self._skipped else 0
        if count:
            self._bar.set_postfix_str(f"{count} skipped", refresh=False)
        self._bar.update(done - self._bar.n)

    def _write_line(self, done: int, total: int) -> None:
        now = time.monotonic()
        self._meter.update(done, total, now)
        if now - self._last_line < PLAIN_EVERY:
            return
        self._last_line = now
        left = self._meter.seconds_left
        parts = [f"{done:,} of {plural(total, self._noun)}"]
        if self._meter.rate > 0:
            parts.append(f"{self._meter.rate:.{0 if self._meter.rate >= 1 else 1}f} a second")
        if left is not None:
            parts.append(f"{format_duration(left)} left")
        count = self._skipped() if self._skipped else 0
        if count:
            parts.append(f"{count} skipped")
        print(", ".join(parts), file=self._stream, flush=True)


@contextmanager
def stopping_cleanly(watcher: Watcher) -> Iterator[None]:
    """Turn the first Ctrl+C into a clean stop of the watched work; a second one is abrupt.

    Before the work has begun there is nothing to save, and Ctrl+C is abrupt at once.
    """

    def on_interrupt(number: int, frame: FrameType | None) -> None:
        signal.signal(signal.SIGINT, signal.default_int_handler)
        if not watcher.started:
            raise KeyboardInterrupt
        watcher.stop()

    try:
        with handling_signals(on_interrupt, signal.SIGINT):
            yield
    finally:
        watcher.close()


@contextmanager
def handling_signals(
    handler: Callable[[int, FrameType | None], None], *numbers: signal.Signals
) -> Iterator[None]:
    """Have signals handled while the block runs; outside the main thread nothing changes."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.signal(number, handler) for number in numbers}
    try:
        yield
    finally:
        for number, old in before.items():
            signal.signal(number, old)
