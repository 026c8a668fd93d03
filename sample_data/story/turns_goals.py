"""Turns about objectives, key results and people."""

from __future__ import annotations

import datetime as dt

from story.plan import PlannedTurn
from story.turns import Call, Talk, Turn, break_format, due_date, kind, weeks_left
from story.world import CYCLE, KeyResult, Person


@kind("kr_status")
def kr_status(talk: Talk, planned: PlannedTurn) -> Turn:
    kr = talk.pick_kr()
    slots = talk.facts(kr)
    turn = Turn(talk.say("kr_status", "ask", **slots), "", [[talk.find(kr)]])
    return talk.finish("kr_status", planned, talk.say("kr_status", "answer", **slots), slots, turn)


@kind("vague")
def vague(talk: Talk, planned: PlannedTurn) -> Turn:
    choices = talk.world.phrases["vague"]
    talk.vague = talk.rng.choice(
        [c for c in choices if all(talk.world.kr(k).owner is not talk.user for k in c["krs"])]
    )
    first, second = (talk.world.kr(name) for name in talk.vague["krs"])
    talk.focus = first
    slots = talk.facts(first)
    topic = talk.vague["topic"]
    found = {"key_results": [talk.record(first), talk.record(second)]}
    turn = Turn(
        talk.say("vague", "ask", topic=topic[talk.lang]),
        "",
        [[Call("find_key_results", {"query": topic["en"]}, found)]],
    )
    turn.answer = talk.say("kr_status", "answer", **slots)
    return turn


@kind("correct")
def correct(talk: Talk, planned: PlannedTurn) -> Turn:
    wrong, right = talk.kr(), talk.world.kr(talk.vague["krs"][1])
    talk.focus = right
    slots = {
        **talk.facts(right),
        "right": right.name,
        "wrong": wrong.name,
        "rteam": right.team if right.team != wrong.team else f'"{talk.world.objective_of(right).title}"',
    }
    turn = Turn(talk.say("correct", "ask", **slots), talk.say("correct", "answer", **slots))
    turn.steps = [[Call("get_key_result", {"key_result_id": right.id}, talk.record(right))]]
    turn.problem = planned.plant
    turn.detail = f"the turn before took {wrong.name!r} ({wrong.team}) for {right.name!r} ({right.team})"
    return turn


@kind("overview")
def overview(talk: Talk, planned: PlannedTurn) -> Turn:
    objective = talk.world.objective_of(talk.pick_kr())
    krs = list(objective.krs)
    ranked = sorted(krs, key=lambda kr: float(kr.score(talk.value(kr))))
    worst, best = ranked[0], ranked[-1]
    talk.focus = krs[0]
    mean = sum(float(kr.score(talk.value(kr))) for kr in krs) / 3
    slots = {
        **talk.facts(krs[0]),
        "obj": objective.title,
        "team": objective.team,
        "score": f"{mean:.2f}".replace(".", "," if talk.lang == "de" else "."),
        "best": best.name,
        "worst": worst.name,
        "curworst": talk.num(worst, talk.value(worst)),
        "targetworst": talk.num(worst, worst.target),
    }
    for place, kr in enumerate(krs):
        slots |= {
            f"kr{place}": kr.name,
            f"cur{place}": talk.num(kr, talk.value(kr)),
            f"target{place}": talk.num(kr, kr.target),
        }
    turn = Turn(talk.say("overview", "ask", **slots), "")
    turn.steps = [
        [
            Call(
                "list_objectives",
                {"team": objective.team},
                {"objectives": [{"id": objective.id, "title": objective.title, "score": round(mean, 2)}]},
            )
        ],
        [
            Call(
                "list_key_results",
                {"objective_id": objective.id},
                {"key_results": [talk.record(kr) for kr in krs]},
            )
        ],
    ]
    answer = talk.say("overview", "answer", **slots)
    if planned.plant == "format_broken":
        rows = [[kr.name, talk.num(kr, talk.value(kr)), talk.num(kr, kr.target), kr.owner.name] for kr in krs]
        answer = break_format(turn, planned, talk, ["Key result", "Now", "Target", "Owner"], rows)
    return talk.finish("overview", planned, answer, slots, turn)


@kind("at_risk")
def at_risk(talk: Talk, planned: PlannedTurn) -> Turn:
    team = talk.user.team if talk.rng.random() < 0.6 else talk.rng.choice(talk.world.teams)
    krs = sorted(
        (kr for kr in talk.world.krs if kr.team == team), key=lambda kr: float(kr.score(talk.value(kr)))
    )
    talk.focus = krs[0]
    slots = {**talk.facts(krs[0]), "team": team}
    for place, kr in enumerate(krs[:2]):
        slots |= {
            f"kr{place}": kr.name,
            f"cur{place}": talk.num(kr, talk.value(kr)),
            f"target{place}": talk.num(kr, kr.target),
        }
    turn = Turn(talk.say("at_risk", "ask", **slots), "")
    turn.steps = [
        [
            Call(
                "list_at_risk",
                {"team": team},
                {"key_results": [talk.record(kr, "at_risk") for kr in krs[:4]]},
            )
        ]
    ]
    answer = talk.say("at_risk", "answer", **slots)
    if planned.plant == "format_broken":
        rows = [
            [kr.name, talk.num(kr, talk.value(kr)), talk.num(kr, kr.target), kr.owner.name] for kr in krs[:4]
        ]
        answer = break_format(turn, planned, talk, ["Key result", "Now", "Target", "Owner"], rows)
    return talk.finish("at_risk", planned, answer, slots, turn)


def named_list(krs: list[KeyResult], talk: Talk) -> str:
    joined = {"en": "; ", "de": "; ", "ja": "、"}[talk.lang]
    return joined.join(f"{kr.name} ({talk.num(kr, talk.value(kr))})" for kr in krs)


@kind("my_goals")
def my_goals(talk: Talk, planned: PlannedTurn) -> Turn:
    me = talk.user
    if planned.plant == "wrong_user":
        who = next(person for person in talk.world.named(me.name) if person.id != me.id)
        first = Call(
            "find_person",
            {"name": me.name},
            {"people": [talk.person_row(p) for p in talk.world.named(me.name)]},
        )
    else:
        who, first = me, Call("get_current_user", {}, talk.person_row(me))
    krs = sorted(talk.world.owned_by(who), key=talk.last_check_in)
    talk.focus = krs[0]
    slots = {
        **talk.facts(krs[0]),
        "n": len(krs),
        "list": named_list(krs, talk),
        "kr0": krs[0].name,
        "due": talk.date(due_date(talk.day)),
    }
    turn = Turn(talk.say("my_goals", "ask", **slots), "")
    turn.steps = [
        [first],
        [
            Call(
                "list_key_results",
                {"owner_id": who.id},
                {
                    "key_results": [talk.record(kr) for kr in krs],
                    "next_check_in": due_date(talk.day).isoformat(),
                },
            )
        ],
    ]
    if planned.plant == "wrong_user":
        turn.problem, turn.blame = planned.plant, "list_key_results"
        turn.detail = (
            f"{me.id} ({me.team}) asks for the own goals, gets those of the namesake {who.id} ({who.team})"
        )
    return talk.finish("my_goals", planned, talk.say("my_goals", "answer", **slots), slots, turn)


def choose_person(talk: Talk, planned: PlannedTurn) -> tuple[Person, Person, Call]:
    """The person the user means, the one who is acted on, and the search for the name."""
    namesakes = [
        p for p in talk.world.people if len(talk.world.named(p.name)) > 1 and p.name != talk.user.name
    ]
    if planned.plant == "wrong_user" or talk.rng.random() < 0.35:
        meant = talk.rng.choice(namesakes)
    else:
        meant = talk.someone_else(talk.user.name)
    found = talk.world.named(meant.name)
    acted = meant
    if planned.plant == "wrong_user":
        acted = next(person for person in found if person.id != meant.id)
    return (
        meant,
        acted,
        Call("find_person", {"name": meant.name}, {"people": [talk.person_row(p) for p in found]}),
    )


def blame_namesake(turn: Turn, planned: PlannedTurn, meant: Person, acted: Person, tool: str) -> None:
    if planned.plant == "wrong_user":
        turn.problem, turn.blame = planned.plant, tool
        turn.detail = (
            f"{meant.name} of {meant.team} ({meant.id}) was meant, {tool} used {acted.id} of {acted.team}"
        )


@kind("person_work")
def person_work(talk: Talk, planned: PlannedTurn) -> Turn:
    meant, acted, search = choose_person(talk, planned)
    krs = talk.world.owned_by(acted)
    talk.focus = krs[0]
    slots = {
        **talk.facts(krs[0]),
        "person": meant.name,
        "pteam": meant.team,
        "n": len(krs),
        "list": named_list(krs, talk),
    }
    turn = Turn(talk.say("person_work", "ask", **slots), "")
    turn.steps = [
        [search],
        [Call("list_key_results", {"owner_id": acted.id}, {"key_results": [talk.record(kr) for kr in krs]})],
    ]
    blame_namesake(turn, planned, meant, acted, "list_key_results")
    return talk.finish("person_work", planned, talk.say("person_work", "answer", **slots), slots, turn)


@kind("reminder")
def reminder(talk: Talk, planned: PlannedTurn) -> Turn:
    meant, acted, search = choose_person(talk, planned)
    when = talk.rng.choice(talk.world.phrases["when"][talk.lang])
    slots = {"person": meant.name, "pteam": meant.team, "when": when}
    turn = Turn(talk.say("reminder", "ask", **slots), "")
    call = Call(
        "create_reminder",
        {"person_id": acted.id, "when": when, "text": "check-in"},
        {"ok": True, "reminder_id": f"rem_{talk.rng.randrange(10**5)}"},
    )
    turn.steps = [[search], [call]]
    turn.answer = talk.write(turn, planned, "reminder", call, slots)
    blame_namesake(turn, planned, meant, acted, "create_reminder")
    return turn


@kind("owner")
def owner(talk: Talk, planned: PlannedTurn) -> Turn:
    kr = talk.kr()
    slots = talk.facts(kr)
    call = Call("get_key_result", {"key_result_id": kr.id}, talk.record(kr))
    return Turn(talk.say("owner", "ask", **slots), talk.say("owner", "answer", **slots), [[call]])


@kind("history")
def history(talk: Talk, planned: PlannedTurn) -> Turn:
    kr = talk.kr()
    points = talk.history(kr)
    move = points[-1][1] - points[0][1]
    slots = {
        **talk.facts(kr),
        "hist": " → ".join(talk.num(kr, value) for _, value in points),
        "h0": talk.num(kr, points[0][1]),
        "firstday": talk.date(points[0][0]),
        "move": f"{'+' if move >= 0 else '−'}{talk.num(kr, abs(kr.rounded(move)))}",
    }
    turn = Turn(talk.say("history", "ask", **slots), talk.say("history", "answer", **slots))
    turn.steps = [
        [
            Call(
                "get_metric_history",
                {"key_result_id": kr.id, "weeks": 5},
                {"values": [[d.isoformat(), v] for d, v in points]},
            )
        ]
    ]
    if planned.plant == "format_broken":
        rows = [[talk.date(day), talk.num(kr, value)] for day, value in points]
        turn.answer = break_format(turn, planned, talk, ["Week", kr.name], rows)
    return turn


def comments_of(talk: Talk, kr: KeyResult) -> tuple[list[dict[str, str]], dict[str, str]]:
    """Two comments on a key result, the same ones each time they are read, as rows and as slots."""
    lines = talk.world.phrases["comments"]
    first = int(kr.pace * 1000) % len(lines)
    person, person2 = (
        kr.owner,
        next(p for p in talk.world.people if p.team == kr.team and p.id != kr.owner.id),
    )
    texts = lines[first], lines[(first + 5) % len(lines)]
    rows = [{"by": person.name, "text": texts[0]}, {"by": person2.name, "text": texts[1]}]
    return rows, {"comment": texts[0], "comment2": texts[1], "person": person.name, "person2": person2.name}


@kind("comments")
def comments(talk: Talk, planned: PlannedTurn) -> Turn:
    kr = talk.kr()
    rows, words = comments_of(talk, kr)
    slots = {**talk.facts(kr), **words, "n": len(rows)}
    steps = [[Call("list_comments", {"key_result_id": kr.id}, {"comments": rows})]]
    return Turn(talk.say("comments", "ask", **slots), talk.say("comments", "answer", **slots), steps)


@kind("why")
def why(talk: Talk, planned: PlannedTurn) -> Turn:
    kr = talk.kr()
    rows, words = comments_of(talk, kr)
    slots = {**talk.facts(kr), **words}
    check_ins = {
        "check_ins": [{"day": talk.last_check_in(kr).isoformat(), "value": talk.value(kr), **rows[0]}]
    }
    calls = [
        Call("list_check_ins", {"key_result_id": kr.id}, check_ins),
        Call("list_comments", {"key_result_id": kr.id}, {"comments": rows[1:]}),
    ]
    ask, answer = talk.say("why", "ask", **slots), talk.say("why", "answer", **slots)
    if words["comment2"] not in answer:
        calls[1].result = {"comments": []}
    return Turn(ask, answer, [calls])


@kind("short")
def short(talk: Talk, planned: PlannedTurn) -> Turn:
    slots = talk.facts(talk.kr())
    return Turn(talk.say("short", "ask", **slots), talk.say("short", "answer", **slots))


@kind("thanks")
def thanks(talk: Talk, planned: PlannedTurn) -> Turn:
    return Turn(talk.say("thanks", "ask"), talk.say("thanks", "answer"))


@kind("cycle")
def cycle(talk: Talk, planned: PlannedTurn) -> Turn:
    name, start, end = CYCLE
    closing = end - dt.timedelta(days=14)
    slots = {
        "cycle": name,
        "end": talk.date(end),
        "closing": talk.date(closing),
        "weeks": weeks_left(talk.day),
    }
    call = Call(
        "get_cycle",
        {},
        {
            "name": name,
            "start": start.isoformat(),
            "end": end.isoformat(),
            "closing_from": closing.isoformat(),
        },
    )
    return Turn(talk.say("cycle", "ask", **slots), talk.say("cycle", "answer", **slots), [[call]])


@kind("draft")
def draft(talk: Talk, planned: PlannedTurn) -> Turn:
    topic, title, *ideas = talk.rng.choice(talk.world.phrases["topics"])
    slots = {"topic": topic, "draft": title, "d0": ideas[0], "d1": ideas[1], "d2": ideas[2]}
    turn = Turn(talk.say("draft", "ask", **slots), "")
    steps = [[Call("suggest_key_results", {"topic": topic}, {"suggestions": ideas}, ms=(600, 1500))]]
    turn.steps = [*steps, [Call("check_wording", {"objective": title}, {"ok": True, "hints": []})]]
    answer = talk.say("draft", "answer", **slots)
    if planned.plant == "format_broken":
        rows = [[f"Idea {place + 1}", idea] for place, idea in enumerate(ideas)]
        answer = f'"{title}"\n\n' + break_format(turn, planned, talk, ["Idea", "Key result"], rows)
    return talk.finish("draft", planned, answer, slots, turn)


@kind("loop")
def loop(talk: Talk, planned: PlannedTurn) -> Turn:
    team = talk.user.team
    members = [person for person in talk.world.people if person.team == team]
    done = talk.rng.randrange(1, len(members))
    talk.focus = next(kr for kr in talk.world.krs if kr.team == team and kr.owner is not talk.user)
    slots = {"team": team, "n": done, "m": len(members), "kr": talk.focus.name}
    rounds = talk.rng.randrange(6, 15)
    steps = [
        [
            Call(
                "get_check_in_status",
                {"team": team, "cycle": CYCLE[0]},
                {"state": "running", "answered": done, "of": len(members), "missing": [talk.focus.name]},
            )
        ]
        for _ in range(rounds)
    ]
    turn = Turn(talk.say("loop", "ask", **slots), talk.say("loop", "answer", **slots), steps)
    turn.problem, turn.blame = planned.plant, "get_check_in_status"
    turn.detail = f"get_check_in_status was called {rounds} times with the same arguments"
    return turn
