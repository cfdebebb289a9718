"""Personality 0: the kernel's own interface."""
