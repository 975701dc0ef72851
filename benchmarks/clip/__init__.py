"""C4T against CLIP: ``python -m benchmarks.clip``."""
