"""Personality 4: FreeBSD 12 and later on amd64 and arm64."""
