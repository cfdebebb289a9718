"""esbuild, a production Go program from npm: a project of 200 modules is bundled as on the host."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from corpus.foreign import ForeignError, npm

ROOT = Path(__file__).resolve().parents[2]
MODULES = 200
TIMEOUT_S = 600

pytestmark = [pytest.mark.slow, pytest.mark.conformance]


def program(arch: str) -> Path:
    """The distributed program; npm is not on every machine."""
    try:
        return npm(f"@esbuild/linux-{arch}") / "bin" / "esbuild"
    except ForeignError as error:
        pytest.skip(str(error))


def project(folder: Path) -> Path:
    """Modules that import one another, in TypeScript, JSX, CSS and JSON too."""
    folder.mkdir()
    for n in range(MODULES):
        lines = [f"import {{ f{m} }} from './m{m}';" for m in range(n + 1, min(n + 4, MODULES))]
        rest = "".join(f" + f{m}(x - {m})" for m in range(n + 1, min(n + 2, MODULES)))
        lines.append(
            f"export function f{n}(x: number): number {{ const table = {{ a: {n}, b: [x, x ** {n % 5}] }};"
        )
        lines.append(f"  return table.a + table.b.map((v) => v ?? 0).reduce((a, b) => a + b, 0){rest}; }}")
        lines.append(f"export const unused{n} = class {{ #hidden = `text ${{{n}}}`; }};")
        (folder / f"m{n}.ts").write_text("\n".join(lines))
    (folder / "data.json").write_text('{"name": "value", "list": [1, 2, 3]}')
    (folder / "look.css").write_text("body { color: rgba(255, 0, 0, 1); & p { margin: 0px } }")
    (folder / "view.jsx").write_text("export const View = ({ name }) => <p className='a'>hello {name}</p>;")
    entry = "import { f0 } from './m0'; import data from './data.json'; import './look.css'; import { View } from './view';"
    (folder / "index.ts").write_text(f"{entry}\nconsole.log(f0(42), data.name, View);\n")
    return folder


@pytest.mark.parametrize("dispatch", ["aot", "dynamic"])
@pytest.mark.parametrize("arch", ["x64", "arm64"])
def test_a_bundle_is_the_hosts(arch: str, dispatch: str, tmp_path: Path) -> None:
    """Bundle, minified code, style sheet and source map, byte by byte."""
    folder, command = (
        project(tmp_path / "project"),
        ["--bundle", "--minify", "--sourcemap", "--jsx=automatic", "--external:react"],
    )
    guest = [sys.executable, "-m", "aot.cli", "run", "--dispatch", dispatch, str(program(arch))]
    made = {}
    for name, prefix in (("host", [str(program("x64"))]), ("guest", guest)):
        done = subprocess.run(
            [*prefix, "index.ts", *command, "--external:react/jsx-runtime", f"--outdir={name}"], cwd=folder, capture_output=True,
            timeout=TIMEOUT_S, check=False, env={"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), "HOME": str(tmp_path)},
        )  # fmt: skip
        assert done.returncode == 0, done.stderr.decode()
        made[name] = {file.name: file.read_bytes() for file in (folder / name).iterdir()}
    assert made["guest"] == made["host"]
    assert sorted(made["host"]) == ["index.css", "index.css.map", "index.js", "index.js.map"]
