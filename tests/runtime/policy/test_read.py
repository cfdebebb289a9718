from __future__ import annotations

import json

import pytest

from aot.errors import ProfileError
from aot.personality.abi.errors import E
from runtime.policy.model import Action, Compare, Policy, Verdict
from runtime.policy.read import read_policy

OWN = """
[[rule]]
calls = ["openat", "stat"]
paths = ["/etc/passwd"]
action = "allow"

[[rule]]
calls = ["connect"]
addresses = ["10.0.0.0/8:443", "unix:/run/x"]
action = "log"

[[rule]]
calls = ["ioctl"]
args = [{index = 1, op = "eq", value = 21505}]
action = "kill"

[[rule]]
calls = ["read", "WriteFile"]
action = "allow"

[[rule]]
calls = ["kill"]
action = "refuse"
error = "ESRCH"
"""


def read(text: str, arch: str = "x86_64") -> Policy:
    return read_policy(text.encode(), "p", arch)


def test_our_own() -> None:
    policy = read(OWN)
    assert policy.default == Verdict(Action.REFUSE, E.PERM)
    assert [rule.verdict.action for rule in policy.rules] == [
        Action.ALLOW, Action.LOG, Action.KILL, Action.ALLOW, Action.REFUSE,
    ]  # fmt: skip
    assert policy.rules[4].verdict.error is E.SRCH
    assert [policy.plain(call) for call in ("read", "openat", "ioctl", "kill", "write")] == [
        True, False, False, False, False,
    ]  # fmt: skip
    assert policy.allowed() == {"openat", "stat", "connect", "read", "WriteFile"}
    as_json = {"rule": [{"calls": ["read"], "action": "allow"}], "default": {"action": "log"}}
    assert read(json.dumps(as_json)).default.action is Action.LOG


def profile(**more: object) -> str:
    return json.dumps({"defaultAction": "SCMP_ACT_ERRNO", **more})


def test_a_profile_of_containers() -> None:
    args = [{"index": 0, "value": 8, "op": "SCMP_CMP_EQ"}, {"index": 0, "value": 9, "op": "SCMP_CMP_EQ"}]
    masked = [{"index": 1, "value": 15, "valueTwo": 2, "op": "SCMP_CMP_MASKED_EQ"}]
    policy = read(
        profile(
            defaultErrnoRet=38,
            syscalls=[
                {"names": ["read"], "action": "SCMP_ACT_ALLOW"},
                {"names": ["personality"], "action": "SCMP_ACT_ALLOW", "args": args},
                {"names": ["socket"], "action": "SCMP_ACT_ERRNO", "errnoRet": 22, "args": masked},
                {"names": ["socket"], "action": "SCMP_ACT_ALLOW"},
            ],
        )
    )
    assert policy.default == Verdict(Action.REFUSE, E.NOSYS)
    either = policy.about("personality")
    assert [c.value for rule in either for c in rule.conditions] == [8, 9]  # alternatives, two rules
    first, second = policy.about("socket")
    assert (
        first.verdict == Verdict(Action.REFUSE, E.INVAL) and first.conditions[0].compare is Compare.MASKED_EQ
    )
    assert first.conditions[0].holds(0xF2) and not first.conditions[0].holds(0xF3)
    assert second.verdict.action is Action.ALLOW


def test_conditions_of_moby() -> None:
    syscalls = [
        {"names": ["mount"], "action": "SCMP_ACT_ALLOW", "includes": {"caps": ["CAP_SYS_ADMIN"]}},
        {"names": ["arch_prctl"], "action": "SCMP_ACT_ALLOW", "includes": {"arches": ["amd64", "x32"]}},
        {"names": ["clone"], "action": "SCMP_ACT_ALLOW", "excludes": {"caps": ["CAP_SYS_ADMIN"]}},
        {"names": ["sync"], "action": "SCMP_ACT_ALLOW", "includes": {"minKernel": "4.8"}},
    ]
    text = profile(syscalls=syscalls, archMap=[])
    assert read(text).allowed() == {"arch_prctl", "clone", "sync"}
    assert read(text, "aarch64").allowed() == {"clone", "sync"}


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("\xff", "not a policy"),
        ("{", "not a policy"),
        ("[what]\n", "unknown key 'what'"),
        ('[[rule]]\ncalls = ["read"]\n', "no 'action'"),
        ('[[rule]]\ncalls = ["read"]\naction = "maybe"\n', "no action 'maybe'"),
        ('[[rule]]\ncalls = "read"\naction = "allow"\n', "not a list of strings"),
        ('[[rule]]\ncalls = ["raed"]\naction = "allow"\n', "no system has a call 'raed'"),
        ('[[rule]]\ncalls = ["read"]\naction = "allow"\npaths = ["/x"]\n', "read has no path"),
        ('[[rule]]\ncalls = ["open"]\naction = "allow"\npaths = ["x"]\n', "not an absolute path"),
        ('[[rule]]\ncalls = ["open"]\naction = "allow"\naddresses = ["*:1"]\n', "open has no address"),
        ('[[rule]]\ncalls = ["connect"]\naction = "allow"\naddresses = ["host"]\n', "not HOST:PORT"),
        ('[[rule]]\ncalls = ["connect"]\naction = "allow"\naddresses = ["a.b:1"]\n', "not a policy"),
        ('[[rule]]\ncalls = ["read"]\naction = "refuse"\nerror = "EWHAT"\n', "no error 'EWHAT'"),
        ('[[rule]]\ncalls = ["read"]\naction = "allow"\npath = ["/x"]\n', "unknown key 'path'"),
        (
            profile(syscalls=[{"names": ["read"], "action": "SCMP_ACT_NOTIFY"}]),
            "SCMP_ACT_NOTIFY cannot be enforced",
        ),
        (profile(syscalls=[{"action": "SCMP_ACT_ALLOW"}]), "no 'name'"),
        (profile(syscalls=[7]), "not a policy"),
    ],
)
def test_what_is_wrong_is_said_in_one_line(text: str, why: str) -> None:
    with pytest.raises(ProfileError) as raised:
        read_policy(text.encode("latin-1"), "p", "x86_64")
    assert why in str(raised.value) and str(raised.value).startswith("p: ")
