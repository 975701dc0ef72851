"""Where README's figures come from; not tests."""
