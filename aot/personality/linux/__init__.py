"""Linux: columns x86_64 and aarch64."""
