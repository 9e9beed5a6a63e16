from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st

from fleet.adapters.config.pins import YamlPinEditor
from fleet.model.release import Release

EDITOR = YamlPinEditor()
PATH = "environments/prod/apps/web.yaml"

_names = st.sampled_from(["web", "api", "reviews", "a-b", "true", "1"])
_texts = st.one_of(
    st.sampled_from(["no", "1.0", "a: b", "# x", "it's", "", "reg.io/x:1@sha256:" + "a" * 64, "🎉"]),
    st.text(st.characters(max_codepoint=0x2FFF), max_size=8),
)
_values = st.one_of(
    st.booleans(), st.integers(-5, 5), _texts, st.lists(st.integers(0, 3), max_size=3), st.dictionaries(_names, _texts)
)
_commits = st.text("0123456789abcdef", min_size=40, max_size=40)
releases = st.builds(
    Release,
    version=st.sampled_from(["1.0.0", "1.18.0-rc.1", "2.0.0+build.5"]),
    revision=_commits,
    images=st.dictionaries(_names, _texts, max_size=3),
    values=st.dictionaries(st.sampled_from(["ratings.enabled", "a.b.c", "x"]), _values, max_size=3),
)


def _json(data: object) -> str:
    """JSON without pairs of surrogates, so that it is YAML."""
    return json.dumps(data, ensure_ascii=False).translate({c: f"\\u{c:04x}" for c in range(0x7F, 0xA0)})


def _block(release: Release, draw: st.DrawFn) -> str:
    """Write a release as a person might: with comments, other orders, flow style and quotes."""
    comments = st.sampled_from(["", "  # why", "   # a, b: c"])
    above = st.sampled_from(["", "  # above\n", "\n", "  # one\n  # two\n"])

    def mapping(name: str, data: dict[str, object]) -> str:
        if draw(st.booleans()):
            return f"  {name}: {_json(data)}{draw(comments)}\n"
        lines = "".join(
            f"{draw(st.sampled_from(['', '    # note' + chr(10)]))}    {_json(k)}: {_json(v)}{draw(comments)}\n"
            for k, v in data.items()
        )
        return f"  {name}:{draw(comments)}\n{lines}" if data else f"  {name}: {{}}\n"

    parts = [
        f"  version: {release.version}{draw(comments)}\n",
        f'  revision: "{release.revision}"{draw(comments)}\n',
        mapping("images", dict(release.images)),
        mapping("values", dict(release.values)),
    ]
    ordered = draw(st.permutations(parts))
    return f"release:{draw(comments)}\n" + "".join(draw(above) + part for part in ordered)


@st.composite
def pin_files(draw: st.DrawFn) -> tuple[str, str, str]:
    """Return the text before, of, and after a release block (which may be absent)."""
    release = draw(st.none() | releases)
    block = (
        _block(release, draw)
        if release is not None
        else draw(st.sampled_from(["", "release:\n", "release: null # x\n"]))
    )
    before = draw(st.sampled_from(["", "# héader 🎉\n", "values: {replicas: 3} # keep\n", "---\n# x\n\n"]))
    after = draw(st.sampled_from(["", "# trailing\n", "\n\n# own\n"]))
    if "values:" not in before:
        after += draw(st.sampled_from(["values:\n  # mine\n  replicas: 3   # spaces  \n  l: [1,   2]", "values: {}\n"]))
    return before, block, after


@given(pin_files(), releases)
def test_what_was_written_is_read(file: tuple[str, str, str], release: Release) -> None:
    content = "".join(file).encode()
    assert EDITOR.read(EDITOR.write(content, release, PATH), PATH) == release


@given(pin_files(), releases)
def test_everything_outside_of_the_block_stays_byte_for_byte(file: tuple[str, str, str], release: Release) -> None:
    before, block, after = file
    written = EDITOR.write("".join(file).encode(), release, PATH).decode()
    if block:
        assert written.startswith(before)
        assert written.endswith(after)


@given(pin_files(), releases)
def test_restoring_is_byte_for_byte(file: tuple[str, str, str], release: Release) -> None:
    content = "".join(file).encode()
    assert EDITOR.restore(EDITOR.write(content, release, PATH), content, PATH) == content


@given(pin_files(), releases)
def test_writing_twice_changes_nothing_more(file: tuple[str, str, str], release: Release) -> None:
    once = EDITOR.write("".join(file).encode(), release, PATH)
    assert EDITOR.write(once, release, PATH) == once


@given(pin_files(), releases, releases)
def test_the_way_back_restores_the_block_after_several_edits(
    file: tuple[str, str, str], one: Release, two: Release
) -> None:
    content = "".join(file).encode()
    edited = EDITOR.write(EDITOR.write(content, one, PATH), two, PATH)
    restored = EDITOR.restore(edited, content, PATH)
    assert EDITOR.read(restored, PATH) == EDITOR.read(content, PATH)
    assert file[1].encode() in restored
    assert restored.startswith(file[0].encode())
    assert restored.endswith(file[2].encode())


@given(releases)
def test_a_new_file_is_in_stable_order(release: Release) -> None:
    written = EDITOR.write(None, release, PATH)
    assert EDITOR.read(written, PATH) == release
    reordered = release.model_copy(update={"images": dict(reversed(list(release.images.items())))})
    assert EDITOR.write(None, reordered, PATH) == written
