"""Every example of the API is what it says: a new field of a record must be in its example."""

import inspect

import pytest

pytest.importorskip("fastapi", reason="fastapi of the extra `serve` is not installed")

from pydantic import ConfigDict, TypeAdapter

from walkprint.web import schemas

MODELS = [
    one for one in vars(schemas).values() if inspect.isclass(one) and one.__module__ == schemas.__name__
]  # fmt: skip


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.__name__)
def test_an_example_has_every_field(model: type) -> None:
    config: ConfigDict = getattr(model, "model_config", None) or model.__pydantic_config__
    (example,) = config["json_schema_extra"]["examples"]
    adapter = TypeAdapter(model)
    assert adapter.dump_python(adapter.validate_python(example), mode="json") == example
