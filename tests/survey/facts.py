"""What the translator makes of one file: outcome, sites, what is patched, and what it cost."""

from __future__ import annotations

import resource
import time
from collections import Counter
from typing import Any

from aot.analyze.model import Analysis
from aot.analyze.sites import analyze
from aot.errors import AotError, NotProgram, VerifyError
from aot.image import kinds
from aot.image.formats import FORMATS, read_image
from aot.image.model import Format, Image
from aot.image.native_reader import read_native
from aot.image.source import read_source
from aot.manifest import Manifest, StubClass
from aot.personality.abi.personality import Personality
from aot.rewrite.call import Binder
from aot.rewrite.verify import verify
from aot.translate import binder_for, identity_of, translate, translate_library

MEMORY = 6 << 30  # bytes of address space one file may take
Facts = dict[str, Any]


def examine(path: str) -> Facts:
    """Facts about the file at `path`; runs in a process of its own."""
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    begin = time.process_time()
    try:
        found = _examine(read_source(path))
    except NotProgram as error:
        found = {"outcome": "not a program", "reason": str(error)}
    except VerifyError as error:
        found = {"outcome": "failed", "reason": str(error)}
    except AotError as error:
        found = {"outcome": "refused", "reason": str(error)}
    except MemoryError:
        found = {"outcome": "failed", "reason": f"more than {MEMORY >> 30} GiB of memory"}
    except Exception as error:  # noqa: BLE001 - every bug is a line of the survey, which fails for it
        found = {"outcome": "failed", "reason": f"{type(error).__name__}: {error}"}
    found.setdefault("cpu_s", round(time.process_time() - begin, 3))
    return found | {"memory": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss << 10}


def _examine(raw: bytes) -> Facts:
    if not any(reader.matches(raw) for reader in FORMATS):
        return {"outcome": "not an executable", "reason": kinds.describe(raw)}
    begin = time.process_time()
    try:
        image = read_image(raw)
    except NotProgram:
        if not raw.startswith(b"\x7fELF"):
            raise
        return _library(raw)
    identity = identity_of(image)
    binder = binder_for(image, identity)
    translated = translate(image, identity, binder)
    cost = time.process_time() - begin
    verify(translated, raw)
    manifest = read_native(translated)[0]
    return _found("translated", image, identity.name, analyze(image, binder.gate), manifest, binder, cost)


def _library(raw: bytes) -> Facts:
    """A shared object: its overlay for the system it was made for."""
    image = read_image(raw, analysis=True)
    identity = identity_of(image)
    binder = binder_for(image, identity)
    begin = time.process_time()
    overlay = translate_library(raw, Personality(identity.personality))
    cost = time.process_time() - begin
    analysis = analyze(image, binder.gate)
    outcome = "overlay" if overlay else "nothing to lay"
    return _found(outcome, image, identity.name, analysis, overlay and overlay.manifest, binder, cost)


def _found(
    outcome: str,
    image: Image,
    system: str,
    analysis: Analysis,
    manifest: Manifest | None,
    binder: Binder,
    cost: float,
) -> Facts:
    sites = manifest.sites if manifest else ()
    assert {s.addr for s in sites} == {s.address for s in analysis.sites}
    paths = [(site.address, path) for site in analysis.sites for path in site.paths]
    unknown = [[address, path.why] for address, path in paths if path.number is None]
    return {
        "outcome": outcome, "reason": "", "format": image.format.value, "arch": image.arch.value,
        "system": system, "sites": [site.addr for site in sites],
        "trap": binder.gate.trap, "immediates": binder.gate.immediates,
        "refused": [[r.address, r.why] for r in analysis.refused],
        "classes": Counter(site.cls for site in sites),
        "tactics": Counter(site.tactic for site in sites if site.cls != StubClass.DYNAMIC.value),
        "listed": [[s.addr, s.tactic] for s in sites if s.cls == StubClass.DYNAMIC.value],
        "imports": len(manifest.imports) if manifest and image.format is not Format.ELF else 0,
        "paths": len(paths), "unknown": unknown, "cpu_s": round(cost, 3),
    }  # fmt: skip
