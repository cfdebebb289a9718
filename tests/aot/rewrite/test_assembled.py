"""The templates that are checked in are Keystone's, and all that are needed."""

from __future__ import annotations

from pathlib import Path

from aot.image.model import Arch
from aot.rewrite.assemble import assemble
from aot.rewrite.assembled import ASSEMBLED
from corpus.templates import texts
from tests.cli.test_light import hello, imported


def test_what_is_checked_in_is_what_keystone_gives() -> None:
    for arch in Arch:
        for text, code in ASSEMBLED[arch.value].items():
            assert assemble(arch, text).hex() == code, text


def test_no_template_is_missing() -> None:
    for arch, needed in texts().items():
        assert set(needed) <= set(ASSEMBLED[arch.value]), "make gen"


def test_translating_loads_neither_keystone_nor_lief(tmp_path: Path) -> None:
    source = tmp_path / "hello"
    source.write_bytes(hello())
    script = f"from pathlib import Path\nfrom aot.translate import translate_file\ntranslate_file(Path({str(source)!r}))"
    assert imported(script, "keystone", "lief", "elftools", "capstone") == []
