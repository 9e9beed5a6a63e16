from __future__ import annotations

import pytest

from fleet.adapters.config import codes
from fleet.adapters.config.document import parse


def found(content: str | bytes) -> list[str]:
    document, problems = parse("f.yaml", content.encode() if isinstance(content, str) else content)
    assert (document is None) or all(problem.code == codes.DUPLICATE_KEY for problem in problems)
    return [f"{p.code} {p.location}: {p.message}" for p in problems]


BAD: dict[str, tuple[str | bytes, list[str]]] = {
    "a duplicate key": ("a: 1\nb: 2\na: 3\n", ["FLT-CFG-012 f.yaml:3:1: the key `a` is already written in line 1"]),
    "a duplicate key further in": (
        "a:\n  b: 1\n  b: 2\n",
        ["FLT-CFG-012 f.yaml:3:3: the key `b` is already written in line 2"],
    ),
    "an alias": ("a: &x {b: 1}\nc: *x\n", ["FLT-CFG-013 f.yaml:2:4: the alias `*x` is not allowed"]),
    "a merge key": ("a:\n  <<: {b: 1}\n", ["FLT-CFG-013 f.yaml:2:3: the merge key `<<` is not allowed"]),
    "a tag": (
        "a: !!python/object/apply:os.system [x]\n",
        ["FLT-CFG-014 f.yaml:1:4: the tag `tag:yaml.org,2002:python/object/apply:os.system` is not allowed"],
    ),
    "two documents": ("a: 1\n---\nb: 1\n", ["FLT-CFG-015 f.yaml:2:1: the file holds more than one document"]),
    "nothing": ("", ["FLT-CFG-016 f.yaml: the file is empty"]),
    "comments only": ("# to do\n", ["FLT-CFG-016 f.yaml: the file is empty"]),
    "a list": ("- a\n", ["FLT-CFG-017 f.yaml:1:1: the top level is a list, not a mapping"]),
    "a word": ("hello\n", ["FLT-CFG-017 f.yaml:1:1: the top level is a single value, not a mapping"]),
    "deep nesting": ("a: " + "[" * 50_000, ["FLT-CFG-018 f.yaml:1:67: nested more than 64 levels deep"]),
    "all ambiguous words": (
        "a: yes\nb: [off, 010]\nc: .nan\n",
        [
            "FLT-CFG-019 f.yaml:1:4: `yes` means different things to different YAML readers",
            "FLT-CFG-019 f.yaml:2:5: `off` means different things to different YAML readers",
            "FLT-CFG-019 f.yaml:2:10: `010` means different things to different YAML readers",
            "FLT-CFG-019 f.yaml:3:4: `.nan` means different things to different YAML readers",
        ],
    ),
    "a huge number": (
        "a: " + "9" * 10_000,
        ["FLT-CFG-019 f.yaml:1:4: the number `99999999999999999999…` is too large"],
    ),
    "a key that is a number": ("1: a\n", ["FLT-CFG-020 f.yaml:1:1: the key `1` is not text"]),
    "a key that is a mapping": (
        "? {a: 1}\n: b\n",
        ["FLT-CFG-020 f.yaml:1:3: a key must be text, not a mapping or list"],
    ),
    "a tab": ("a:\n\tb: 1\n", ["FLT-CFG-011 f.yaml:2:1: a tab is used for indentation"]),
    "Latin-1": (b"a: 1\nb: ol\xe9\n", ["FLT-CFG-004 f.yaml:2: the file is not UTF-8 text"]),
    "UTF-16": ("a: 1\n".encode("utf-16"), ["FLT-CFG-004 f.yaml:1: the file is not UTF-8 text"]),
    "a control character": (b"a: 1\nb: \x07\n", ["FLT-CFG-010 f.yaml:2: the file holds a control character"]),
    "a colon too many": (
        "a: b: c\n",
        ["FLT-CFG-010 f.yaml:1:5: not readable as YAML: mapping values are not allowed in this context"],
    ),
    "a quote left open": (
        "a: 'b\nc: d\n",
        [
            "FLT-CFG-010 f.yaml:3:1: not readable as YAML: found unexpected end of stream "
            "(while scanning a quoted scalar that starts in line 1)"
        ],
    ),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_yaml_is_told_with_its_place(case: str) -> None:
    content, expected = BAD[case]
    assert found(content) == expected


def test_an_alias_bomb_costs_nothing_and_is_refused() -> None:
    bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x]\n" + "".join(
        f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]\n" for n in range(1, 10)
    )
    assert all(line.startswith("FLT-CFG-013") for line in found(bomb))


def test_scalars_follow_yaml_1_2() -> None:
    content = (
        "a: 1\nb: -0x1F\nc: 0x1F\nd: 1.5e3\ne: ~\nf:\ng: True\nh: 1:30\ni: 2026-11-23\nj: 'no'\nk: 1_000\nl: 0o17\n"
    )
    document, problems = parse("f.yaml", content.encode())
    assert problems == ()
    assert document is not None
    assert document.data == {
        "a": 1,
        "b": "-0x1F",
        "c": 31,
        "d": 1500.0,
        "e": None,
        "f": None,
        "g": True,
        "h": "1:30",
        "i": "2026-11-23",
        "j": "no",
        "k": "1_000",
        "l": 15,
    }


def test_places_are_those_of_keys_and_items() -> None:
    document, _ = parse("f.yaml", b"\xef\xbb\xbfa:\n  b:\n    - x\n    - {c: y}\n")
    assert document is not None
    assert str(document.at(("a", "b"))) == "f.yaml:2:3"
    assert str(document.at(("a", "b", 1, "c"))) == "f.yaml:4:8"
    assert str(document.at(("a", "nothing"))) == "f.yaml:1:1"
