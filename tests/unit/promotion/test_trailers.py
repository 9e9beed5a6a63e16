from __future__ import annotations

import pytest

from fleet.engine.trailers import build, of_plan, parse
from tests.unit.promotion.plans import NEW, OLD, plan


def test_a_plan_becomes_trailers() -> None:
    found = plan()
    assert build(of_plan(found)).splitlines() == [
        "Fleet-Kind: promotion",
        "Fleet-App: web",
        "Fleet-From: dev",
        "Fleet-To: prod",
        "Fleet-Version: 1.1.0",
        f"Fleet-Release: {NEW}",
        f"Fleet-Previous: 1.0.0 {OLD}",
        f"Fleet-Plan: {found.digest}",
        "Fleet-Gate: health(dev)=passed",
    ]


def test_only_gates_that_were_passed_before_the_pull_request_are_recorded() -> None:
    assert [value for key, value in of_plan(plan()) if key == "Fleet-Gate"] == ["health(dev)=passed"]


def test_a_first_release_has_no_previous_one_and_no_source() -> None:
    keys = [key for key, _ in of_plan(plan(before=None, source=None))]
    assert "Fleet-Previous" not in keys
    assert "Fleet-From" not in keys


@pytest.mark.parametrize("pair", [("App", "x"), ("Fleet-app", "x"), ("Fleet-App\nX", "x"), ("Fleet-App", "")])
def test_bad_keys_and_empty_values_are_refused(pair: tuple[str, str]) -> None:
    with pytest.raises(ValueError, match="trailer"):
        build([pair])


def test_a_message_without_trailers_has_none() -> None:
    assert parse("Subject\n\nFleet-App: web is an app.\nAnd more.") == {}
    assert parse("") == {}
    assert parse("Fix: something") == {}


def test_only_the_last_paragraph_counts() -> None:
    assert parse("Subject\n\nFleet-App: evil\n\nBody.\n\nFleet-App: web") == {"Fleet-App": ("web",)}
    assert parse("Subject\n\nFleet-App: web\n\nBut this is text.") == {}
    assert parse("Subject\n\nFleet-App: evil\n\nFleet-App: web") == {"Fleet-App": ("web",)}


def test_trailers_of_others_below_and_beside_are_passed_over() -> None:
    text = "Subject\n\nFleet-App: web\nSigned-off-by: Ada <a@b>\n\nCo-authored-by: Bob <b@b>\n"
    assert parse(text) == {"Fleet-App": ("web",)}
    assert parse(text.replace("\n", "\r\n")) == {"Fleet-App": ("web",)}
