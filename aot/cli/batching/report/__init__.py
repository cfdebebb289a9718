"""What a batch found, counted and shown: a page to look at, JSON, tables."""
