"""Runs the guest both ways, side by side: checked, profiled, then timed in turns."""

from __future__ import annotations

import os
import platform
import sys
from collections import Counter
from collections.abc import Callable
from datetime import datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from statistics import median

from aot import __version__
from aot.cli.comparison.check import same_lines, same_value
from aot.cli.comparison.model import AOT, DYNAMIC, MODES, Check, Comparison, Cost, Mode, Run, Subject
from aot.cli.comparison.once import PROFILED, TIMED, TRACED, Job, Result, once
from aot.image.native_reader import read_native
from aot.personality.abi.personality import Personality

PROFILES = 3  # profiled runs each way: a single one shows what else the machine did
OUTPUT_KEPT = 64 << 10  # bytes of the guest's output that reports hold

Step = Callable[[str], None]


def compare(job: Job, file: str, runs: int, step: Step, profiles: int = PROFILES) -> Comparison:
    """The whole comparison; `step` is told what is about to run. Raises SetupError."""
    checked = _both(job, TRACED, step)
    profiled_runs = [_both(job, PROFILED, step) for _ in range(profiles)]
    profiled = {mode: merged([found[mode] for found in profiled_runs]) for mode in MODES}
    timed: dict[str, list[Result]] = {mode: [] for mode in MODES}
    for turn in range(runs):
        for mode in MODES if turn % 2 == 0 else MODES[::-1]:  # neither is always the first
            step(f"timed run {turn + 1} of {runs}, {mode}")
            timed[mode].append(once(job, "timed", TIMED, mode))
    return Comparison(
        subject=_subject(job, file),
        version=__version__,
        when=datetime.now().astimezone().isoformat(timespec="seconds"),
        machine=machine(),
        checks=_checks(job, checked, timed),
        status=checked[AOT]["status"],
        output=_output(job),
        aot=_mode(AOT, profiled[AOT], timed[AOT]),
        dynamic=_mode(DYNAMIC, profiled[DYNAMIC], timed[DYNAMIC]),
    )


def _both(job: Job, kind: str, step: Step) -> dict[str, Result]:
    found = {}
    for mode in MODES:
        step(f"{kind} run, {mode}")
        found[mode] = once(job, f"{kind}-{mode}", kind, mode)
    return found


def merged(profiles: list[Result]) -> Result:
    """Several profiles of the same run as one: the least of crossings, the middle one of times."""
    first = profiles[0]
    times: dict[tuple[str, str], list[tuple[float, float]]] = {}
    for profile in profiles:
        for call, cls, _, middle, mean, _ in profile["lines"]:
            times.setdefault((call, cls), []).append((middle, mean))
    lines = [
        (call, cls, count, *(median(column) for column in zip(*times[call, cls], strict=True)), left)
        for call, cls, count, _, _, left in first["lines"]
    ]
    crossings = {cls: min(p["crossings_s"][cls] for p in profiles) for cls in first["crossings_s"]}
    clock = min(p["overhead_ns"] for p in profiles)
    return {"lines": lines, "inline": first["inline"], "overhead_ns": clock, "crossings_s": crossings}


def _checks(job: Job, checked: dict[str, Result], timed: dict[str, list[Result]]) -> tuple[Check, ...]:
    aot, dynamic = checked[AOT], checked[DYNAMIC]

    def stream(name: str) -> tuple[Path, Path]:
        return job.path(f"{TRACED}-{AOT}", name), job.path(f"{TRACED}-{DYNAMIC}", name)

    checks = [
        same_value("exit status", aot["status"], dynamic["status"]),
        same_lines("standard output", *stream("stdout")),
        same_lines("standard error", *stream("stderr")),
        same_lines("trace", *stream("trace")),
    ]
    if aot["end"] or dynamic["end"]:
        checks.append(same_value("how it was killed", aot["end"], dynamic["end"]))
    ends = {mode: sorted({run["status"] for run in timed[mode]}) for mode in MODES}
    if any(status != aot["status"] for statuses in ends.values() for status in statuses):
        said = {mode: ", ".join(map(str, ends[mode])) for mode in MODES}
        expected = f"{aot['status']} in the checked run"
        checks.append(Check("exit status of the timed runs", False, expected, "", said[AOT], said[DYNAMIC]))
    return tuple(checks)


def _mode(name: str, profiled: Result, timed: list[Result]) -> Mode:
    crossings = {cls: seconds * 1e6 for cls, seconds in profiled["crossings_s"].items()}
    by_name = crossings.pop("import by name")
    if name == DYNAMIC:
        known = {cls: cost for cls, cost in crossings.items() if cls.startswith("dynamic")}
        crossings = {"import": by_name, **known}
    clock = profiled["overhead_ns"]
    costs = [
        Cost(
            call=call, cls=cls, count=count, crossing_us=crossings.get(cls, 0.0),
            op_us=max(middle - clock, 0.0) / 1e3, op_mean_us=max(mean - clock, 0.0) / 1e3,
            exits=1, left=left,
        )
        for call, cls, count, middle, mean, left in profiled["lines"]
    ]  # fmt: skip
    costs += [
        Cost(call, "inline", count, crossings["inline"], 0.0, 0.0, 0, 0)
        for call, count in profiled["inline"].items()
        if count
    ]
    runs = tuple(Run(run["wall_s"], run["cpu_s"], run["load_s"]) for run in timed)
    return Mode(name, tuple(costs), crossings, runs)


def _subject(job: Job, file: str) -> Subject:
    facts, _ = read_native(job.image)
    return Subject(
        file=file,
        arguments=job.argv[1:],
        sha256=facts.source_sha256,
        personality=Personality(facts.personality).name.lower(),
        column=facts.column,
        arch=facts.arch,
        format=facts.format,
        sites=dict(Counter(site.cls for site in facts.sites)),
        imports=len(facts.imports),
    )


def _output(job: Job) -> str:
    with job.path(f"{TRACED}-{AOT}", "stdout").open("rb") as file:
        raw = file.read(OUTPUT_KEPT + 1)
    more = "\n... (more)" if len(raw) > OUTPUT_KEPT else ""
    return raw[:OUTPUT_KEPT].decode("utf-8", "backslashreplace") + more


def machine() -> dict[str, str]:
    """Where this was measured."""
    model = platform.processor() or platform.machine()
    described = Path("/proc/cpuinfo")
    if described.exists():
        names = [line for line in described.read_text().splitlines() if line.startswith("model name")]
        model = names[0].split(":", 1)[1].strip() if names else model
    try:
        engine = version("unicorn")
    except PackageNotFoundError:
        engine = "unknown"
    return {
        "processor": model,
        "cores": str(os.cpu_count()),
        "load": f"{os.getloadavg()[0]:.1f}",
        "system": f"{platform.system()} {platform.release()} {platform.machine()}",
        "python": f"{platform.python_implementation()} {sys.version.split()[0]}",
        "unicorn": engine,
    }
