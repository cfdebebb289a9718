"""Analysis: which personality, which sites, which numbers, which imports."""
