"""`init` and `feedback`: the definitions of what is judged, as a file."""

from __future__ import annotations

from typing import Any

import click

from traceview.cli.settings import Settings, json_option

TEMPLATES = ("basic", "rag", "agent", "support")


@click.command("init")
@click.option(
    "--template",
    type=click.Choice(TEMPLATES),
    default="basic",
    show_default=True,
    help="What is judged: basic (one question), rag (answers from retrieved documents), agent (tools until "
    "something is done), support (conversations with customers).",
)
@click.option("--force", is_flag=True, help="Replace an existing traceview.toml.")
@click.pass_obj
def command_init(settings: Settings, template: str, force: bool) -> None:
    """Write a first traceview.toml into the working directory."""
    from traceview.cli.output import say
    from traceview.definitions.edit import create_project
    from traceview.definitions.project import load_project

    path = create_project(settings.config, template, force=force)
    names = ", ".join(definition.name for definition in load_project(path).definitions)
    say(f"wrote {path}: {names}")


@click.group("feedback")
def command_feedback() -> None:
    """The feedback definitions in force."""


@command_feedback.command("list")
@click.argument("source", required=False)
@json_option
@click.pass_obj
def feedback_list(settings: Settings, source: str | None, as_json: bool) -> None:
    """The definitions, and the file they come from."""
    from traceview.cli.opening import load_definitions
    from traceview.cli.output import print_json_lines, print_table, say

    project = load_definitions(settings, (source,) if source else ())
    rows: list[dict[str, Any]] = [
        {
            "name": one.name,
            "type": one.type,
            "scope": list(one.scopes),
            "required": one.required,
            "allow_na": one.allow_na,
            "choices": list(one.choices),
            "min": one.minimum,
            "max": one.maximum,
            "pass_means": one.pass_means,
            "fail_means": one.fail_means,
            "hash": one.hash,
        }
        for one in project.definitions
    ]
    if as_json:
        print_json_lines(rows)
    else:
        print_table(
            rows, ("name", "type", "scope", "required", "choices", "pass_means", "fail_means", "hash")
        )
    say(project.sentence)


@command_feedback.command("edit")
@click.argument("name")
@click.pass_obj
def feedback_edit(settings: Settings, name: str) -> None:
    """Edit one definition of traceview.toml in $EDITOR; its comments and the rest of the file stay.

    A text that cannot be read is opened again with the reason over it; leave it without a change to give it up.
    """
    from traceview.cli.opening import load_definitions
    from traceview.cli.output import say
    from traceview.definitions.document import nearest
    from traceview.definitions.section import put_section, section_text, with_reason, without_reason
    from traceview.model.errors import BadInput

    project = load_definitions(settings, ())
    if project.path is None or project.definition(name) is None:
        names = [one.name for one in project.definitions] if project.path is not None else []
        raise BadInput(
            f"no definition {name} stands in a traceview.toml here",
            hint=nearest(name, names) if names else "`traceview feedback add` makes one",
        )
    text, refused = section_text(project.path, name), None
    while True:
        edited = click.edit(text, extension=".toml")
        if edited is None or edited == text:
            if refused is not None:
                raise refused
            say("nothing was changed")
            return
        edited = without_reason(edited)
        try:
            changed, _ = put_section(project.path, name, edited, origin=project.origin)
        except BadInput as error:
            refused = error
            text = with_reason(edited, error)
        else:
            break
    say(f"saved {name} in {project.path}")
    before, after = project.definition(name), changed.definition(name)
    if before is not None and after is not None and before.hash != after.hash:
        say(f"it asks something else now: `traceview annotate SOURCE --sample re-review --define {name}`")


@command_feedback.command("add")
@click.argument("name")
@click.option(
    "--type",
    "kind",
    type=click.Choice(("boolean", "categorical", "numerical", "text")),
    default="boolean",
    show_default=True,
)
@click.option(
    "--scope",
    type=click.Choice(("span", "trace", "thread", "document")),
    multiple=True,
    default=("trace",),
    show_default=True,
    help="May be repeated.",
)
@click.option("--pass", "pass_means", metavar="TEXT", help="What pass means.")
@click.option("--fail", "fail_means", metavar="TEXT", help="What fail means.")
@click.option("--choice", "choices", multiple=True, metavar="TEXT", help="A choice. May be repeated.")
@click.option("--multi", is_flag=True, help="Several choices at once.")
@click.option("--ordered", is_flag=True, help="The choices are a scale, in this order.")
@click.option("--min", "minimum", type=float)
@click.option("--max", "maximum", type=float)
@click.option("--direction", type=click.Choice(("higher", "lower", "none")))
@click.option("--no-na", is_flag=True, help='"Does not apply" is no answer.')
@click.option("--required", is_flag=True)
@click.option("--replace", is_flag=True, help="Replace a definition of this name.")
@click.pass_obj
def feedback_add(
    settings: Settings,
    name: str,
    kind: str,
    scope: tuple[str, ...],
    pass_means: str | None,
    fail_means: str | None,
    choices: tuple[str, ...],
    multi: bool,
    ordered: bool,
    minimum: float | None,
    maximum: float | None,
    direction: str | None,
    no_na: bool,
    required: bool,
    replace: bool,
) -> None:
    """Add a definition to traceview.toml (created in the working directory if there is none)."""
    from traceview.cli.opening import load_definitions
    from traceview.cli.output import say
    from traceview.definitions.edit import add_definition

    fields: dict[str, Any] = {"type": kind, "scope": scope[0] if len(scope) == 1 else list(scope)}
    optional = {
        "pass_means": pass_means,
        "fail_means": fail_means,
        "choices": list(choices) or None,
        "multi": multi or None,
        "ordered": ordered or None,
        "min": minimum,
        "max": maximum,
        "direction": direction,
        "allow_na": False if no_na else None,
        "required": required or None,
    }
    fields |= {key: value for key, value in optional.items() if value is not None}
    path = settings.config or load_definitions(settings, ()).path
    project = add_definition(path, name, fields, replace=replace)
    say(f"added {name} to {project.path}")
