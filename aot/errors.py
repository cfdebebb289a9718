"""What can be wrong with an input: every class here becomes one line on stderr and exit status 2."""

from __future__ import annotations


class AotError(Exception):
    """The input cannot be served; the message is one line for a person."""


class ImageError(AotError):
    """The file is not an executable image we translate (unknown, truncated, unsupported kind)."""


class NotProgram(ImageError):
    """The file is of a format we translate, but nobody runs it: a library, an object, a core dump."""


class IdentifyError(AotError):
    """The personality of an image cannot be decided from its evidence."""


class RewriteError(AotError):
    """A translated image cannot be produced from this input."""


class ManifestError(AotError):
    """A native ELF carries no manifest, or one this version cannot read."""


class VerifyError(AotError):
    """A translated file does not hold what its manifest says."""


class SetupError(AotError):
    """The run cannot be set up as asked (mounts, working directory, missing interpreter)."""


class FileError(AotError):
    """A file that a command names cannot be written."""


class ProfileError(AotError):
    """A profile or policy cannot be made, read or enforced as asked."""
