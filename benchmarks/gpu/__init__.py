"""What a GPU, the copies to it and the decoder can do: ``python -m benchmarks.gpu``."""
