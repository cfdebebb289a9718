"""The vocabulary personalities are written in."""
