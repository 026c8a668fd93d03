"""What is the same for all spans that have the same attribute keys: found once, looked up for every further span."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, TypeVar

Step = tuple[str, Callable[[Any], Any], tuple[str, ...]]
"""A column, what reads a value for it (None for a value that says nothing), and its keys, the best first."""

Table = tuple[Step, ...]
T = TypeVar("T")

_KEPT_KEYS = 60_000
"""Keys of all the shapes that are kept, some 20 MB; a file with more shapes is read as well, only slower."""


class Shape:
    """The keys of an attribute list; `names` are the keys, or what follows a prefix, to whole keys, in order.

    Prefixes and tables that it is asked for are constants of modules: what it finds for them is kept.
    """

    __slots__ = ("_groups", "_made", "_named", "_starts", "_steps", "families", "names")

    def __init__(self, names: dict[str, str]) -> None:
        self.names = names
        self.families = frozenset(name.partition(".")[0] for name in names)
        self._steps: dict[int, list[Step]] = {}
        self._groups: dict[str, list[Shape]] = {}
        self._named: dict[tuple[str, ...], list[tuple[str, str]]] = {}
        self._made: dict[Callable[[Shape], Any], Any] = {}
        self._starts: dict[tuple[str, ...], bool] = {}

    def steps(self, table: Table) -> list[Step]:
        """The steps of a table whose keys occur, with only the keys that do."""
        found = self._steps.get(id(table))
        if found is None:
            kept = ((column, read, tuple(k for k in keys if k in self.names)) for column, read, keys in table)
            found = self._steps[id(table)] = [step for step in kept if step[2]]
        return found

    def groups(self, prefix: str) -> list[Shape]:
        """Of names `prefix + N + "." + rest` the rests, one shape per N in numeric order of N; gaps are closed."""
        found = self._groups.get(prefix)
        if found is None:
            groups: dict[int, dict[str, str]] = {}
            for name, key in self.names.items():
                if name.startswith(prefix):
                    number, _, rest = name[len(prefix) :].partition(".")
                    if number.isdecimal() and len(number) < 10:
                        groups.setdefault(int(number), {})[rest] = key
            found = self._groups[prefix] = [Shape(groups[number]) for number in sorted(groups)]
        return found

    def named(self, prefixes: tuple[str, ...]) -> list[tuple[str, str]]:
        """What follows the first of the prefixes that a name has, and the whole key."""
        found = self._named.get(prefixes)
        if found is None:
            found = self._named[prefixes] = [
                (name[len(next(one for one in prefixes if name.startswith(one))) :], key)
                for name, key in self.names.items()
                if name.startswith(prefixes)
            ]
        return found

    def made(self, maker: Callable[[Shape], T]) -> T:
        """What a function finds out about this shape, asked once."""
        found: T | None = self._made.get(maker)
        if found is None:
            found = self._made[maker] = maker(self)
        return found

    def only(self, prefixes: tuple[str, ...]) -> bool:
        """True if every name starts with one of the prefixes."""
        found = self._starts.get(prefixes)
        if found is None:
            found = self._starts[prefixes] = all(name.startswith(prefixes) for name in self.names)
        return found


_kept: dict[tuple[str, ...], Shape] = {}
_kept_keys = 0


def shape_of(keys: Iterable[str]) -> Shape:
    """The shape of these keys, the same object for the same keys while it is kept."""
    global _kept_keys
    told = tuple(keys)
    shape = _kept.get(told)
    if shape is None:
        if _kept_keys > _KEPT_KEYS:
            _kept.clear()
            _kept_keys = 0
        shape = _kept[told] = Shape(dict(zip(told, told, strict=True)))
        _kept_keys += len(told) + 20
    return shape
