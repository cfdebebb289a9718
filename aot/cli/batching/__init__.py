"""What `batch` does: the tree, a process for each file, the journal that makes it resumable, the report."""
