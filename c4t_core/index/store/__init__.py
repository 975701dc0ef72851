"""What lies in SQLite: the catalogue of images and vectors, and what the user made."""
