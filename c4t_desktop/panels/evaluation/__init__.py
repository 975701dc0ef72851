"""The evaluation panel: what is measured, how far it is, what came out."""
