"""The call set of a program: every call it and what it loads can make, with the evidence for each."""
