"""The training wizard and its pages."""
