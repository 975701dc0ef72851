"""Rows out of files of unknown make: separated values, JSON and what may lie in one cell."""
