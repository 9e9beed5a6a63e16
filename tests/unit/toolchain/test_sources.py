from __future__ import annotations

import os
from pathlib import Path

import pytest

from fleet.adapters.toolchain.catalogue import CATALOGUE, Tool
from fleet.adapters.toolchain.toolchain import Toolchain
from fleet.errors import ToolError, UsageError
from fleet.model.toolchain import Source
from tests.helpers.programs import hammer, put_program
from tests.helpers.reporting import SilentReporter


def toolchain(
    tmp_path: Path, *, configured: dict[str, Path] | None = None, tool: Tool | None = None, **environment: str
) -> Toolchain:
    return Toolchain(
        tmp_path / "cache",
        configured or {},
        SilentReporter(),
        environment={"PATH": str(tmp_path / "bin"), "HOME": str(tmp_path), **environment},
        catalogue=(tool or hammer(),),
    )


def cached(tmp_path: Path) -> Path:
    return tmp_path / "cache" / "bin" / "hammer-1.2.3" / "hammer"


def test_a_variable_goes_before_settings_path_and_cache(tmp_path: Path) -> None:
    mine = put_program(tmp_path / "mine" / "my-hammer", "1.2.3")
    other = put_program(tmp_path / "other" / "hammer", "1.2.3")
    put_program(tmp_path / "bin" / "hammer", "1.2.3")
    put_program(cached(tmp_path), "1.2.3")
    tools = toolchain(tmp_path, configured={"hammer": other}, FLEET_TOOL_HAMMER=str(mine))
    assert tools.path("hammer") == mine


def test_settings_go_before_path(tmp_path: Path) -> None:
    mine = put_program(tmp_path / "mine" / "hammer", "1.2.3")
    put_program(tmp_path / "bin" / "hammer", "1.2.3")
    assert toolchain(tmp_path, configured={"hammer": mine}).path("hammer") == mine


def test_path_goes_before_the_cache_if_its_version_fits(tmp_path: Path) -> None:
    on_path = put_program(tmp_path / "bin" / "hammer", "1.2.7")
    put_program(cached(tmp_path), "1.2.3")
    assert toolchain(tmp_path).path("hammer") == on_path


def test_the_first_fitting_program_on_path_is_taken(tmp_path: Path) -> None:
    put_program(tmp_path / "old" / "hammer", "1.1.0")
    fitting = put_program(tmp_path / "new" / "hammer", "1.2.3")
    path = os.pathsep.join(str(tmp_path / d) for d in ("missing", "old", "new"))
    assert toolchain(tmp_path, PATH=path).path("hammer") == fitting


def test_the_cache_serves_where_path_has_another_version(tmp_path: Path) -> None:
    put_program(tmp_path / "bin" / "hammer", "1.3.0")
    put_program(cached(tmp_path), "1.2.3")
    status = toolchain(tmp_path).list()[0]
    assert (status.path, status.source, status.found) == (cached(tmp_path), Source.CACHE, "1.2.3")


def test_a_configured_program_of_another_version_is_used_and_noted(tmp_path: Path) -> None:
    mine = put_program(tmp_path / "hammer", "0.9.0")
    tools = toolchain(tmp_path, FLEET_TOOL_HAMMER=str(mine))
    assert tools.path("hammer") == mine
    assert tools.list()[0].note == "configured, though 1.2.3 is wanted"


@pytest.mark.parametrize("content", [None, "#!/bin/sh\nexit 1\n"])
def test_a_configured_path_that_does_not_work_is_never_replaced_silently(tmp_path: Path, content: str | None) -> None:
    wrong = tmp_path / "wrong"
    if content:
        wrong.write_text(content)
        wrong.chmod(0o755)
    put_program(cached(tmp_path), "1.2.3")
    tools = toolchain(tmp_path, FLEET_TOOL_HAMMER=str(wrong))
    with pytest.raises(ToolError, match="configured by `FLEET_TOOL_HAMMER`") as caught:
        tools.path("hammer")
    assert caught.value.code == "FLT-TLC-002"
    assert tools.list()[0].path is None
    assert "FLEET_TOOL_HAMMER" in tools.list()[0].note


def test_a_missing_program_says_where_fleet_looked_and_how_to_get_it(tmp_path: Path) -> None:
    put_program(tmp_path / "bin" / "hammer", "9.0.0")
    with pytest.raises(ToolError) as caught:
        toolchain(tmp_path).path("hammer")
    message = caught.value.message
    assert "configured: `FLEET_TOOL_HAMMER` is not set" in message
    assert "is 9.0.0" in message
    assert str(cached(tmp_path)) in message
    assert caught.value.hints == ("fleet toolchain install",)


def test_an_unknown_name_gets_a_suggestion(tmp_path: Path) -> None:
    with pytest.raises(UsageError) as caught:
        toolchain(tmp_path).path("hamer")
    assert "did you mean `hammer`?" in caught.value.hints[0]


def test_a_replaced_program_is_asked_for_its_version_again(tmp_path: Path) -> None:
    path = put_program(tmp_path / "bin" / "hammer", "1.2.3")
    assert toolchain(tmp_path).list()[0].found == "1.2.3"
    put_program(path, "1.2.10")
    assert toolchain(tmp_path).list()[0].found == "1.2.10"


def test_a_remembered_version_needs_no_run(tmp_path: Path) -> None:
    path = put_program(tmp_path / "bin" / "hammer", "1.2.3")
    toolchain(tmp_path).path("hammer")
    before = path.stat()
    path.write_bytes(b"#!/bin/sh\nexit 7\n".ljust(before.st_size, b"#"))  # as big as before
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert toolchain(tmp_path).list()[0].found == "1.2.3"


def test_a_plugin_is_found_where_pulumi_keeps_it(tmp_path: Path) -> None:
    plugin = Tool("pulumi-resource-x", "4.0.0", (), plugin="resource-x", optional=True)
    path = put_program(tmp_path / "pulumi" / "plugins" / "resource-x-v4.0.0" / "pulumi-resource-x", "")
    tools = toolchain(tmp_path, tool=plugin, PULUMI_HOME=str(tmp_path / "pulumi"))
    assert tools.path("pulumi-resource-x") == path


def test_every_program_of_the_catalogue_can_be_had_somehow() -> None:
    from fleet.adapters.toolchain.building import MODULES

    for tool in CATALOGUE:
        assert tool.release
        assert tool.build or tool.optional
        if tool.build:
            assert tool.build.package in (MODULES / tool.build.module / "go.mod").read_text()
            assert (MODULES / tool.build.module / "go.sum").stat().st_size > 0
