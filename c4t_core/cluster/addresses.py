"""Addresses, see :mod:`c4t_core.addresses`, by the name that shared tables know them by."""

from c4t_core.addresses import ENDING, as_path, is_below, is_remote, is_table, plain, shown

__all__ = ["ENDING", "as_path", "is_below", "is_remote", "is_table", "plain", "shown"]
