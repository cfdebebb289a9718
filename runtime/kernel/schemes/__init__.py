"""File-like namespaces of the kernel."""
