"""Personality 6: OpenBSD 7 and later on amd64 and arm64."""
