"""Data sets: labels of any origin to scenes, scenes to captions, captions to pairs."""
