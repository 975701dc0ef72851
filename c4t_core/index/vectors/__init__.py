"""Vectors in memory and in files: exact search, the approximate index, saved embeddings."""
