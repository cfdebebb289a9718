"""Test suites that nobody here wrote, run by programs of the distribution: as guests and on the host."""
