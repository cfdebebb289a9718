"""The ways rewriters are known to break programs: a program for each, and the naive rewriter that it breaks."""
