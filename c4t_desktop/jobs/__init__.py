"""The only threads and processes of the window."""
