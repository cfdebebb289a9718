from __future__ import annotations

import keystone as ks
import pytest

from runtime.cpu.poll import CODE, SOURCES

ENGINES = {"x86_64": (ks.KS_ARCH_X86, ks.KS_MODE_64), "aarch64": (ks.KS_ARCH_ARM64, ks.KS_MODE_LITTLE_ENDIAN)}


@pytest.mark.parametrize("host", SOURCES)
def test_the_bytes_are_those_of_the_source(host: str) -> None:
    assert bytes(ks.Ks(*ENGINES[host]).asm(SOURCES[host])[0]) == CODE[host]
