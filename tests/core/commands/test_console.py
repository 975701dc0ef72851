"""What the commands share: progress on the terminal, stopping, names, JSON."""

from __future__ import annotations

import argparse
import io
import json
import os
import signal

import pytest

from c4t_core.commands import console
from c4t_core.commands.console import Watcher, plural, positive, printable, stopping_cleanly
from c4t_core.errors import Cancelled


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_a_bar_shows_count_rate_time_left_and_skipped():
    stream = Terminal()
    watcher = Watcher(stream=stream, skipped=lambda: 3)
    watcher(0, 0)
    assert stream.getvalue() == ""  # nothing is known while folders are scanned
    watcher(0, 200)
    watcher._bar.start_t -= 2  # as if two seconds had passed
    watcher._bar.mininterval = 0
    watcher(100, 200)
    watcher(200, 200)
    watcher.close()
    text = stream.getvalue()
    assert "200 of 200" in text
    assert "left" in text
    assert "3 skipped" in text
    assert text.endswith("\n")


def test_without_a_terminal_a_plain_line_now_and_then(monkeypatch):
    clock = [100.0]
    monkeypatch.setattr(console.time, "monotonic", lambda: clock[0])
    stream = io.StringIO()
    watcher = Watcher(stream=stream)
    for done in range(0, 1000, 10):
        clock[0] += 0.5
        watcher(done, 5900)
    lines = stream.getvalue().splitlines()
    assert 3 <= len(lines) <= 5
    assert lines[-1].startswith("990 of 5,900 images, 20 a second, ")
    assert lines[-1].endswith("left")


def test_quiet_shows_nothing_but_still_stops():
    stream = Terminal()
    watcher = Watcher(stream=stream, quiet=True)
    watcher(1, 2)
    watcher.stop()
    with pytest.raises(Cancelled):
        watcher(2, 2)
    assert stream.getvalue() == ""


def test_the_first_interrupt_stops_cleanly_and_the_handler_comes_back():
    before = signal.getsignal(signal.SIGINT)
    watcher = Watcher(quiet=True)
    done = []

    def work():
        for number in range(3):
            watcher(number, 3)
            done.append(number)
            if number == 0:
                os.kill(os.getpid(), signal.SIGINT)

    with pytest.raises(Cancelled), stopping_cleanly(watcher):
        work()
    assert done == [0]
    assert signal.getsignal(signal.SIGINT) is before


def test_the_second_interrupt_is_abrupt():
    watcher = Watcher(quiet=True)

    def work():
        watcher(0, 3)
        os.kill(os.getpid(), signal.SIGINT)
        os.kill(os.getpid(), signal.SIGINT)

    with pytest.raises(KeyboardInterrupt), stopping_cleanly(watcher):
        work()


def test_an_interrupt_before_the_work_is_abrupt():
    watcher = Watcher(quiet=True)
    with pytest.raises(KeyboardInterrupt), stopping_cleanly(watcher):
        os.kill(os.getpid(), signal.SIGINT)


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("plain.png", "plain.png"),
        ("a\nb.png", "a\\nb.png"),
        ("\x1b[31mred.png", "\\x1b[31mred.png"),
        ("Straße 🚲.png", "Straße 🚲.png"),
        ("\udcff.png", "\udcff.png"),  # a byte that is no text is written out as it is
        ("\ud800.png", "\\ud800.png"),  # half of a character cannot be written at all
    ],
)
def test_names_stay_on_one_line(name, shown):
    assert printable(name) == shown
    assert len(printable(name).splitlines()) == 1


def test_json_keeps_names_that_are_no_text(capsys):
    console.print_json({"path": os.fsdecode(b"\xff.png"), "line": "a\nb"})
    out = capsys.readouterr().out
    assert out.isascii()
    assert out.count("\n") == 1
    assert os.fsencode(json.loads(out)["path"]) == b"\xff.png"


def test_json_refuses_what_is_no_json():
    with pytest.raises(ValueError, match="JSON"):
        console.print_json([float("nan")])


@pytest.mark.parametrize("text", ["0", "-3", "1.5", "many", ""])
def test_a_count_must_be_a_whole_number_above_zero(text):
    with pytest.raises(argparse.ArgumentTypeError, match="above zero"):
        positive(text)


def test_counts_agree_with_their_noun():
    assert [plural(n, "image") for n in (0, 1, 1200)] == ["0 images", "1 image", "1,200 images"]
