"""The search bar and its field of terms."""
