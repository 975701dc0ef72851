"""Pieces of HTML that report.html is put together from."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Mapping, Sequence
from html import escape
from typing import Any


def html_picture(both: tuple[bytes, bytes], text: str) -> str:
    """Return a plot for light and for dark paper, with a text that says what it shows."""
    light, dark = map(base64_of, both)
    return (
        '<picture><source media="(prefers-color-scheme: dark)" '
        f'srcset="data:image/png;base64,{dark}">'
        f'<img alt="{safe(text)}" src="data:image/png;base64,{light}"></picture>'
    )


def html_table(
    head: Sequence[str],
    rows: Iterable[Sequence[str]],
    *,
    caption: str = "",
    classes: str = "",
    escaped: bool = False,
) -> str:
    """Return a table; cells are escaped unless they are ``escaped`` already."""
    keep = (lambda text: text) if escaped else safe
    top = "".join(f"<th>{safe(text)}</th>" for text in head) if any(head) else ""
    lines = "".join(
        "<tr>" + "".join(f"<td>{keep(text)}</td>" for text in row) + "</tr>" for row in rows
    )
    label = f"<caption>{safe(caption)}</caption>" if caption else ""
    return (
        f'<div class="scroll"><table class="{classes}">{label}<thead><tr>{top}</tr></thead>'
        f"<tbody>{lines}</tbody></table></div>"
    )


def html_note(text: str) -> str:
    """Return a remark; the text is HTML already."""
    return f'<p class="note">{text}</p>'


def with_interval(block: Mapping[str, Any], key: str, n: str | None = None) -> str:
    """Return a figure of a block with its interval, as text."""
    value = block[key] if n is None else block[key][n]
    edges = block["intervals"][key] if n is None else block["intervals"][key][n]
    return f"{decimals(value)} {bracketed(edges)}".strip()


def bracketed(edges: Sequence[float] | None, *, signed: bool = False) -> str:
    """Return an interval as text, nothing where there is none."""
    if edges is None:
        return ""
    low, high = edges
    return f"[{low:+.3f}, {high:+.3f}]" if signed else f"[{low:.3f}, {high:.3f}]"


def decimals(value: float | None) -> str:
    """Return a figure as text, a dash where it is undefined."""
    return "–" if value is None else f"{value:.3f}"


def safe(text: str) -> str:
    """Escape a text; what is no character becomes a visible escape."""
    shown = "".join(
        c if c.isprintable() and not "\ud800" <= c <= "\udfff" else repr(c)[1:-1] for c in text
    )
    return escape(shown)


def base64_of(data: bytes) -> str:
    """Return bytes as base64 text."""
    return base64.b64encode(data).decode("ascii")
