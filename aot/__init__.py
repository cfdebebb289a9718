"""Ahead of time: foreign executable in, native ELF with an embedded manifest out."""
