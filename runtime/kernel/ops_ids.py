"""Ops on users, groups and capabilities of a process.

They are what the guest sees of itself. What it may do with files is decided by the host, which knows this process's
user only; so a process that gives up its ids here loses nothing outside.
"""

from __future__ import annotations

from aot.personality.abi.errors import E, Errno
from aot.personality.abi.neutral_process import Capabilities, IdRule, Ids, Trait
from aot.personality.abi.op import Op
from runtime.kernel.context import Context, Credentials
from runtime.kernel.kin import find_process
from runtime.kernel.optable import op

ALL_CAPS = (1 << 41) - 1
"""Every capability Linux 6.1 has."""
SETGID, SETUID, SETPCAP = 6, 7, 8
GROUPS_MAX = 65536


def capable(ctx: Context, capability: int) -> bool:
    """Whether a context has a capability (number of Linux)."""
    return bool(caps_of(ctx.process.creds).effective >> capability & 1)


def caps_of(creds: Credentials) -> Capabilities:
    """Capabilities: all of them for user 0 until it gives some up, none for others."""
    if creds.caps is None:
        return Capabilities(ALL_CAPS, ALL_CAPS, 0) if creds.euid == 0 else Capabilities(0, 0, 0)
    return creds.caps


def _check(ctx: Context, capability: int, wanted: tuple[int, ...], have: tuple[int, ...]) -> None:
    """Any id for who has the capability, the ids it has for others. Raises PERM."""
    if not capable(ctx, capability) and any(w not in (-1, *have) for w in wanted):
        raise Errno(E.PERM)


def _by_rule(ctx: Context, capability: int, rule: IdRule, new: Ids, have: Ids) -> Ids:
    """The ids a call asks for, as all three. Raises INVAL, PERM."""
    if rule is IdRule.ONE:
        if new.effective == -1:
            raise Errno(E.INVAL)
        _check(ctx, capability, (new.effective,), (have.real, have.saved))
        return Ids(*[new.effective] * 3) if capable(ctx, capability) else new
    if rule is IdRule.TWO:
        _check(ctx, capability, (new.real,), (have.real, have.effective))
        _check(ctx, capability, (new.effective,), have)
        follows = new.real != -1 or new.effective not in (-1, have.real)
        effective = have.effective if new.effective == -1 else new.effective
        return new._replace(saved=effective if follows else -1)
    _check(ctx, capability, new, have)
    return new


def _changed(ctx: Context, before: Credentials, caps: Capabilities) -> None:
    """What capabilities become when user ids change; and the words the guest reads without a call."""
    creds = ctx.process.creds
    effective, permitted = caps.effective, caps.permitted
    if 0 in (before.uid, before.euid, before.suid) and 0 not in (creds.uid, creds.euid, creds.suid):
        if not ctx.process.life.traits.get(Trait.KEEP_CAPS):
            permitted = 0
        effective = 0
    elif before.euid == 0 and creds.euid != 0:
        effective = 0
    elif before.euid != 0 and creds.euid == 0:
        effective = permitted
    creds.caps = Capabilities(effective, permitted, caps.inheritable)
    ctx.process.kernel.show(ctx)


@op(Op.SET_UIDS)
def set_uids(
    ctx: Context, effective: int, real: int = -1, saved: int = -1, rule: IdRule = IdRule.THREE
) -> None:
    """Set user ids (-1 keeps one). Who has no capability for it may only take ids the process has."""
    creds = ctx.process.creds
    before, caps = creds.copy(), caps_of(creds)
    have = Ids(creds.uid, creds.euid, creds.suid)
    real, effective, saved = _by_rule(ctx, SETUID, rule, Ids(real, effective, saved), have)
    creds.uid = creds.uid if real == -1 else real
    creds.euid = creds.euid if effective == -1 else effective
    creds.suid = creds.suid if saved == -1 else saved
    creds.fsuid = creds.euid
    _changed(ctx, before, caps)


@op(Op.SET_GIDS)
def set_gids(
    ctx: Context, effective: int, real: int = -1, saved: int = -1, rule: IdRule = IdRule.THREE
) -> None:
    """Set group ids (-1 keeps one), as SET_UIDS."""
    creds = ctx.process.creds
    have = Ids(creds.gid, creds.egid, creds.sgid)
    real, effective, saved = _by_rule(ctx, SETGID, rule, Ids(real, effective, saved), have)
    creds.gid = creds.gid if real == -1 else real
    creds.egid = creds.egid if effective == -1 else effective
    creds.sgid = creds.sgid if saved == -1 else saved
    creds.fsgid = creds.egid
    ctx.process.kernel.show(ctx)


@op(Op.GETRESUID)
def getresuid(ctx: Context) -> Ids:
    """Real, effective and saved user id."""
    creds = ctx.process.creds
    return Ids(creds.uid, creds.euid, creds.suid)


@op(Op.GETRESGID)
def getresgid(ctx: Context) -> Ids:
    """Real, effective and saved group id."""
    creds = ctx.process.creds
    return Ids(creds.gid, creds.egid, creds.sgid)


@op(Op.SET_FSUID)
def set_fsuid(ctx: Context, uid: int) -> int:
    """Set the user id files are used with, if the process may; the old one."""
    creds = ctx.process.creds
    old = creds.fsuid
    if uid in (creds.uid, creds.euid, creds.suid, creds.fsuid) or (uid >= 0 and capable(ctx, SETUID)):
        creds.fsuid = uid
        ctx.process.kernel.show(ctx)
    return old


@op(Op.SET_FSGID)
def set_fsgid(ctx: Context, gid: int) -> int:
    """Set the group id files are used with, if the process may; the old one."""
    creds = ctx.process.creds
    old = creds.fsgid
    if gid in (creds.gid, creds.egid, creds.sgid, creds.fsgid) or (gid >= 0 and capable(ctx, SETGID)):
        creds.fsgid = gid
        ctx.process.kernel.show(ctx)
    return old


@op(Op.SETGROUPS)
def setgroups(ctx: Context, groups: tuple[int, ...]) -> None:
    """Set the supplementary groups. Raises PERM without the capability."""
    if not capable(ctx, SETGID):
        raise Errno(E.PERM)
    if len(groups) > GROUPS_MAX:
        raise Errno(E.INVAL)
    ctx.process.creds.groups = groups


@op(Op.CAPGET)
def capget(ctx: Context, pid: int) -> Capabilities:
    """Capabilities of a process."""
    if pid < 0:
        raise Errno(E.INVAL)
    found = ctx.process if pid == 0 else find_process(ctx.process.kernel, pid)
    if found is None:
        raise Errno(E.SRCH)
    return caps_of(found.creds)


@op(Op.CAPSET)
def capset(ctx: Context, pid: int, caps: Capabilities) -> None:
    """Give up capabilities of the own process. Raises PERM for gaining some, or for another process."""
    if pid not in (0, ctx.process.pid, ctx.tid):
        raise Errno(E.PERM)
    have = caps_of(ctx.process.creds)
    if caps.permitted & ~have.permitted or caps.effective & ~caps.permitted:
        raise Errno(E.PERM)
    if caps.inheritable & ~(have.inheritable | have.permitted) and not capable(ctx, SETPCAP):
        raise Errno(E.PERM)
    ctx.process.creds.caps = caps
