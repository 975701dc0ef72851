"""What one cell of a table means: nothing, the name of an image, one text or several."""

from __future__ import annotations

import ast
import io
import json
import re
import tokenize
import unicodedata
from collections.abc import Iterator, Mapping
from typing import Any

# What pandas, R, SQL and spreadsheets write where there is no value.
_MISSING = frozenset(
    (
        *("", "none", "null", "nil", "nan", "-nan", "na", "n/a", "#n/a", "#na", "<na>", "<null>"),
        *("\\n", "n\\a", "n.a.", "none.", "(none)", "(null)", "[nan]", "nat", "undefined"),
        *("#name?", "#null!", "#num!", "#ref!", "#value!", "#div/0!", "1.#qnan", "-1.#ind"),
    )
)
_NAME_KEYS = (
    *("path", "file_name", "filename", "filepath", "file", "name", "src", "image", "uri", "url"),
)
_TEXT_KEYS = ("raw", "caption", "text", "sentence", "comment", "value")
_LONGEST = 1 << 20  # characters of a cell that is looked into


def is_missing(value: Any) -> bool:
    """Tell whether a value stands for none: empty, ``None``, ``NaN``, ``N/A``, only marks and such.

    >>> [is_missing(value) for value in (None, float("nan"), " NaN ", "n/a", "?", "a road", 0)]
    [True, True, True, True, True, False, False]
    """
    if isinstance(value, str):
        text = value.strip().casefold()
        return text in _MISSING or all(unicodedata.category(char)[0] in "PZ" for char in text)
    return value is None or value != value  # noqa: PLR0124 - NaN is unlike itself


def normal(name: str) -> str:
    """Return the name of a column without case, spaces, lines and marks before it.

    >>> normal(" Image_Path"), normal("# file-name")
    ('imagepath', 'filename')
    """
    return re.sub(r"[\s_-]+", "", name.lstrip("#\ufeff ").casefold())


def opened(value: Any) -> Any:
    """Return a list or object that is written in a text, as JSON or as Python shows it.

    >>> opened('["a", "b"]'), opened("['a', 'b']"), opened("[a sign]")
    (['a', 'b'], ['a', 'b'], '[a sign]')
    """
    if not isinstance(value, str) or len(value) > _LONGEST:
        return value
    text = value.strip()
    if text[:1] + text[-1:] not in ("[]", "{}"):
        return value
    for read in (json.loads, _python):
        try:
            found = read(text)
        except (ValueError, SyntaxError, RecursionError, MemoryError):
            continue
        if isinstance(found, dict) or (isinstance(found, list) and all(map(_is_part, found))):
            return found
    return value


def _python(text: str) -> Any:
    """Return what Python or numpy shows; numpy puts no commas between the texts of an array.

    Raises:
        ValueError: if it is no list or object of values.
        SyntaxError: the same.
    """
    found: list[tuple[int, str]] = []
    try:
        for token in tokenize.generate_tokens(io.StringIO(text).readline):
            if token.type == tokenize.STRING and found and found[-1][0] == tokenize.STRING:
                found.append((tokenize.OP, ","))
            if token.type != tokenize.NL:
                found.append((token.type, token.string))
    except tokenize.TokenError as error:
        raise ValueError(str(error)) from error
    return ast.literal_eval(" ".join(string for _, string in found).strip())


def _is_part(item: Any) -> bool:
    """Tell whether a list of such items holds texts, and is none itself, such as "[3]"."""
    return item is None or isinstance(item, str | list | dict)


def image_name(value: Any) -> str:
    """Return the name of an image out of a cell; Hugging Face writes an object with its path.

    Raises:
        ValueError: with the reason, if there is none, or more than one.
    """
    found = opened(value)
    if isinstance(found, list) and len(found) == 1:
        found = found[0]
    if isinstance(found, list) and found:
        raise ValueError(f"the image is a list of {len(found)} and not the name of one file")
    if isinstance(found, Mapping):
        names = (found.get(key) for key in _NAME_KEYS)
        name = next((name for name in names if isinstance(name, str) and name.strip()), None)
        if name is None:
            keys = ", ".join(map(str, list(found)[:5])) or "nothing"
            raise ValueError(f"the image is an object ({keys}) without the name of a file")
        found = name
    name = found.strip() if isinstance(found, str) else ""
    if is_missing(name):
        raise ValueError("there is no image")
    return name


def texts(value: Any, depth: int = 4) -> Iterator[str]:
    """Yield the texts of a cell: itself, or those of a list or object; "" for a missing one.

    Args:
        value: of the cell.
        depth: of lists and objects within each other that is looked into.

    Raises:
        ValueError: if a value is no text.
    """
    found = opened(value)
    if depth and isinstance(found, list):
        if not found:
            yield ""
        for item in found:
            yield from texts(item, depth - 1)
    elif depth and isinstance(found, Mapping):
        key = next((key for key in _TEXT_KEYS if key in found), None)
        if key is None:
            raise ValueError("the caption is not a text")
        yield from texts(found[key], depth - 1)
    elif isinstance(found, str):
        yield found
    elif is_missing(found):
        yield ""
    else:
        raise ValueError("the caption is not a text")
