"""Says what a file is that is no executable of a format we read, by its first bytes."""

from __future__ import annotations

# From: the magic numbers each format's specification gives; longest match first within a family.
MAGICS: tuple[tuple[bytes, str], ...] = (
    (b"#!", "a script (#!), not an executable; give its interpreter instead"),
    (b"!<arch>\n", "a static library (ar archive), not an executable"),
    (b"!<thin>\n", "a thin static library (ar archive), not an executable"),
    (b"PK\x03\x04", "a zip archive, not an executable"),
    (b"PK\x05\x06", "an empty zip archive, not an executable"),
    (b"\x1f\x8b", "gzip-compressed data, not an executable"),
    (b"\xfd7zXZ\x00", "xz-compressed data, not an executable"),
    (b"BZh", "bzip2-compressed data, not an executable"),
    (b"\x28\xb5\x2f\xfd", "zstd-compressed data, not an executable"),
    (b"7z\xbc\xaf\x27\x1c", "a 7z archive, not an executable"),
    (b"\x00asm", "a WebAssembly module, not an executable of a supported system"),
    (b"BC\xc0\xde", "LLVM bitcode; compile and link it first"),
    (b"\xca\xfe\xba\xbe", "a Java class file, not an executable"),
    (b"dex\n", "an Android DEX file, not an executable of a supported system"),
    (b"%PDF", "a PDF document, not an executable"),
    (b"\x89PNG", "a PNG picture, not an executable"),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "an OLE file (installer or document), not an executable"),
    (b"MSCF", "a cabinet archive, not an executable"),
    (b"\x01\xdf", "a 32-bit XCOFF (AIX) file, which is not supported"),
    (b"\x01\xf7", "a 64-bit XCOFF (AIX) file, which is not supported"),
    (b"\x64\x86", "an x86_64 COFF object file (.obj); link it first"),
    (b"\x64\xaa", "an aarch64 COFF object file (.obj); link it first"),
    (b"\x4c\x01", "a 32-bit x86 COFF object file (.obj)"),
    (b"\x00\x00\xff\xff", "a COFF import or big object file (.obj); link it first"),
)


def describe(raw: bytes) -> str:
    """One clause naming what `raw` is."""
    if not raw:
        return "an empty file"
    for magic, text in MAGICS:
        if raw.startswith(magic):
            return text
    if not any(raw[:4096]):
        return "a file of zero bytes, not an executable"
    if _is_text(raw[:512]):
        return "a text file, not an executable"
    return f"not an executable of a known format (first bytes {raw[:8].hex(' ')})"


def _is_text(head: bytes) -> bool:
    try:
        text = head.decode("utf-8", "strict")
    except UnicodeDecodeError as error:
        if error.start < len(head) - 3:  # else a character cut by the limit
            return False
        text = head[: error.start].decode("utf-8")
    return all(c.isprintable() or c in "\t\n\r\f\x1b\ufeff" for c in text)
