"""Translates one file; runs in a process of its own, which may crash or hang."""

from __future__ import annotations

import hashlib
import resource
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

from aot.cli.batching.model import Choice
from aot.cli.files import EXECUTABLE, write_whole
from aot.errors import AotError, FileError, ImageError, NotProgram
from aot.image import kinds
from aot.image.formats import FORMATS, load_image
from aot.image.macho import FAT
from aot.image.model import Arch, Format
from aot.image.native_reader import is_native, read_native
from aot.image.source import read_source
from aot.manifest import Manifest, Site, StubClass
from aot.personality.abi.call import Level
from aot.personality.abi.personality import Personality
from aot.personality.registry import system_of
from aot.translate import binder_for, identity_of, translate

Answer = dict[str, Any]
"""Values of Entry fields; `outcome` and `reason` always."""
RSS_UNIT = 1 if sys.platform == "darwin" else 1024  # of ru_maxrss, in bytes


def translate_one(source: str, temporary: str, choice: Choice) -> Answer:
    """Translate `source` into the file `temporary`, or say why not."""
    begin = time.perf_counter()
    try:
        found = _translate(source, temporary, choice)
    except NotProgram as error:
        found = {"outcome": "not an executable", "reason": str(error)}
    except FileError as error:  # no room for the translation: the file is not to blame
        found = {
            "outcome": "failed",
            "reason": f"its translation {str(error).removeprefix(f'{temporary}: ')}",
        }
    except AotError as error:
        found = {"outcome": "refused", "reason": str(error)}
    except MemoryError:
        found = {"outcome": "failed", "reason": "more memory is needed than a file may have (--memory)"}
    except Exception as error:  # noqa: BLE001 - a bug met by one file must not stop the others; it is told
        found = {"outcome": "failed", "reason": f"{type(error).__name__}: {error}"}
    spent = resource.getrusage(resource.RUSAGE_SELF)
    return found | {
        "seconds": round(time.perf_counter() - begin, 4),
        "cpu_s": round(spent.ru_utime + spent.ru_stime, 4),
        "memory": spent.ru_maxrss * RSS_UNIT,
    }


def _translate(source: str, temporary: str, choice: Choice) -> Answer:
    try:
        raw = read_source(source)
    except ImageError as error:  # it was there when the batch looked
        return {"outcome": "unreadable", "reason": str(error)}
    if is_native(raw):
        return {"outcome": "skipped", "reason": "already translated"}
    if not any(reader.matches(raw) for reader in FORMATS):
        return {"outcome": "not an executable", "reason": kinds.describe(raw)}
    image = load_image(raw, arch=Arch(choice.arch) if choice.arch and raw[:4] in FAT else None)
    column = choice.nt_build if image.format is Format.PE else None
    identity = identity_of(image, choice.personality, column)
    translated = translate(image, identity, binder_for(image, identity))
    write_whole(Path(temporary), translated, EXECUTABLE)
    return {
        "outcome": "translated",
        "reason": "",
        "sha256": hashlib.sha256(raw).hexdigest(),
        "size": len(raw),
        "output_sha256": hashlib.sha256(translated).hexdigest(),
        "output_size": len(translated),
        **_facts(read_native(translated)[0]),
    }


def _facts(manifest: Manifest) -> Answer:
    """What the report tells of a translation."""
    system = system_of(Personality(manifest.personality))
    absent = {row.name for row in system.calls if row.status.level is Level.ABSENT}
    sites, imports = manifest.sites, [i for i in manifest.imports if not i.data]
    names = [name for site in sites for name in _asked(site)] + [i.call for i in imports if i.call]
    unserved = tuple(f"{i.library}!{i.name}" for i in imports if i.call is None)
    calls = Counter(names)
    dynamic = StubClass.DYNAMIC.value
    return {
        "personality": system.name,
        "column": manifest.column,
        "arch": manifest.arch,
        "format": manifest.format,
        "sites": len(sites),
        "classes": Counter(site.cls for site in sites),
        "cases": sum(len(site.cases) for site in sites),
        "tactics": Counter(site.tactic for site in sites if site.cls != dynamic),
        "left": Counter(site.tactic for site in sites if site.cls == dynamic),
        "calls": calls,
        "missing": {name: n for name, n in calls.items() if name in absent or name.startswith("#")}
        | Counter(unserved),
        "imports": len(manifest.imports),
        "unserved": unserved,
    }


def _asked(site: Site) -> tuple[str, ...]:
    """The rows a site is bound to, all of its cases; `#number` where no row has the number."""
    if site.call is not None:
        return (site.call,)
    if site.number is not None:
        return (f"#{site.number}",)
    return tuple(case.call for case in site.cases)
