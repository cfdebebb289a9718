"""What `compare` does: runs in processes of their own, what they cost, and the ways to show it."""
