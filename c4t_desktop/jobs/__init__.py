"""The only place that runs core work off the GUI thread."""
