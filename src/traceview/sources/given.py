"""Who gave a score: a colleague, a model, a program, or an end user of the application."""

from __future__ import annotations

import re

_END_USER = re.compile(
    r"^(end[_ -]?)?(user|customer)[_ -]?(score|rating|feedback|satisfaction|reaction|vote|thumbs?|correction|edit)"
    r"|^thumbs?([_ -]?(up|down))?$|^(csat|nps)$|^(like|dislike)s?$",
    re.IGNORECASE,
)


def given_by(writer: str | None, name: str | None) -> str:
    """`human`, `llm`, `code` or `user`, of what a tool says of the writer and of the score's name.

    Applications send their users' thumbs and ratings through the same interface as programs send checks: a score that
    no person or model of the tool gave is an end user's if its name says so (user_score, user_rating, thumbs_up,
    csat, ...).
    """
    word = (writer or "").lower()
    if word in ("user", "end_user", "end-user", "customer", "feedback_widget"):
        return "user"
    if word in ("human", "annotation", "annotator", "ui", "app", "manual", "review", "annotation_queue"):
        return "human"
    if word in (
        "llm",
        "llm_judge",
        "judge",
        "model",
        "eval",
        "auto_eval",
        "ai",
        "online_scoring",
        "ai_judge",
    ):
        return "llm"
    return "user" if name is not None and _END_USER.search(name) else "code"
