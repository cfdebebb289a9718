"""Which code of an image can run, by what its bytes refer to."""
