import pytest

from walkprint.core.yaml_json import parse_json, parse_yaml


def bomb(value: str) -> str:
    """A billion laughs: each line ten times the one before."""
    return "\n".join(f"a{i}: &a{i} " + value.format(", ".join([f"*a{i - 1}"] * 10)) for i in range(1, 10))


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("a: 1e-3", {"a": 0.001}),
        ("a: {b: 1}\nc: {b: 2}", {"a": {"b": 1}, "c": {"b": 2}}),
        ("base: &base {a: 1, b: 2}\nown: {<<: *base, a: 3}", {"base": {"a": 1, "b": 2}, "own": {"a": 3, "b": 2}}),
        ("one: &one {<<: {a: 1}, a: 2}\nother: {<<: *one}", {"one": {"a": 2}, "other": {"a": 2}}),
        ('{"a": [1, null]}', {"a": [1, None]}),
        ("", None),
        ("a: &a [1, 2]\nb: [*a, *a]", {"a": [1, 2], "b": [[1, 2], [1, 2]]}),
    ],
)
def test_plain_yaml(text, value):
    assert parse_yaml(text, "x.yaml") == value


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("steps: 1\nseed: 0\nsteps: 2", "steps is there twice in x.yaml, line 3, column 1"),
        ("probes:\n  NM: {}\n  BG: {}\n  NM: {}", "NM is there twice in x.yaml, line 4, column 3"),
        ("own: {<<: {a: 1}, b: 1, b: 2}", "b is there twice in x.yaml, line 1"),
        ("a: [1", "in x.yaml, line 1"),
        ("a: !!python/object:os.system 1", "in x.yaml, line 1"),
        ("a: \x00", "x.yaml: no YAML"),
        ("a: &a [*a]", "aliases stand for more than 100,000 values in x.yaml, line 1"),
        ("a0: &a0 [1]\n" + bomb("[{}]"), "aliases stand for more than 100,000 values in x.yaml, line 1"),
        ("a0: &a0 {k: 1}\n" + bomb("{{<<: [{}]}}"), "aliases stand for more than 100,000 values in x.yaml, line 1"),
        ("[" * 5000, "x.yaml: nested too deeply"),
    ],
)
def test_yaml_that_is_refused(text, words):
    with pytest.raises(ValueError, match=words):
        parse_yaml(text, "x.yaml")


def test_json():
    assert parse_json('{"a": {"b": 1}, "c": {"b": 2}}', "x.json") == {"a": {"b": 1}, "c": {"b": 2}}
    for text, words in (
        ('{"TEST_SET": [], "TEST_SET": []}', "TEST_SET is there twice"),
        ("{", "Expecting"),
        ("[" * 200_000, "nested too deeply"),
    ):
        with pytest.raises(ValueError, match=rf"x\.json: .*{words}"):
            parse_json(text, "x.json")
