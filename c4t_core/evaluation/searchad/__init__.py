"""The public benchmark SearchAD: its rules, and a model measured by them."""
