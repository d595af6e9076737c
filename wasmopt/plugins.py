"""Passes of other packages: the entry points of the group `wasmopt.passes`.

    [project.entry-points."wasmopt.passes"]        in the pyproject.toml of a package
    shrink-loops = "acme.loops:SHRINK_LOOPS"       a `Pass` or `ModulePass` of that name

A plug-in runs only when it is named, and its module is imported only then.  It goes through the
same gates as every pass, so that it need not be right: what it raises or returns cannot spoil the
result.  It runs in this process, though.  One that never returns is not stopped, and one that
sets out to change wasmopt itself is not kept from that.

Source: PyPA specifications, Entry points.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection
from dataclasses import replace
from functools import wraps
from importlib.metadata import EntryPoint, entry_points
from typing import Any, Final

from wasmopt.context import Pass
from wasmopt.errors import Ended, UsageError
from wasmopt.module_change import ModulePass

GROUP: Final = "wasmopt.passes"
_FLAG: Final = re.compile(r"[A-Za-z0-9][\w.-]*")


class SystemExitError(Exception):
    """A plug-in called `sys.exit`."""


class Plugins:
    """What is installed at the moment.

    Args:
        built_in: names that are taken.
    """

    def __init__(self, built_in: Collection[str]) -> None:
        self._offers: Final[dict[str, list[EntryPoint]]] = {}
        self._shadowed: Final[dict[str, list[EntryPoint]]] = {}
        for each in sorted(entry_points(group=GROUP), key=lambda each: (each.name, each.value)):
            offers = self._shadowed if each.name in built_in else self._offers
            offers.setdefault(each.name, []).append(each)

    @property
    def flags(self) -> dict[str, str]:
        """The summaries of those whose names can be flags."""
        return {name: text for name, text in self.summaries.items() if _FLAG.fullmatch(name)}

    @property
    def summaries(self) -> dict[str, str]:
        """By name, where each comes from; nothing is imported for that."""
        return {
            name: "a plug-in, from " + " and ".join(map(_origin, offers))
            for name, offers in self._offers.items()
        }

    def load(self, name: str) -> Pass | ModulePass:
        """The plug-in of that name.

        Raises:
            UsageError: it cannot be imported, is no pass, has another name, or several packages
                have one of that name.
        """
        offers = self._offers[name]
        if len({each.value for each in offers}) > 1:
            packages = " and ".join(map(_origin, offers))
            raise UsageError(f"pass {name} is offered by {packages}, uninstall one of them")
        try:
            found = offers[0].load()
        except Ended:
            raise
        except (Exception, SystemExit) as error:  # whatever a module does when it is imported
            reason = " ".join(f"{type(error).__name__}: {error}".split())
            raise UsageError(
                f"pass {name} of {_origin(offers[0])} cannot be loaded, {reason}"
            ) from None
        if not isinstance(found, Pass | ModulePass):
            kind = type(found).__name__
            raise UsageError(
                f"pass {name} of {_origin(offers[0])} is a {kind}, not a Pass or ModulePass"
            )
        if found.name != name:
            raise UsageError(f"pass {name} of {_origin(offers[0])} calls itself {found.name!r}")
        if isinstance(found, Pass):
            return replace(found, run=_contained(found.run))
        return replace(found, run=_contained(found.run))

    def notices(self, names: Collection[str]) -> list[str]:
        """One line for each of these names that a plug-in has, too."""
        return [
            f"pass {name} of {_origin(each)} is not used, {name} is a pass of wasmopt itself"
            for name, offers in self._shadowed.items()
            if name in names
            for each in offers
        ]


def _origin(entry_point: EntryPoint) -> str:
    """The package that has an entry point, with its version."""
    package = entry_point.dist
    return entry_point.value if package is None else f"{package.name} {package.version}"


def _contained(run: Callable[..., Any]) -> Callable[..., Any]:
    """The same, but `sys.exit` in it is an error like others."""

    @wraps(run)
    def contained(*arguments: Any) -> Any:
        try:
            return run(*arguments)
        except Ended:
            raise
        except SystemExit as error:
            raise SystemExitError(f"exits with {error.code}") from None

    return contained
