"""What lies around the results: top bar, side bar with filters, status line."""
