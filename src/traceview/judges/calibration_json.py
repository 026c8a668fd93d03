"""The object of `judge calibrate --json`."""

from __future__ import annotations

from typing import Any

from traceview.analysis.estimate import Estimate
from traceview.judges.calibration import CELLS, Calibration, numbers_of
from traceview.judges.weighing import WeightedFigure


def as_json(found: Calibration) -> dict[str, Any]:
    """Every figure by its name; one that is undefined is None, with its reason beside it."""
    evidence, confusion = found.evidence, found.confusion
    rates = {"tpr": None, "tnr": None, "accuracy": None, "mcc": None} if confusion is None else {
        "tpr": confusion.tpr,
        "tnr": confusion.tnr,
        "accuracy": confusion.accuracy,
        "mcc": confusion.mcc,
    }  # fmt: skip
    calls = evidence.calls
    told: dict[str, Any] = {
        "judge": evidence.judge,
        "metric": evidence.metric,
        "judge_hash": evidence.judge_hash,
        "split": evidence.split,
        "n": found.count,
        **{cell: getattr(confusion, cell) if confusion is not None else None for cell in CELLS},
    }
    for name in ("tpr", "tnr"):
        told[name], told[f"{name}_ci95"] = _value(rates[name]), _interval(rates[name])
    told |= {
        "accuracy": _value(rates["accuracy"]),
        "accuracy_ci95": _interval(rates["accuracy"]),
        "mcc": _value(rates["mcc"]),
        "confusion_reason": found.confusion_reason,
        "kappa": found.kappa.value,
        "kappa_ci95": _interval(found.kappa),
        "kappa_reason": found.kappa.reason,
        "kappa_linear": found.kappa_linear.value,
        "kappa_quadratic": found.kappa_quadratic.value,
        "categories": None if found.table is None else list(found.table.categories),
        "table": None if found.table is None else [list(row) for row in found.table.counts],
        "observed_pass_rate": found.pass_rate.observed.value,
        "observed_ci95": _interval(found.pass_rate.observed),
        "observed_n": sum(evidence.shape.passes(value) is not None for value in evidence.unlabelled),
        "corrected_pass_rate": found.pass_rate.corrected.value,
        "corrected_se": found.pass_rate.corrected.se,
        "corrected_ci95": _interval(found.pass_rate.corrected),
        "corrected_clipped": found.pass_rate.clipped,
        "correction_refused": found.pass_rate.corrected.reason,
    }
    if found.mean is not None:
        told |= {
            "observed_mean": found.mean.observed.value,
            "observed_mean_n": len(numbers_of(evidence.unlabelled)),
            "corrected_mean": found.mean.corrected.value,
            "corrected_mean_se": found.mean.corrected.se,
            "corrected_mean_ci95": _interval(found.mean.corrected),
            "corrected_mean_reason": found.mean.corrected.reason or found.mean.observed.reason,
        }
    weighted = found.weighted
    told["weighted"] = None if weighted is None else {
        "n": weighted.count,
        "sought": weighted.sought,
        "effective_n": weighted.effective,
        **{
            key: value
            for name in ("tpr", "tnr", "accuracy")
            for key, value in _weighted(name, getattr(weighted, name)).items()
        },
    }  # fmt: skip
    return told | {
        "left_out": dict(evidence.left_out),
        "blind": evidence.blind,
        "unscored": None if calls is None else dict(calls.unscored),
        "unscored_share": None if calls is None else calls.unscored_share,
        "skipped": None if calls is None else dict(calls.skipped),
        "errors": None if calls is None else dict(calls.errors),
        "labels_needed": {
            name: {"have": one.have, "want": one.want, "more": one.more, "half_width": found.half_width}
            for name, one in found.needed.items()
        },
        "trusted": found.trusted,
        "distrust": list(found.distrust),
        "look": evidence.look,
        "warnings": list(found.warnings),
    }


def _weighted(name: str, figure: WeightedFigure) -> dict[str, Any]:
    return {
        name: figure.rate.value,
        f"{name}_ci95": _interval(figure.rate),
        f"{name}_reason": figure.rate.reason,
        f"{name}_n": figure.count,
        f"{name}_effective_n": figure.effective,
    }


def _value(figure: Estimate | None) -> float | None:
    return None if figure is None else figure.value


def _interval(figure: Estimate | None) -> list[float] | None:
    return None if figure is None or figure.ci95 is None else list(figure.ci95)
