"""Qiling in an environment of its own: it pins other versions than we do."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

VERSION = "1.4.6"
HOME = Path(__file__).parent.parent / "build" / "qiling"
PYTHON = HOME / "bin" / "python"
DRIVER = Path(__file__).parent / "qiling_driver.py"
# Qiling imports pkg_resources, which newer setuptools no longer has.
PACKAGES = (f"qiling=={VERSION}", "setuptools<81")


def install() -> None:
    """Make the environment unless it is there."""
    if (HOME / ".installed").exists():
        return
    print(f"installing qiling {VERSION} into {HOME}", file=sys.stderr)
    subprocess.run([sys.executable, "-m", "venv", str(HOME)], check=True)
    pip = [str(PYTHON), "-m", "pip", "install", "-q", "--disable-pip-version-check"]
    subprocess.run([*pip, *PACKAGES], check=True)
    (HOME / ".installed").touch()
