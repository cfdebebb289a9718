"""The kernel: contexts, memory, files, park, signals, clock. It knows only the native personality."""
