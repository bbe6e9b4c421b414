"""What lies beside the definitions."""

import orjson
from google.protobuf.descriptor_pb2 import FileDescriptorProto, FileDescriptorSet

from authz.compiler.pinned import NOTHING, descriptor_methods, read_pinned
from authz.compiler.problem import Problems
from authz.compiler.source import Document

HERE = Document("apps.yaml", {"metadata": {"name": "x"}}, 0)


def test_tools_prompts_and_resources_are_kept_by_name() -> None:
    """As the server said them, one JSON each."""
    said = {
        "tools": [{"name": "a", "b": 1}],
        "prompts": [{"name": "p"}],
        "resources": [{"uri": "file:///r"}, {"uriTemplate": "x:{y}"}],
    }

    found = read_pinned("x", orjson.dumps(said), HERE, Problems())

    assert found.tools == {"a": b'{"name":"a","b":1}'}
    assert found.prompts == {"p": b'{"name":"p"}'}
    assert set(found.resources) == {"file:///r", "x:{y}"}


def test_nothing_pinned_is_no_mistake() -> None:
    """An app may have nothing to show."""
    problems = Problems()

    assert read_pinned("x", None, HERE, problems) is NOTHING
    assert problems.errors == []


def test_methods_are_written_as_on_the_wire() -> None:
    """With and without a package."""
    files = [FileDescriptorProto(name="a", package="p.v1"), FileDescriptorProto(name="b")]
    for file in files:
        service = file.service.add(name="S")
        service.method.add(name="Get")
        service.method.add(name="Put")

    found = descriptor_methods(FileDescriptorSet(file=files).SerializeToString())

    assert found is not None
    assert sorted(found) == ["/S/Get", "/S/Put", "/p.v1.S/Get", "/p.v1.S/Put"]
    assert descriptor_methods(b"\xff") is None
