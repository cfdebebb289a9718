"""What the fork server imports once, so that no worker does: every table and library a translation needs."""

from __future__ import annotations

from aot.cli.batching import worker
from aot.personality.registry import PERSONALITIES, system_of

for personality in PERSONALITIES:
    system_of(personality)

__all__ = ["worker"]
