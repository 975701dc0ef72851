"""How the model that ships is trained, now the next one: ``make train-lite``; no wheel holds it."""
