"""Executable images: foreign formats in, native ELF out."""
