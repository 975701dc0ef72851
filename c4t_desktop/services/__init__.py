"""What the window knows and does: no threads, no widgets; work goes to the runner."""
