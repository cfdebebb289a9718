"""Rewriting: every site becomes a jump into a stub, or is left alone with a reason."""
