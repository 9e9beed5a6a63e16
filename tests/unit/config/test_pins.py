from __future__ import annotations

import pytest

from fleet.adapters.config.pins import YamlPinEditor
from fleet.errors import ConfigError
from fleet.model.release import Release
from tests.helpers.fleets import REVISION

EDITOR = YamlPinEditor()
PATH = "environments/prod/apps/web.yaml"
NEW = "b" * 40


def release(**changes: object) -> Release:
    return Release.model_validate({"version": "1.0.0", "revision": REVISION, **changes})


def test_comments_in_the_block_stay_with_their_keys() -> None:
    content = f"""\
# head
release:   # machine
  version: 1.0.0   # now
  # where from
  revision: {REVISION}
  images:
    # the front
    web: "reg.io/web:1"  # pinned by hand
    # the back
    api: reg.io/api:1
  values: {{a: 1}}   # few

# tail
values:
  replicas: 3
"""
    wanted = release(
        version="1.1.0", revision=NEW, images={"web": "reg.io/web:2", "job": "reg.io/job:1"}, values={"a": 2}
    )
    assert (
        EDITOR.write(content.encode(), wanted, PATH).decode()
        == f"""\
# head
release:   # machine
  version: 1.1.0   # now
  # where from
  revision: {NEW}
  images:
    job: reg.io/job:1
    # the front
    web: reg.io/web:2  # pinned by hand
  values: {{a: 2}}   # few

# tail
values:
  replicas: 3
"""
    )


def test_a_release_is_put_into_a_pin_without_one() -> None:
    written = EDITOR.write(b"# head\nvalues:\n  replicas: 3\n", release(), PATH)
    assert written.decode() == f"# head\nrelease:\n  version: 1.0.0\n  revision: {REVISION}\nvalues:\n  replicas: 3\n"


def test_an_empty_release_and_one_in_flow_style_become_blocks() -> None:
    block = f"release: # why\n  version: 1.0.0\n  revision: {REVISION}\nvalues: {{}}\n"
    assert EDITOR.write(b"release: # why\nvalues: {}\n", release(), PATH).decode() == block
    flow = f"release: {{version: 0.9.0, revision: {REVISION}}} # why\nvalues: {{}}\n"
    assert EDITOR.write(flow.encode(), release(), PATH).decode() == block


def test_windows_line_ends_stay() -> None:
    content = f"release:\r\n  version: 0.9.0\r\n  revision: {REVISION}\r\nvalues: {{}}\r\n"
    written = EDITOR.write(content.encode(), release(values={"a": True}), PATH).decode()
    expected = f"release:\r\n  version: 1.0.0\r\n  revision: {REVISION}\r\n  values:\r\n    a: true\r\nvalues: {{}}\r\n"
    assert written == expected


def test_a_block_at_the_end_without_a_newline_grows() -> None:
    content = f"values: {{}}\nrelease:\n  version: 1.0.0\n  revision: {REVISION}"
    written = EDITOR.write(content.encode(), release(images={"web": "reg.io/web:1"}), PATH).decode()
    assert written == f"{content}\n  images:\n    web: reg.io/web:1\n"


def test_texts_that_yaml_would_read_otherwise_are_quoted() -> None:
    wanted = release(values={"a": "no", "b": "1.0", "c": "x # y", "d": None, "e": [1, "2"], "f": {"g": "h"}})
    written = EDITOR.write(None, wanted, PATH)
    assert EDITOR.read(written, PATH) == wanted
    assert (
        '    a: "no"\n    b: "1.0"\n    c: "x # y"\n    d: null\n    e: [1, "2"]\n    f: {"g": "h"}\n'
        in written.decode()
    )


def test_a_file_in_flow_style_is_refused_with_a_reason() -> None:
    with pytest.raises(ConfigError, match="flow style") as caught:
        EDITOR.write(b"{values: {}}\n", release(), PATH)
    assert caught.value.code == "FLT-CFG-080"


def test_a_file_with_errors_is_refused_with_all_of_them() -> None:
    with pytest.raises(ConfigError) as caught:
        EDITOR.read(b"release: {version: x}\nvalue: 1\n", PATH)
    assert {p.code for p in caught.value.problems} == {"FLT-CFG-036", "FLT-CFG-031", "FLT-CFG-030"}


def test_restoring_takes_the_release_away_again() -> None:
    earlier = b"# head\nvalues: {}\n"
    changed_by_hand = EDITOR.write(earlier, release(), PATH).replace(b"# head", b"# another head")
    assert EDITOR.restore(changed_by_hand, earlier, PATH) == b"# another head\nvalues: {}\n"
