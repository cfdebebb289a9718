"""The ABI facts of seven systems: pure data and pure functions, standard library only."""
