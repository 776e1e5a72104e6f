"""What is wrong in a YAML file is said in one line that names the key."""

import pytest
from pydantic import Field, ValidationError

from repro.checked import Checked, one_line, parse_yaml, read_yaml


class Wing(Checked):
    feathers: int = 0
    colour: str = "white"


class Bird(Checked):
    name: str
    wings: tuple[Wing, ...] = ()
    tail: Wing | None = None
    weight: float = Field(default=1.0, gt=0)


def problem(**values):
    with pytest.raises(ValidationError) as caught:
        Bird(**values)
    return one_line(caught.value, Bird)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({}, "`name`: must be given"),
        (
            {"nmae": "owl"},
            "`nmae`: unknown key (did you mean 'name'?); known: name, wings, tail, weight",
        ),
        (
            {"name": "owl", "wings": [{}, {"color": "grey"}]},
            "`wings.1.color`: unknown key (did you mean 'colour'?); known: feathers, colour",
        ),
        (
            {"name": "owl", "tail": {"feather": 3}},
            "`tail.feather`: unknown key (did you mean 'feathers'?); known: feathers, colour",
        ),
        ({"name": "owl", "wings": 2}, "`wings`: must be a list, but got 2"),
        ({"name": "owl", "weight": 0}, "`weight`: must be greater than 0, but got 0"),
        (
            {"name": False},
            "`name`: must be text, but got False; put it in quotes "
            "(YAML reads a bare yes, no, on, off as true or false)",
        ),
    ],
)
def test_the_first_problem_is_said_in_one_line(values, message):
    assert problem(**values) == message


def test_what_is_checked_does_not_change():
    with pytest.raises(ValidationError):
        Bird(name="owl").name = "crow"


def test_yaml_is_read_safely(tmp_path):
    path = tmp_path / "bird.yaml"
    path.write_text("name: owl\nwings: [{feathers: 3}]\n")
    assert read_yaml(path) == {"name": "owl", "wings": [{"feathers": 3}]}
    for text in ("name: [", "- owl\n", "1: owl\n", "a: !!python/object/apply:os.getcwd []"):
        path.write_text(text)
        with pytest.raises(ValueError, match="must be YAML, but|must hold `key: value`") as caught:
            read_yaml(path)
        assert "\n" not in str(caught.value)


def read(tmp_path, text):
    (tmp_path / "a.yaml").write_text(text)
    return read_yaml(tmp_path / "a.yaml")


@pytest.mark.parametrize(
    ("text", "value"),
    [("1e-4", 1e-4), ("-3", -3), ("017", "017"), (".5", 0.5), ("1:30", "1:30"), ("0x1f", "0x1f")],
)
def test_numbers_are_those_of_yaml_1_2(text, value):
    assert parse_yaml(text) == value and type(parse_yaml(text)) is type(value)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: 1\nb: {c: 1, c: 2}", "key 'c' is there twice.*line 2"),
        ("a: " + "[" * 3000 + "]" * 3000, "nested too deeply"),
        ("a: &a [1, 1, 1, 1, 1, 1, 1, 1, 1, 1]\n"
         + "\n".join(f"{x}: &{x} [{', '.join(['*' + y] * 10)}]" for x, y in zip("bcdefg", "abcdef",
                                                                             strict=True)),
         "holds more than 100,000 values"),
    ],
)  # fmt: skip
def test_what_would_be_lost_or_never_end_is_refused(tmp_path, text, message):
    with pytest.raises(ValueError, match=message) as caught:
        read(tmp_path, text)
    assert "\n" not in str(caught.value)


def test_parts_may_be_merged_again_and_again(tmp_path):
    text = "a: &a {x: 1, y: 2}\nb: &b {<<: *a, y: 3}\nc: {<<: *b, x: 4}"
    assert read(tmp_path, text)["c"] == {"x": 4, "y": 3}
