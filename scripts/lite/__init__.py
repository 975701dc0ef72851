"""How the shipped model ``lite`` is made; ``make train-lite`` runs it, no wheel holds it."""
