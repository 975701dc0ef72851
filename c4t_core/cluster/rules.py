"""What is left out of the folders of a shared table, remembered in the table itself.

It is metadata of a column, which those who know nothing of it keep and need not read: the format
of tables is the same, and a table without it was written by the default rules.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Mapping

from c4t_core.addresses import is_remote, plain
from c4t_core.cluster.table import SharedTable, exists, open_table
from c4t_core.images.scan import ExcludeRules

_COLUMN = "root"
_RULES = "c4t-rules "  # before the name of the root: two machines may write those of two


def kept_rules(table: SharedTable) -> dict[str, ExcludeRules]:
    """Return the rules of the folders of a table that were ever told any."""
    found = {}
    for key, told in (table.raw.schema.field(_COLUMN).metadata or {}).items():
        name = key.decode()
        with contextlib.suppress(ValueError, KeyError, TypeError):
            if name.startswith(_RULES):
                found[name.removeprefix(_RULES)] = ExcludeRules.from_json(told)
    return found


def keep_rules(table: SharedTable, rules: Mapping[str, ExcludeRules]) -> None:
    """Remember the rules of folders of a table; the same again write nothing.

    Raises:
        DataError: if the table cannot be written.
    """
    known = kept_rules(table)
    new = {
        _RULES + root: one.to_json()
        for root, one in rules.items()
        if one != known.get(root, ExcludeRules())
    }
    if new:
        with table.told():
            table.raw.update_field_metadata({"path": _COLUMN, "metadata": new})


def rules_of(table: str | os.PathLike[str], folder: str | os.PathLike[str]) -> ExcludeRules:
    """Return what a table remembers of a folder, or of the one that it lies in; else the default.

    Raises:
        DataError: if the table cannot be read.
    """
    kept = kept_rules(open_table(table)) if exists(table) else {}
    named = plain(folder if is_remote(folder) else os.path.realpath(folder)) + "/"
    outer = [name for name in kept if named.startswith(name.rstrip("/") + "/")]
    return kept[max(outer, key=len)] if outer else ExcludeRules()
