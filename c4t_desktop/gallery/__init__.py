"""The thumbnail grid: model, view, delegate, cache."""
