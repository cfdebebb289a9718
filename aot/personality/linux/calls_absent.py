"""Linux calls this kernel does not have: each is listed and answers ENOSYS. Columns: name, x86_64, aarch64.

Numbers: arch/x86/entry/syscalls/syscall_64.tbl and include/uapi/asm-generic/unistd.h.
"""

from __future__ import annotations

from aot.personality.abi.call import Call, absent
from aot.personality.linux.columns import nr

# fmt: off
PROCESSES = (
    ("ptrace", 101, 117),
    ("process_mrelease", 448, 448),
)
EVENTS = (
    ("io_setup", 206, 0), ("io_destroy", 207, 1), ("io_getevents", 208, 4),
    ("io_submit", 209, 2), ("io_cancel", 210, 3),
    ("io_pgetevents", 333, 292),
)
OTHERS = (
    ("syslog", 103, 116),
    ("uselib", 134, None),
    ("modify_ldt", 154, None), ("_sysctl", 156, None),
    ("create_module", 174, None),
    ("get_kernel_syms", 177, None), ("query_module", 178, None),
    ("nfsservctl", 180, 42), ("getpmsg", 181, None), ("putpmsg", 182, None),
    ("afs_syscall", 183, None), ("tuxcall", 184, None), ("security", 185, None),
    ("set_thread_area", 205, None), ("get_thread_area", 211, None), ("lookup_dcookie", 212, 18),
    ("epoll_ctl_old", 214, None), ("epoll_wait_old", 215, None),
    ("vserver", 236, None),
    ("kexec_load", 246, 104), ("add_key", 248, 217), ("request_key", 249, 218), ("keyctl", 250, 219),
    ("perf_event_open", 298, 241),
    ("seccomp", 317, 277), ("bpf", 321, 280), ("userfaultfd", 323, 282),
    ("landlock_create_ruleset", 444, 444), ("landlock_add_rule", 445, 445),
    ("landlock_restrict_self", 446, 446), ("memfd_secret", 447, 447),
    ("set_mempolicy_home_node", 450, 450), ("cachestat", 451, 451), ("uretprobe", 335, None),
    ("uprobe", 336, None), ("map_shadow_stack", 453, 453),
    ("futex_requeue", 456, 456), ("statmount", 457, 457), ("listmount", 458, 458),
    ("lsm_get_self_attr", 459, 459), ("lsm_set_self_attr", 460, 460), ("lsm_list_modules", 461, 461),
    ("setxattrat", 463, 463), ("getxattrat", 464, 464), ("listxattrat", 465, 465),
    ("removexattrat", 466, 466), ("open_tree_attr", 467, 467), ("file_getattr", 468, 468),
    ("file_setattr", 469, 469), ("listns", 470, 470), ("rseq_slice_yield", 471, 471),
)
# fmt: on

CALLS: tuple[Call, ...] = tuple(
    absent(name, nr(x86_64, aarch64), note)
    for group, note in (
        (PROCESSES, "not built"),
        (EVENTS, "no event descriptors"),
        (OTHERS, "not built"),
    )
    for name, x86_64, aarch64 in group
)
