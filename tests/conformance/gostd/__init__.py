"""Go's own tests of its standard library, on the host and as guests, verdict by verdict."""
