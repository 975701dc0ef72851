"""What the project runs on itself: making the environment, the sample, the shipped model."""
