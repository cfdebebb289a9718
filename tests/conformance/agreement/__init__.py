"""Our trace of a Linux program held against what strace says about the same program on the host."""
