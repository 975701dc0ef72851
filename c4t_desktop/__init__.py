"""C4T Desktop: the Qt window on top of c4t_core."""
