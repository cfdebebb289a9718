"""Library functions that run as guest code, because they call the guest back too often to leave it each time.

The bytes are what `zig cc FLAGS` makes of corpus/src/windows/sort.c; a test compiles it again.
"""

from __future__ import annotations

from typing import Any

from aot.personality.windows.state import state

FLAGS = (
    "-c", "-Os", "-g0", "-ffreestanding", "-fno-builtin", "-fno-stack-protector", "-fno-sanitize=all",
    "-fno-vectorize", "-fno-slp-vectorize", "-fno-unroll-loops", "-fno-asynchronous-unwind-tables",
)  # fmt: skip
CPU = {"x86_64": "-mcpu=x86_64", "aarch64": "-mcpu=generic"}

SORT = {
    "x86_64": bytes.fromhex(
        "5541574156415541545657534883ec38488d6c24304989ce4883fa020f92c04d85c00f94c108c10f855d0100004c89c7"
        "4889d34889d048d1e8488945f84c894d004c8b6df84d85ed740549ffcdeb6948ffcb0f84320100004889d8480fafc74c"
        "89f24889f94883ff047221448b02448b1402448912448904024883c1fc4883c2044883f90377e44801d0eb094c01f048"
        "89f94c89f24885c9741b4531c0468a1c02468a14004688140246881c0049ffc04c39c175e84531ed4a8d346d00000000"
        "4e8d246d010000004c896df84939dc0f836cffffff4d89ef4883c6024839de73214c89e1480fafcf4c01f14889f2480f"
        "afd74c01f2ff55004c8b4d0085c04c0f48e64d89e54c0fafff4d01f74c0fafe74d01f44c89f94c89e241ffd185c07961"
        "4889f84883ff047220418b0f418b142441891741890c244883c0fc4983c7044983c4044883f80377e04885c04c8b4d00"
        "741a31c9418a140f458a040c4588040f4188140c48ffc14839c875e84a8d346d000000004e8d246d01000000e94bffff"
        "ff4c8b4d00e9b7feffff4883c4385b5f5e415c415d415e415f5dc3"
    ),
    "aarch64": bytes.fromhex(
        "f353bba9f55b01a9f76302a9f96b03a9fb7b04a93f0800f1a30a0054f40302aa620a00b439fc41d3f30303aaf50301aa"
        "f60300aa790000b4390700d11e000014b50600f140090054aa7e149b9f1200f1e90316aae80314aa830100542b696ab8"
        "081100d12c0140b91f0d00f12b0100b92c692ab82911009128ffff542a010a8bc80000b50b000014ca020a8be80314aa"
        "e90316aae80000b44b0140392c014039080500f12b1500384c15003861ffff54f9031faa3700805228fb7fd3fa0319aa"
        "37fb7fb3ff0215eb62fbff541b090091f8031aaa7f0315ebe2000054e05a149b615b149b60023fd61f0000717a43979a"
        "02000014fa0317aa175b149b585b149be00317aae10318aa60023fd640f9ff369f1200f1e80314aa03010054090340b9"
        "ea0240b9081100d11f0d00f1e94600b80a4700b848ffff54e80000b409034039ea024039080500f1e91600380a170038"
        "61ffff543700805248fb7fd357fb7fb3ff0215eb82f6ff54d9ffff17fb7b44a9f96b43a9f76342a9f55b41a9f353c5a8"
        "c0035fd6"
    ),
}


def sort_address(ctx: Any) -> int:
    """Where qsort's code lies, mapped when first needed."""
    parts = state(ctx).parts
    if "sort" not in parts:
        code = SORT[ctx.arch.value]
        address = ctx.mem.map(None, len(code) + 4095 & -4096, 5, name="[runtime code]")
        ctx.mem.poke(address, code)
        parts["sort"] = address
    found: int = parts["sort"]
    return found
