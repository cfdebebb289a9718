"""The program a native ELF begins with: it hands the file to helctic-aot."""
