from __future__ import annotations

import pytest

from fleet.engine.selection import Selection, covered, select
from fleet.errors import ExitCode, UsageError
from fleet.model.names import Target
from tests.helpers.reconciling import make_fleet

FLEET = make_fleet({"dev": [["dev"]], "prod": [["eu-west"], ["us-east"]]}, ["api", "web"])


def chosen(**fields: tuple[str, ...]) -> list[str]:
    return [str(t) for t in select(FLEET, Selection(**fields))]


def test_without_flags_everything_is_selected_in_pipeline_wave_and_app_order() -> None:
    assert chosen() == [
        "api/dev/dev",
        "web/dev/dev",
        "api/prod/eu-west",
        "web/prod/eu-west",
        "api/prod/us-east",
        "web/prod/us-east",
    ]


def test_different_flags_narrow_and_repeated_ones_widen() -> None:
    assert chosen(environments=("prod",), apps=("web",)) == ["web/prod/eu-west", "web/prod/us-east"]
    assert chosen(clusters=("dev", "us-east"), apps=("api",)) == ["api/dev/dev", "api/prod/us-east"]


def test_labels_select_clusters() -> None:
    assert chosen(labels=("environment=dev",)) == ["api/dev/dev", "web/dev/dev"]
    assert chosen(labels=("environment!=dev",), apps=("web",)) == ["web/prod/eu-west", "web/prod/us-east"]


@pytest.mark.parametrize(
    ("fields", "message", "hint"),
    [
        ({"environments": ("prd",)}, "there is no environment `prd`", "did you mean `prod`?"),
        ({"clusters": ("eu-wst",)}, "there is no cluster `eu-wst`", "did you mean `eu-west`?"),
        ({"apps": ("wbe",)}, "there is no app `wbe`", "did you mean `web`?"),
        ({"apps": ("zzzzzz",)}, "there is no app `zzzzzz`", "list them with `fleet status`"),
        ({"labels": ("region",)}, "`region` is not a label selector", "write `-l key=value`"),
        ({"labels": ("environment=test",)}, "nothing is selected by `-l environment=test`", "lists"),
        ({"environments": ("prod",), "clusters": ("dev",)}, "nothing is selected by `-e prod -c dev`", "lists"),
    ],
)
def test_a_selection_that_cannot_be_is_a_usage_error_with_a_hint(
    fields: dict[str, tuple[str, ...]], message: str, hint: str
) -> None:
    with pytest.raises(UsageError) as caught:
        chosen(**fields)
    assert caught.value.message == message
    assert hint in caught.value.hints[0]
    assert caught.value.exit_code is ExitCode.USAGE


def test_targets_that_exist_without_being_declared_can_be_named() -> None:
    old = Target("old", "prod", "eu-west")
    selection = Selection(apps=("old",))
    assert select(FLEET, selection, known=[old]) == ()
    assert covered(FLEET, selection, [old, Target("other", "prod", "eu-west")]) == (old,)


def test_an_undeclared_cluster_has_no_labels() -> None:
    assert covered(FLEET, Selection(labels=("environment!=dev",)), [Target("old", "prod", "gone")]) == ()
