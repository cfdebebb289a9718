"""What the C runtimes of several systems share: formatting, the heap, streams, sorting as guest code."""
