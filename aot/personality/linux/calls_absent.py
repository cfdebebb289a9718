"""Linux calls this kernel does not have: each is listed and answers ENOSYS. Columns: name, x86_64, aarch64.

Numbers: arch/x86/entry/syscalls/syscall_64.tbl and include/uapi/asm-generic/unistd.h.
"""

from __future__ import annotations

from aot.personality.abi.call import Call, absent
from aot.personality.linux.columns import nr

# fmt: off
PROCESSES = (

    ("ptrace", 101, 117), ("setsid", 112, 157),
    ("restart_syscall", 219, 128),
    ("waitid", 247, 95), ("unshare", 272, 97), ("setns", 308, 268),
    ("kcmp", 312, 272),
    ("execveat", 322, 281), ("pidfd_send_signal", 424, 424), ("pidfd_open", 434, 434), ("clone3", 435, 435),
    ("pidfd_getfd", 438, 438), ("process_madvise", 440, 440), ("process_mrelease", 448, 448),
)
EVENTS = (
    ("io_setup", 206, 0), ("io_destroy", 207, 1), ("io_getevents", 208, 4),
    ("io_submit", 209, 2), ("io_cancel", 210, 3), ("timer_create", 222, 107),
    ("timer_settime", 223, 110), ("timer_gettime", 224, 108), ("timer_getoverrun", 225, 109),
    ("timer_delete", 226, 111),
    ("inotify_init", 253, None), ("inotify_add_watch", 254, 27), ("inotify_rm_watch", 255, 28),
    
    ("signalfd", 282, None),
    ("signalfd4", 289, 74),
    ("inotify_init1", 294, 26),
    ("io_pgetevents", 333, 292),
    

)
OTHERS = (
    
    
    ("syslog", 103, 116),
    ("setfsuid", 122, 151), ("setfsgid", 123, 152), ("capget", 125, 90), ("capset", 126, 91),
    ("uselib", 134, None), ("personality", 135, 92), 
    ("setpriority", 141, 140), ("sched_setparam", 142, 118),
    ("sched_getparam", 143, 121), ("sched_setscheduler", 144, 119),
    ("sched_get_priority_max", 146, 125), ("sched_get_priority_min", 147, 126),
    ("sched_rr_get_interval", 148, 127),
    ("vhangup", 153, 58), ("modify_ldt", 154, None), ("_sysctl", 156, None),
    ("adjtimex", 159, 171), ("settimeofday", 164, 170),
    
    ("reboot", 169, 142), ("sethostname", 170, 161), ("setdomainname", 171, 162), ("iopl", 172, None),
    ("ioperm", 173, None), ("create_module", 174, None), ("init_module", 175, 105),
    ("delete_module", 176, 106), ("get_kernel_syms", 177, None), ("query_module", 178, None),
    ("nfsservctl", 180, 42), ("getpmsg", 181, None), ("putpmsg", 182, None),
    ("afs_syscall", 183, None), ("tuxcall", 184, None), ("security", 185, None),
    ("set_thread_area", 205, None), ("get_thread_area", 211, None), ("lookup_dcookie", 212, 18),
    ("epoll_ctl_old", 214, None), ("epoll_wait_old", 215, None),
    ("vserver", 236, None), ("mbind", 237, 235), ("set_mempolicy", 238, 237),
    ("get_mempolicy", 239, 236), 
    
    ("kexec_load", 246, 104), ("add_key", 248, 217), ("request_key", 249, 218), ("keyctl", 250, 219),
    ("ioprio_set", 251, 30), ("ioprio_get", 252, 31), ("migrate_pages", 256, 238),
    ("move_pages", 279, 239), ("perf_event_open", 298, 241),
    ("clock_adjtime", 305, 266),
    ("finit_module", 313, 273), ("sched_setattr", 314, 274), ("sched_getattr", 315, 275),
    ("seccomp", 317, 277), ("kexec_file_load", 320, 294), ("bpf", 321, 280), ("userfaultfd", 323, 282),
    
    
    
    ("landlock_create_ruleset", 444, 444), ("landlock_add_rule", 445, 445),
    ("landlock_restrict_self", 446, 446), ("memfd_secret", 447, 447),
    ("set_mempolicy_home_node", 450, 450), ("cachestat", 451, 451), ("uretprobe", 335, None),
    ("uprobe", 336, None), ("map_shadow_stack", 453, 453), ("futex_wake", 454,
    454),
    ("futex_wait", 455, 455), ("futex_requeue", 456, 456), ("statmount", 457, 457), ("listmount", 458, 458),
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
