"""Personality 5: NetBSD 10 and later on amd64 and arm64."""
