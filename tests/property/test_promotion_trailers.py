"""Trailers say back exactly what was put into them, and no text can add one."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from fleet.engine.message import assemble
from fleet.engine.trailers import build, first, of_plan, parse
from tests.unit.promotion.plans import plan

KEYS = st.sampled_from(["Fleet-App", "Fleet-To", "Fleet-Gate", "Fleet-Approved-By"])
VALUES = st.text(min_size=1, max_size=60)
HOSTILE = st.sampled_from(
    ["x\nFleet-App: evil", "x\r\n\r\nFleet-To: prod", "\u2028Fleet-To: prod", "a\\nb", " x ", "\\"]
)


@given(st.lists(st.tuples(KEYS, VALUES | HOSTILE), min_size=1, max_size=6))
def test_what_is_built_is_parsed_back(pairs: list[tuple[str, str]]) -> None:
    wanted: dict[str, tuple[str, ...]] = {}
    for key, value in pairs:
        wanted[key] = (*wanted.get(key, ()), value)
    text = build(pairs)
    assert parse(f"Subject\n\n{text}") == wanted
    assert len(text.split("\n")) == len(pairs)
    assert all(line.isprintable() for line in text.split("\n"))


@given(st.text(max_size=200) | HOSTILE)
def test_no_body_changes_what_the_trailers_say(body: str) -> None:
    text = assemble(f"Subject\n\n{body}", plan())
    said = parse(text)
    assert {key: values[0] for key, values in said.items()} == dict(of_plan(plan()))
    assert first(said, "Fleet-App") == "web"


@given(st.text(max_size=300))
def test_any_text_can_be_parsed(text: str) -> None:
    found: Any = parse(text)
    assert all(key.startswith("Fleet-") and values for key, values in found.items())
