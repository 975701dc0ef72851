"""The results: header, grid, what stands in its place when it is empty, the large picture."""
