"""Random use of the window for a long time, and what it takes: events, a heartbeat."""
