"""Translates one file; runs in a process of its own, which may crash or hang."""

from __future__ import annotations

import hashlib
import time
from pathlib import Path
from typing import Any

from aot.cli.batching.model import Choice
from aot.cli.files import EXECUTABLE, write_whole
from aot.errors import AotError, NotProgram
from aot.image import kinds
from aot.image.formats import FORMATS, load_image
from aot.image.macho import FAT
from aot.image.model import Arch, Format
from aot.image.native_reader import is_native, read_native
from aot.image.source import read_source
from aot.personality.abi.personality import Personality
from aot.translate import binder_for, identity_of, translate

Answer = dict[str, Any]
"""Values of Entry fields; `outcome` and `reason` always."""


def translate_one(source: str, temporary: str, choice: Choice) -> Answer:
    """Translate `source` into the file `temporary`, or say why not."""
    begin = time.perf_counter()
    try:
        found = _translate(source, temporary, choice)
    except NotProgram as error:
        found = {"outcome": "not an executable", "reason": str(error)}
    except AotError as error:
        found = {"outcome": "refused", "reason": str(error)}
    except Exception as error:  # noqa: BLE001 - a bug met by one file must not stop the others; it is told
        found = {"outcome": "failed", "reason": f"{type(error).__name__}: {error}"}
    return found | {"seconds": round(time.perf_counter() - begin, 4)}


def _translate(source: str, temporary: str, choice: Choice) -> Answer:
    raw = read_source(source)
    if is_native(raw):
        return {"outcome": "skipped", "reason": "already translated"}
    if not any(reader.matches(raw) for reader in FORMATS):
        return {"outcome": "not an executable", "reason": kinds.describe(raw)}
    image = load_image(raw, arch=Arch(choice.arch) if choice.arch and raw[:4] in FAT else None)
    column = choice.nt_build if image.format is Format.PE else None
    identity = identity_of(image, choice.personality, column)
    translated = translate(image, identity, binder_for(image, identity))
    write_whole(Path(temporary), translated, EXECUTABLE)
    facts, _ = read_native(translated)
    classes: dict[str, int] = {}
    for site in facts.sites:
        classes[site.cls] = classes.get(site.cls, 0) + 1
    return {
        "outcome": "translated",
        "reason": "",
        "sha256": hashlib.sha256(raw).hexdigest(),
        "size": len(raw),
        "output_sha256": hashlib.sha256(translated).hexdigest(),
        "personality": Personality(facts.personality).name.lower(),
        "column": facts.column,
        "arch": facts.arch,
        "format": facts.format,
        "sites": len(facts.sites),
        "classes": classes,
        "imports": len(facts.imports),
        "unserved": tuple(f"{i.library}!{i.name}" for i in facts.imports if i.call is None and not i.data),
    }
