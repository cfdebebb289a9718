"""What the environment makes visible."""

from __future__ import annotations

from pathlib import Path

import pytest

from aot.cli.shown import shown


def test_what_variables_name_is_shown_to_be_read(tmp_path: Path) -> None:
    here = str(tmp_path)
    assert shown({"GOROOT": here, "TZDIR": f"{here}/absent", "HOME": here}) == [(here, here, True)]
    assert shown({"GOROOT": "."}) == shown({"GOROOT": "/"}) == shown({"GOROOT": ""}) == []


def test_a_root_has_what_it_has(tmp_path: Path) -> None:
    assert shown({"GOROOT": str(tmp_path)}, "/") == shown({"GOROOT": "/usr"}, str(tmp_path)) == []


def test_the_current_directory_stays_writable(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert shown({"GOROOT": str(tmp_path)}) == []
