"""What several tests use: models of a few weights, doubles, slow references, hands of a user."""
