"""Go's own tests of its standard library: the quick packages; `make gostd` runs all of them."""

from __future__ import annotations

import pytest

from corpus.foreign import ForeignError
from tests.conformance.gostd.runs import Run, as_guest, build, on_host
from tests.conformance.gostd.verdicts import differences, expected, is_expected

QUICK = ["bufio", "container/heap", "errors", "fmt", "hash/crc32", "io", "math/bits", "path/filepath"]


def both(package: str, arch: str, dispatch: str, **options: object) -> tuple[Run, Run]:
    """The tests of a package on the host and as a guest."""
    try:
        build(package, "amd64")
        build(package, arch)
    except ForeignError as error:
        pytest.skip(str(error))
    guest = as_guest(package, arch, dispatch=dispatch, **options)  # type: ignore[arg-type]
    return on_host(package), guest


@pytest.mark.conformance
@pytest.mark.parametrize("arch", ["amd64", "arm64"])
@pytest.mark.parametrize("package", QUICK)
def test_a_package(package: str, arch: str) -> None:
    host, guest = both(package, arch, "aot")
    assert host.verdicts
    new = [d for d in differences(host.verdicts, guest.verdicts) if not is_expected(d, expected(package))]
    assert not new, f"{new[0]}\n{guest.text_of(new[0].test)}"


@pytest.mark.conformance
@pytest.mark.parametrize("package", ["encoding/binary", "unicode/utf8"])
@pytest.mark.parametrize("dispatch", ["aot", "dynamic"])
def test_the_default_world_is_enough(package: str, dispatch: str) -> None:
    """As `go test -exec 'helctic-aot run'` does: in the directory of the package, nothing else shown."""
    host, guest = both(package, "amd64", dispatch, options=())
    assert list(differences(host.verdicts, guest.verdicts)) == []
