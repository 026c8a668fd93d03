"""An index made anew from an earlier one, for other prices or prompts: the source is not read again."""

from __future__ import annotations

from traceview.store.duck import costs, prompts, resolving, schema
from traceview.store.duck.connection import Database
from traceview.store.duck.costs import span_costs
from traceview.store.duck.summing import threads_of


def retell(database: Database, earlier: str, out: str, work: str, *, infer: bool = True) -> None:
    """Fill the empty schema `out` with the index in `earlier`, but for what depends on prices and prompts.

    Costs are computed with the database's prices; versions of prompts are inferred from its files and the texts, or
    taken from what the tables of `earlier` tell. They are those of an index, or views over its segments.
    """
    for statement in schema.create(out):
        database.execute(statement)
    database.execute(f"INSERT INTO {out}.facts SELECT * FROM {earlier}.facts")
    for table in ("prompt_texts", "prompt_told", "prompt_versions"):
        database.execute(f"INSERT INTO {out}.{table} SELECT * FROM {earlier}.{table}")
    if infer:
        prompts.told(database, out, prompts.texts_of(database, out), prompts.calls_of(f"{earlier}.spans"))
    costs.describe_models(database, work, spans=f"{earlier}.spans")
    own = {name: f"p.{name}" for name in (*resolving.PLAIN, "counted")}
    own["cost_usd"] = "CASE WHEN NOT p.cost_computed THEN p.cost_usd END"
    cost, computed = costs.with_prices(own)
    told, same = prompts.told_again("p")
    database.execute(
        f"""INSERT INTO {out}.spans SELECT p.* REPLACE ({cost} AS cost_usd, {computed} AS cost_computed, {told})
        FROM {earlier}.spans p LEFT JOIN {work}.models r ON r.model = p.model
        LEFT JOIN {out}.prompt_told t ON {same} ORDER BY p.span_no"""
    )
    database.execute(
        f"""INSERT INTO {out}.traces SELECT t.* REPLACE (s.cost_usd AS cost_usd, s.uncosted AS uncosted,
            s.prompt_versions AS prompt_versions)
        FROM {earlier}.traces t
        LEFT JOIN (SELECT s.trace_no, {span_costs("s")}, {prompts.PROMPT_VERSIONS} AS prompt_versions
            FROM {out}.spans s GROUP BY s.trace_no) s
        USING (trace_no) ORDER BY t.trace_no"""
    )
    database.execute(f"INSERT INTO {out}.threads {threads_of(f'{out}.traces')}")
    database.execute(f"DROP TABLE {work}.models")
