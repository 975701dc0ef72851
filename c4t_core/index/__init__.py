"""Images to vectors to hits: scanning, decoding, the catalogue, the index, the search."""
