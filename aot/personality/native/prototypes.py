"""The kernel-ops table and one typed C function per call, printed from the native rows."""

from __future__ import annotations

from collections.abc import Iterator

from aot.personality.abi import kinds as k
from aot.personality.abi import kinds_message as km
from aot.personality.abi import kinds_socket as ks
from aot.personality.abi.call import Call
from aot.personality.abi.layout import Layout, LayoutSet
from aot.personality.abi.op import RESERVED, Op
from aot.personality.native.calls import CALLS

_INTEGERS = {8: "char", 16: "short", 32: "int", 64: "long"}
ARGUMENTS = 6


def kernel_ops() -> Iterator[str]:
    """The table as a struct: one slot an op in table order, then the reserved ones."""
    yield "/* The kernel-ops table in its order. Slots are only ever added, at the first reserved one. */"
    yield "typedef long (*helctic_op_function)(long a, long b, long c, long d, long e, long f);"
    yield "struct KernelOps {"
    yield from (f"    helctic_op_function {op.name.lower()}_;" for op in Op)
    yield f"    helctic_op_function reserved[{RESERVED - len(Op)}];"
    yield "};"
    yield "/* Install the table, once; before it every call answers -ENOSYS, a second time answers -EBUSY. */"
    yield "long personality_init(const struct KernelOps *ops);"
    yield "/* The dynamic entry: number and result are those of `personality`. */"
    yield "long personality_syscall(long number, long a, long b, long c, long d, long e, long f,"
    yield "                         long personality);"


def functions() -> Iterator[str]:
    """One inline function per call that exists."""
    for row in CALLS:
        if row.op is not None:
            yield from _function(row)


def _function(row: Call) -> Iterator[str]:
    declared = ", ".join(_declare(name, kind) for name, kind in row.args.items()) or "void"
    words = [f"(long){name}" for name in row.args] + ["0"] * (ARGUMENTS - len(row.args))
    yield f"static inline long helctic_{row.name}({declared}) {{"
    yield f"    return helctic_call(HELCTIC_{row.name.upper()}, {', '.join(words)});"
    yield "}"


def _declare(name: str, kind: k.Kind) -> str:
    kind = k.inner(kind)
    c_type = _c_type(kind)
    return f"{c_type}{name}" if c_type.endswith("*") else f"{c_type} {name}"


def _c_type(kind: k.Kind) -> str:
    match kind:
        case ks.Room():
            return "unsigned int *"
        case ks.NameIn() | ks.NameOut():
            return "const void *" if isinstance(kind, ks.NameIn) else "void *"
        case ks.MessageIn() | ks.MessageOut():
            return f"{'const ' if isinstance(kind, ks.MessageIn) else ''}struct {kind.format.header.name} *"
        case k.InInts():
            return f"const {_INTEGERS[kind.bits]} *"
        case k.Path():
            return "const char *"
        case km.One():
            return "int"
        case km.InLetter() | km.Text():
            return "const void *"
        case km.OutLetter() | km.OutText():
            return "void *"
        case k.Strings():
            return "const char *const *"
        case k.InBytes():
            return "const void *"
        case k.OutBytes() | k.OutData() | k.Records():
            return "void *"
        case k.InStruct():
            return f"const struct {_struct(kind.layout)} *"
        case k.OutStruct() | k.Array() | k.Items() | k.OutItems() | k.InOutStruct():
            return f"struct {_struct(kind.layout)} *"
        case k.InInt():
            return f"const unsigned {_INTEGERS[kind.bits]} *"
        case k.OutInt() | k.OutInts():
            return f"unsigned {_INTEGERS[kind.bits]} *"
        case k.InOutInt():
            return f"{_INTEGERS[kind.bits]} *"
        case k.Int():
            return ("" if kind.signed else "unsigned ") + _INTEGERS[kind.bits]
        case k.Length():
            return "unsigned long"
        case k.Bits() | k.Pick() | ks.MadeIn():
            return "unsigned int"
    raise TypeError(f"no C type for {type(kind).__name__}")


def _struct(layout: Layout | LayoutSet) -> str:
    assert isinstance(layout, Layout), "native layouts are the same everywhere"
    return layout.name
