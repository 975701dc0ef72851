"""Dual encoders: architecture, engines, model folders, and the registry of names."""
