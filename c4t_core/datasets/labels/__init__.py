"""Readers of labels, one for each family; each turns its files into scenes."""
