"""What a collection of many rows costs; see ``__main__``."""
