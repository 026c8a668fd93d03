"""What is doubtful about a judge that can be used: without a source, and against the traces of one."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from traceview.judges.examples import missing_examples
from traceview.judges.exchange import KEY_ENV_HINT, missing_key
from traceview.judges.hits import Hits
from traceview.model.judges import JudgeDefinition

_TWO_RULES = re.compile(r"\S+(?:\s+\S+){2,}\s*,?\s+(?:and|und|as well as)\s+\S+(?:\s+\S+){2,}", re.IGNORECASE)
FEW_HITS = 0.05


def errors_of(judge: JudgeDefinition) -> Iterator[str]:
    """What keeps a judge from being run, though its file can be read."""
    wrong = missing_key(judge.model) if judge.model is not None else None
    if wrong is not None:
        yield f"{wrong} ({KEY_ENV_HINT})"


def warnings_of(judge: JudgeDefinition) -> Iterator[str]:
    """What a person should look at again in the file of a judge."""
    if judge.kind == "llm" and judge.score.pass_means and _TWO_RULES.search(judge.score.pass_means):
        yield "pass_means joins two rules by 'and': split this judge, or use [[parts]], so that each can be calibrated"
    if judge.kind == "llm" and missing_examples(judge):
        yield (
            f"the contents of {len(missing_examples(judge))} pinned examples are not there: "
            f"`traceview judge examples SOURCE {judge.name} --write`"
        )
    if judge.redaction.profile == "off" and judge.kind == "llm":
        yield "redaction is off: traces are sent as they are"
    if judge.rate == 0:
        yield "rate = 0 picks nothing"
    if judge.kind == "llm" and judge.rule.enabled and judge.usd_per_day is None:
        yield "a rule that judges by itself has no [budget] usd_per_day"
    if judge.score.type == "numerical" and judge.score.pass_at_least is None and judge.kind == "llm":
        yield "without pass_at_least nothing passes or fails: no pass rate can be told"
    if judge.score.type == "categorical" and not judge.score.pass_choices and judge.kind == "llm":
        yield 'without pass = ["..."] nothing passes or fails: no pass rate can be told'


def warnings_of_hits(hits: Sequence[Hits]) -> Iterator[str]:
    """Variables that find nothing, or nearly nothing: the commonest way in which a judge is silently wrong."""
    for one in hits:
        if not one.of:
            continue
        what = f"{one.name} ({one.path}) finds something in {one.found:,} of the last {one.of:,}"
        if not one.found:
            yield f"{what}: the path is probably wrong"
        elif one.found / one.of < FEW_HITS and one.needed:
            yield f"{what}; the others are skipped"
