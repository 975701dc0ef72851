"""Training and fine-tuning of C4T models."""
