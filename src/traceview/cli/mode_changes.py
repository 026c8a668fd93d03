"""What `labels modes` changes and shows of one failure mode: renamed, split, its items."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from traceview.annotation.mode_examples import ModeExample, ModeExamples
    from traceview.annotation.modes import ModeFigures
    from traceview.cli.opening import Labels
    from traceview.model.labels import Target
    from traceview.store.interface import Engine


def rename_mode(found: Labels, old: str, new: str) -> None:
    """Call a mode otherwise on all own items that have it. Raises BadInput if none has."""
    _change(found, old, new, None)


def split_mode(
    found: Labels, engine: Engine, old: str, new: str, filter_text: str, ids: Sequence[str]
) -> None:
    """Call a mode otherwise on the own items of it that a filter leaves or that were named. Raises BadInput."""
    from traceview.cli.output import say
    from traceview.model.errors import BadInput
    from traceview.store.targets import named_target

    chosen: Collection[Target]
    if ids:
        chosen = {named_target(engine, one) for one in ids}
    else:
        examples = _examples(found, engine, old, filter_text)
        if examples.of and not examples.found:
            raise BadInput(f"none of your {examples.of:,} items of {old!r} matches {filter_text!r}")
        chosen = {one.target for one in examples.found}
    given = _change(found, old, new, chosen)
    if given < len(chosen):
        say(f"{len(chosen) - given:,} of the {len(chosen):,} do not have {old} from you")


def mode_items(found: Labels, engine: Engine, mode: str, filter_text: str) -> list[dict[str, Any]]:
    """One's own items of a mode that match a filter, newest first; how many of how many goes to stderr."""
    from traceview.cli.output import say

    examples = _examples(found, engine, mode, filter_text)
    if not examples.of and not examples.others:
        raise _gave_none(found, mode)
    others = f"; {examples.others:,} that only others gave it stay theirs" if examples.others else ""
    say(f"{len(examples.found):,} of your {examples.of:,} items of {mode}{others}")
    return [_item(one) for one in examples.found]


def _examples(found: Labels, engine: Engine, mode: str, filter_text: str) -> ModeExamples:
    from traceview.annotation.mode_examples import mode_examples
    from traceview.cli.opening import parse_filter

    return mode_examples(engine, found.annotator(), mode, parse_filter(filter_text))


def _change(found: Labels, old: str, new: str, among: Collection[Target] | None) -> int:
    from traceview.annotation.modes import mode_figures, rename_soon
    from traceview.cli.output import say
    from traceview.text.human import counted

    action = rename_soon(found.annotator(), [old], new, among).result()
    if action is None:
        raise _gave_none(found, old, among)
    count = len(action.rows)
    say(f"{old} is {new} on {counted(count, 'item')}; `traceview labels undo` takes it back")
    others = _others(mode_figures(found.store.current()), old, found.annotator_name)
    if others and among is None:
        say(f"{', '.join(others)} still say {old}: their rows are theirs")
    return count


def _gave_none(found: Labels, mode: str, among: Collection[Target] | None = None) -> Exception:
    """Why nothing has a mode, and which modes there are."""
    from traceview.annotation.modes import mode_figures
    from traceview.model.errors import BadInput

    names = [one.mode.name for one in mode_figures(found.store.current(annotator=found.annotator_name))]
    which = "no item" if among is None or mode not in names else f"none of these {len(among):,} items"
    return BadInput(
        f"{found.annotator_name} gave {which} the failure mode {mode!r}",
        hint=f"given: {', '.join(names[:10])}" if names else "none was given",
    )


def _others(figures: Sequence[ModeFigures], name: str, own: str) -> tuple[str, ...]:
    given = next((one.annotators for one in figures if one.mode.name == name), ())
    return tuple(one for one in given if one != own)


def _item(one: ModeExample) -> dict[str, Any]:
    return {
        "target_kind": one.target.kind,
        "target_id": one.target.id,
        "trace_id": one.target.trace_id,
        "notes": list(one.notes),
        "text": one.text,
        "given_at": one.given_at,
    }
