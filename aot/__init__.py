"""Ahead of time: foreign executable in, native ELF with an embedded manifest out."""

from __future__ import annotations

__version__ = "0.1.0"
