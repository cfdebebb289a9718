"""Random instruction windows around a trap: the patched code does what the original does.

`python -m tests.aot.rewrite.windows --help` runs as many as wanted (`make fuzz`); test_windows.py runs some.
"""
