"""What a caller decides about a run."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, TextIO

from aot.overlay import Overlay
from aot.record import dataclass, field

if TYPE_CHECKING:
    from runtime.kernel.limits import Limits
    from runtime.policy.guard import Guard
    from runtime.profile import Profile


@dataclass(slots=True)
class RunOptions:
    """How to run a translated image. Paths in `mounts` are (guest, host, read-only)."""

    argv: list[str] = field(default_factory=list)
    env: dict[str, str] = field(default_factory=dict)
    dispatch: str = "aot"  # or "dynamic"
    trace: TextIO | None = None
    deterministic: bool = False
    root: str | None = None
    mounts: list[tuple[str, str, bool]] = field(default_factory=list)
    cwd: str | None = None
    net: str = "loopback"  # or "none", "host"; see runtime.kernel.net.NetMode
    limits: Limits | None = None
    stats: TextIO | None = None
    routines: bool = True  # machine code may answer calls
    profile: Profile | None = None  # filled with counts and times by call; not together with a trace
    guard: Guard | None = None  # enforces a policy, or records one
    ready: Callable[[], None] | None = None  # called when the guest is about to run
    forward: bool = False  # signals of this process go to the guest while it runs
    file: str | None = None  # host path of what runs, where the image came as bytes
    translate: Callable[[bytes], bytes] | None = None  # an executable the guest runs; raises AotError
    overlay: Callable[[int], Overlay | None] | None = None  # of a shared object, by its descriptor
    errors: TextIO | None = None  # where a killed guest is described

    def sees(self, calls: Iterable[str]) -> bool:
        """Whether calls of any of these names have to come to Python."""
        if self.trace is not None:
            return True
        return self.guard is not None and not all(map(self.guard.plain, calls))
