"""Values as YAML, and problems as words."""

from __future__ import annotations

import enum
from pathlib import Path

import pytest
import yaml

from imagespec_builder.program import Problem, Refused
from imagespec_builder.spec import UnwritableValue, explain, plain, to_yaml


class Mode(enum.Enum):
    FAST = 1
    PLAIN = "plain"


class Text(str):
    pass


def test_values_become_those_that_yaml_has() -> None:
    values = {
        "a": (1, [2.5, None]),
        Mode.FAST: Path("x/y"),
        "p": Mode.PLAIN,
        "t": Text("s"),
        "s": {"b", "a"},
        "n": True,
    }
    expect = {"a": [1, [2.5, None]], "FAST": "x/y", "p": "plain", "t": "s", "s": ["a", "b"], "n": True}
    found = plain(values, "builder_options")
    assert found == expect
    assert type(found["t"]) is str
    assert yaml.safe_load(to_yaml(found)) == expect


def test_what_yaml_cannot_say_is_told_with_its_place() -> None:
    with pytest.raises(UnwritableValue, match=r"builder_options\.a\[1\]: a value of the type object"):
        plain({"a": [0, object()]}, "builder_options")

    with pytest.raises(UnwritableValue, match="builder_options: a key of the type tuple"):
        plain({(1, 2): 3}, "builder_options")


def test_text_is_ascii_and_in_order() -> None:
    fields = {"z": "é\u2028\u0085\x7f😀", "a": ["1e3", "3.10", "yes", "=", "<<", "x" * 300]}
    text = to_yaml(fields)
    assert text.isascii()
    assert text.startswith("z:")
    assert yaml.safe_load(text) == fields


def test_a_problem_shows_field_and_value() -> None:
    text = to_yaml({"name": "n", "packages": ["a", "b c"], "labels": 3})
    problems = [
        Problem("not a requirement", "input", "/tmp/x/imageSpec.yaml", 4, "write `a`"),
        Problem("takes a mapping", "input", "/tmp/x/imageSpec.yaml", 5),
        Problem("unreadable", "input", "_requirements/r.txt", 7),
        Problem("no engine can build", "engine", None, None, "start Docker"),
    ]
    assert explain(Refused(problems), text).split("\n\n") == [
        "not a requirement\n  imageSpec.yaml:4: packages: - b c\n  help: write `a`",
        "takes a mapping\n  imageSpec.yaml:5: labels: 3",
        "unreadable\n  _requirements/r.txt:7",
        "no engine can build\n  help: start Docker",
    ]


def test_what_an_engine_says_is_in_the_message_where_no_terminal_has_shown_it() -> None:
    problem = Problem("the build failed; what buildx says of it is above", "step")
    assert explain(Refused([problem])) == problem.message
    assert explain(Refused([problem], "------\nno such package")) == "the build failed\n\n------\nno such package"
