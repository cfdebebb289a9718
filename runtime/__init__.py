"""The bundled kernel runtime: executes native ELF images on a CPU backend."""
