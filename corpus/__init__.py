"""Programs of our own, and what builds them."""
