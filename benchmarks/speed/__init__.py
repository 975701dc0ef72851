"""How fast: indexing, its bound, the window, re-scanning; see ``__main__``."""
