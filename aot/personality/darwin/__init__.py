"""Personality 3: Darwin (macOS 11 and later) on x86_64 and arm64."""
