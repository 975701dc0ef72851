"""How good is a search: queries with known answers, metrics, reports."""
