"""The commands of `c4t`, one small module each."""
