"""The objects libSystem exports, which a Mach-O file imports like functions. From: the headers of macOS 14."""

from __future__ import annotations

STDIN, STDOUT, STDERR = "___stdinp", "___stdoutp", "___stderrp"
RUNES = "__DefaultRuneLocale"
GUARD = "___stack_chk_guard"
ENVIRON = "_environ"
TASK = "_mach_task_self_"
PAGE_SIZE, PAGE_MASK, PAGE_SHIFT = "_vm_page_size", "_vm_page_mask", "_vm_page_shift"
KERNEL_PAGE_SIZE = "_vm_kernel_page_size"

OBJECTS = frozenset({
    STDIN, STDOUT, STDERR, GUARD, ENVIRON, TASK, PAGE_SIZE, PAGE_MASK, PAGE_SHIFT, KERNEL_PAGE_SIZE,
    "_optarg", "_optind", "_opterr", "_optopt", "_optreset", "_timezone", "_daylight", "_tzname", "_in6addr_any",
    "_in6addr_loopback", RUNES, "__CurrentRuneLocale", "___mb_cur_max", "_sys_nerr", "_sys_errlist",
    "_sys_nsig", "_sys_siglist", "_NXArgc", "_NXArgv", "___progname", "_signgam", "_suboptarg",
    "__NSConcreteStackBlock", "__NSConcreteGlobalBlock", "__dispatch_main_q",
})  # fmt: skip
