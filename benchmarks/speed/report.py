"""The figures of speed for people: a table of targets and results."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from benchmarks.machine import sentence, table

RATIOS = {"jpeg": 12.0, "png": 4.5, "clip": 2.0}
BOUND = 0.85
RESCAN = 3.0
WINDOW = 0.4  # seconds more than a bare one
_LOOPS = {"jpeg": "JPEG", "png": "PNG", "clip": "CLIP itself"}


def lines(found: dict[str, Any]) -> Iterator[tuple[str, str, str]]:
    """Yield (what, target, result) of the parts that were measured."""
    for part, what in _LOOPS.items():
        if part in found:
            yield from _loop(what, RATIOS[part], found[part])
    if "network" in found:
        part = found["network"]
        yield (
            "image network against its plain fp32 graph, CPU time",
            "stated",
            f"{part['share']:.2f} ({part['network_ms']:.1f} of {part['fp32_ms']:.1f} ms; cosine "
            f"{part['cosine_mean']:.4f}, worst {part['cosine_worst']:.4f})",
        )
    if "window" in found:
        part = found["window"]
        yield (
            "window painted, over a bare Qt window",
            f"< {WINDOW} s more",
            f"{part['more_s']:.2f} s more ({part['window_s']:.2f} s, bare {part['bare_s']:.2f}; "
            f"{part['peak_mb']:.0f} MB)",
        )
    if "search" in found:
        yield from _search(found["search"])
    if "rescan" in found:
        part = found["rescan"]
        yield (
            f"re-scan of {part['files']:,} unchanged files",
            f"<= {RESCAN:.0f} times find",
            f"{part['ratio']:.1f} times ({part['index_s']:.2f} s, find {part['find_s']:.2f}; "
            f"CPU time {part['cpu_ratio']:.1f} times)",
        )


def _loop(what: str, aim: float, part: dict[str, Any]) -> Iterator[tuple[str, str, str]]:
    memory, less = part["peak_mb"], part["cpu_ratio"]
    yield (
        f"{what}: times the open_clip loop, {part['count']} {part['images']}",
        f">= {aim}",
        f"{part['ratio']:.1f} ({part['c4t_images_per_s']:.1f} of {part['clip_images_per_s']:.1f} "
        f"images/s; {f'in CPU time {less:.1f}; ' if less else ''}{memory['c4t']:.0f} MB, the loop "
        f"{memory['clip']:.0f})",
    )
    yield (
        f"{what}: share of the bound",
        f">= {BOUND}",
        f"{part['share_of_bound']:.2f} of {part['bound_images_per_s']:.1f} images/s (decoding "
        f"{1000 * part['decode_s']:.1f} ms, network {1000 * part['encode_s']:.1f} ms; of all CPU "
        f"time used or left idle {part['share_of_cpu']:.2f})",
    )


def _search(part: dict[str, Any]) -> Iterator[tuple[str, str, str]]:
    shown = part["window_first_hits_s"]
    yield (
        f"{part['count']:,} images indexed before: c4t search, start to end",
        "< 0.6 s",
        f"{part['command_line_s']:.2f} s",
    )
    yield (
        f"{part['count']:,} images: first hits in the window, from process start",
        "stated",
        "none in time" if shown is None else f"{shown:.2f} s ({part['peak_mb']:.0f} MB)",
    )


def markdown(found: dict[str, Any]) -> str:
    """Write the report."""
    loop = (
        "The loop is open_clip ViT-B-32 with its own preprocessing, Pillow and batches of 8; its "
        "weights do not matter for time. Ratios are medians over paired runs. The bound is all "
        "cores over the CPU time of decoding and the network by themselves."
    )
    return f"# Speed\n\n{sentence(found['machine'])}.\n\n{table(lines(found))}\n\n{loop}\n"
