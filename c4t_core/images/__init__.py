"""The user's pictures: finding them, reading their names, opening them."""
