from __future__ import annotations

from typing import Any

import pytest

from fleet.engine.message import MESSAGE_LIMIT, SUBJECT_LIMIT, assemble
from fleet.engine.pull_request_body import BODY_LIMIT, block, cell, code
from fleet.engine.trailers import build, of_plan
from fleet.errors import ConfigError
from fleet.model.promotion import AppCommit, PromotionKind
from fleet.operations.common.texts import BODY_TEMPLATE, COMMIT_TEMPLATE, commit_message, pull_request_text
from fleet.ports.tree import EntryKind
from tests.helpers.trees import MemoryTree
from tests.unit.promotion.plans import config, plan, release, target, thing

EMPTY = MemoryTree({})
COMMITS = (AppCommit(id="a" * 40, subject="Stars are red", author="Ada"),)


def message(template: str | EntryKind | None = None, **changes: Any) -> str:
    tree = EMPTY if template is None else MemoryTree({COMMIT_TEMPLATE: template})
    return commit_message(plan(**changes), tree)


def test_the_message_says_what_and_why() -> None:
    found = plan(
        before=release("1.0.0", "1" * 40, images={"web": "x:1"}),
        after=release(images={"web": "x:2"}, values={"ratings.enabled": True}),
        commits=COMMITS,
    )
    assert commit_message(found, EMPTY) == (
        "Promote web 1.1.0 to prod\n\n"
        "web in prod goes from 1.0.0 (1111111) to 1.1.0 (2222222), the release of dev.\n\n"
        "Images:\n  web: x:1 -> x:2\n\n"
        "Values:\n  ratings.enabled: null -> true\n\n"
        "Commits of apps/web that come with it:\n  aaaaaaa Stars are red\n\n"
        "On the clusters:\n  prod-eu, prod-us: 1 changed\n\n"
    ) + build(of_plan(found))


def test_a_first_release() -> None:
    assert "web enters prod with 1.1.0 (2222222), the release of dev." in message(before=None)


def test_a_fleet_may_have_a_template_of_its_own() -> None:
    text = message("chore({{ environment }}): {{ app }} {{ after.version }}\n")
    assert text.startswith("chore(prod): web 1.1.0\n\nFleet-Kind: promotion\n")


BAD = [
    ("ok\n{{ nothing }}", 2),
    ("{% for x in %}", 1),
    ("{{ ''.__class__ }}", 1),
    ("{{ 'a' * 1000000000 }}", 1),
    ("{{ 9 ** 9 }}", 1),
    ("x\n\n{{ range(10) }}", 3),
    ("{{ gates.append(1) }}", 1),
    ("{% include '/etc/passwd' %}", None),
]
NO_TEXT = ["", "  \n", EntryKind.SYMLINK, "x" * 70_000]


@pytest.mark.parametrize(("template", "line"), BAD)
def test_a_template_that_cannot_be_used_is_an_error_with_its_line(template: str, line: int | None) -> None:
    with pytest.raises(ConfigError, match="template of commit messages") as caught:
        message(template)
    assert caught.value.location is not None
    assert caught.value.location.path == COMMIT_TEMPLATE
    if line is not None:
        assert caught.value.location.line == line


@pytest.mark.parametrize("template", NO_TEXT)
def test_a_template_that_gives_nothing_or_is_no_file(template: str | EntryKind) -> None:
    with pytest.raises(ConfigError):
        message(template)


def own_body(template: str | EntryKind, **changes: Any) -> str:
    return pull_request_text(plan(**changes), MemoryTree({BODY_TEMPLATE: template}))


def test_a_fleet_may_have_a_template_of_its_own_for_pull_requests() -> None:
    text = own_body("Ticket: (fill in)\n\n{{ title }}, a {{ kind }}\n{% for g in groups %}{{ g.names }}{% endfor %}\n")
    assert text == "Ticket: (fill in)\n\nPromote web 1.1.0 to prod, a promotion\n`prod-eu`, `prod-us`\n"


def test_its_template_may_hold_the_standard_text() -> None:
    text = own_body("{{ standard }}\n\n- [ ] announced\n")
    assert text == pull_request_text(plan(), EMPTY) + "\n- [ ] announced\n"


@pytest.mark.parametrize(("template", "line"), BAD)
def test_a_template_of_pull_requests_that_cannot_be_used(template: str, line: int | None) -> None:
    with pytest.raises(ConfigError, match="template of pull requests") as caught:
        own_body(template)
    assert caught.value.location is not None
    assert caught.value.location.path == BODY_TEMPLATE
    if line is not None:
        assert caught.value.location.line == line


@pytest.mark.parametrize("template", NO_TEXT)
def test_a_template_of_pull_requests_that_gives_nothing_or_is_no_file(template: str | EntryKind) -> None:
    with pytest.raises(ConfigError):
        own_body(template)


def huge() -> dict[str, Any]:
    """Return what makes a plan that no body can tell in full."""
    after = {target(f"c{n}"): tuple(config(f"m{m}", x=f"{n}" * 150) for m in range(60)) for n in range(30)}
    before = {t: tuple(config(f"m{m}", x="ü" * 150) for m in range(60)) for t in after}
    return {"objects_before": before, "objects_after": after, "also_set": [f"{n}" + "w" * 500 for n in range(200)]}


def test_a_body_from_a_template_of_ones_own_is_bounded_too() -> None:
    text = own_body("{{ standard }}\n" + "y" * 30_000, **huge())
    assert len(text.encode()) <= BODY_LIMIT
    assert "to keep this readable" in text
    with pytest.raises(ConfigError, match="more than 60000 bytes"):
        own_body("{% for g in gates %}" + "y" * 40_000 + "{% endfor %}")


def test_messages_are_cleaned_and_bounded() -> None:
    text = assemble("s" * 500 + "\x1b[31m\n\n" + "line\x07\n" * 100_000, plan())
    assert len(text.split("\n")[0]) <= SUBJECT_LIMIT
    assert len(text) < MESSAGE_LIMIT + 2_000
    assert "\x1b" not in text
    assert "\x07" not in text


def test_the_body_tells_all() -> None:
    found = plan(
        before=release("1.0.0", "1" * 40, images={"web": "x:1"}),
        after=release(images={"web": "x:2"}),
        commits=COMMITS,
        next_environments=("moon",),
    )
    body = pull_request_text(found, EMPTY)
    assert body.splitlines()[0] == "`web` in `prod`: `1.0.0` becomes `1.1.0`, as it is in `dev`."
    assert "| `image web` | `x:1` | `x:2` |" in body
    assert "- `aaaaaaa` `Stars are red` `Ada`" in body
    assert "2 of 2 clusters identical" in body
    assert "-   data.x: 1\n+   data.x: 2" in body
    assert "- [x] `health(dev)`: `healthy`" in body
    assert "- [ ] `approvals(prod)`: `1 approval`" in body
    assert "`prod`: 2 clusters (`prod-eu`, `prod-us`), 1 object to change." in body
    assert "`fleet rollback web --env prod`" in body
    assert "fleet pr approve NUMBER" in body
    assert "fleet promote web --to moon" in body


def test_the_body_is_the_same_for_another_base() -> None:
    assert pull_request_text(plan(), EMPTY) == pull_request_text(plan(base="c" * 40), EMPTY)


def test_clusters_that_differ_are_counted() -> None:
    after = {target(f"c{n}"): (config("a", x="3" if n == 0 else "2"),) for n in range(40)}
    before = {t: (config("a", x="1"),) for t in after}
    body = pull_request_text(plan(objects_before=before, objects_after=after), EMPTY)
    assert "39 of 40 clusters identical, 1 differs" in body
    assert "and 27 more (39 of 40): 1 changed" in body


def test_secret_values_are_masked() -> None:
    before = {target("a"): (thing("Secret", "s", data={"password": "b2xk"}),)}
    after = {target("a"): (thing("Secret", "s", data={"password": "bmV3"}),)}
    found = plan(objects_before=before, objects_after=after)
    for text in (pull_request_text(found, EMPTY), commit_message(found, EMPTY), found.model_dump_json()):
        assert "b2xk" not in text
        assert "bmV3" not in text
    assert "data.password: (secret) changed" in pull_request_text(found, EMPTY)


HOSTILE = "@everyone fixes #1 | `x` ``` <img src=x> [a](http://evil)\n\n# Title\x1b[2J"


def test_foreign_text_means_nothing_in_markdown() -> None:
    found = plan(
        commits=(AppCommit(id="a" * 40, subject=HOSTILE, author=HOSTILE),),
        after=release(images={"web": HOSTILE}),
        objects_after={target("a"): (config("a", x=HOSTILE),)},
        also_set=(HOSTILE,),
    )
    body = pull_request_text(found, EMPTY)
    outside = _without_code(body)
    for word in ("@everyone", "fixes", "<img", "evil", "\x1b"):
        assert word not in outside
    assert "\n# Title" not in body
    rows = [line for line in body.splitlines() if line.startswith("| `image")]
    assert rows
    assert all(line.replace("\\|", "").count("|") == 4 for line in rows)


def _without_code(body: str) -> str:
    """Return Markdown without code blocks and code spans, as CommonMark finds them."""
    import re

    body = re.sub(r"^(`{3,})[a-z]*\n.*?^\1$", "", body, flags=re.MULTILINE | re.DOTALL)
    return re.sub(r"(?<!`)(`+)(?!`)(.*?)(?<!`)\1(?!`)", "", body)


@pytest.mark.parametrize("text", ["`", "``", "a`b``c", "`a", "", "x" * 1000, "````````"])
def test_code_spans_hold_any_text(text: str) -> None:
    assert _without_code(f"[{code(text)}]") == "[]"
    assert "|" not in cell("a|b").replace("\\|", "")


def test_blocks_hold_any_line() -> None:
    assert _without_code(block(["```", "x````y", "~~~"])).strip() == ""


def test_a_huge_plan_has_a_bounded_body_that_says_what_was_cut() -> None:
    found = plan(**huge())
    body = pull_request_text(found, EMPTY)
    assert len(body.encode()) <= BODY_LIMIT
    assert "to keep this readable" in body
    assert "and 190 more" in body or "more" in body


def test_a_rollback_says_how_far_it_goes() -> None:
    body = pull_request_text(plan(kind=PromotionKind.ROLLBACK, distance="2 changes back: x", source=None), EMPTY)
    assert "Takes `web` in `prod` back" in body
    assert "2 changes back" in body
