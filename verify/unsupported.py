"""How the validator says that it has no theory of something."""


class UnsupportedError(Exception):
    """The theory does not cover what the message names; the function is left unproved."""
