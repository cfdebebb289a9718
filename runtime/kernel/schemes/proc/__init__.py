"""/proc and /sys, file by subject; `root.py` and `sys.py` are where they begin."""
