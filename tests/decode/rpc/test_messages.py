"""gRPC messages as arguments."""

import contextlib
import struct

import pytest
from google.protobuf import any_pb2, descriptor_pb2, struct_pb2
from hypothesis import given
from hypothesis import strategies as st

from authz.core.call import Json
from authz.core.decision import Refusal
from authz.decode.rpc.messages import Methods

F = descriptor_pb2.FieldDescriptorProto


def _framed(message: bytes, flag: int = 0) -> bytes:
    return struct.pack(">BI", flag, len(message)) + message


def _set(*, with_imports: bool = True) -> bytes:
    """A service whose unary method takes a Struct-bearing message, and one that streams."""
    struct_file = descriptor_pb2.FileDescriptorProto()
    struct_pb2.DESCRIPTOR.CopyToProto(struct_file)
    entry = descriptor_pb2.DescriptorProto(
        name="LabelsEntry",
        options=descriptor_pb2.MessageOptions(map_entry=True),
        field=[
            F(name="key", number=1, type=F.TYPE_STRING, label=F.LABEL_OPTIONAL),
            F(name="value", number=2, type=F.TYPE_INT32, label=F.LABEL_OPTIONAL),
        ],
    )
    order = descriptor_pb2.DescriptorProto(
        name="Order",
        nested_type=[entry],
        field=[
            F(name="id", number=1, type=F.TYPE_STRING, label=F.LABEL_OPTIONAL),
            F(name="amount", number=2, type=F.TYPE_INT64, label=F.LABEL_OPTIONAL),
            F(name="items", number=3, type=F.TYPE_STRING, label=F.LABEL_REPEATED),
            F(
                name="labels",
                number=4,
                type=F.TYPE_MESSAGE,
                type_name=".a.Order.LabelsEntry",
                label=F.LABEL_REPEATED,
            ),
            F(name="size", number=5, type=F.TYPE_ENUM, type_name=".a.Size", label=F.LABEL_OPTIONAL),
            F(name="data", number=6, type=F.TYPE_BYTES, label=F.LABEL_OPTIONAL),
            F(name="parent", number=7, type=F.TYPE_MESSAGE, type_name=".a.Order", label=F.LABEL_OPTIONAL),
            F(
                name="more",
                number=8,
                type=F.TYPE_MESSAGE,
                type_name=".google.protobuf.Struct",
                label=F.LABEL_OPTIONAL,
            ),
        ],
    )
    size = descriptor_pb2.EnumDescriptorProto(
        name="Size",
        value=[
            descriptor_pb2.EnumValueDescriptorProto(name="SMALL", number=0),
            descriptor_pb2.EnumValueDescriptorProto(name="LARGE", number=1),
        ],
    )
    method = descriptor_pb2.MethodDescriptorProto
    file = descriptor_pb2.FileDescriptorProto(
        name="a.proto",
        package="a",
        syntax="proto3",
        dependency=["google/protobuf/struct.proto"],
        message_type=[order],
        enum_type=[size],
        service=[
            descriptor_pb2.ServiceDescriptorProto(
                name="Orders",
                method=[
                    method(name="Place", input_type=".a.Order", output_type=".a.Order"),
                    method(
                        name="Upload", input_type=".a.Order", output_type=".a.Order", client_streaming=True
                    ),
                ],
            )
        ],
    )
    # The dependant first: a set need not be in order.
    files = [file, struct_file] if with_imports else [file]
    return descriptor_pb2.FileDescriptorSet(file=files).SerializeToString()


METHODS = Methods(_set())
DEFAULTS: dict[str, Json] = {"id": "", "amount": 0, "items": [], "labels": {}, "size": "SMALL", "data": ""}


def test_a_message_is_arguments_with_numbers_as_numbers() -> None:
    """Rules compare them; and a scalar that is not sent has the default that the app will see."""
    message = (
        b"\x0a\x01A\x10\x96\x01\x1a\x01x\x1a\x01y"
        b"\x22\x05\x0a\x01k\x10\x07\x28\x01\x32\x01\xff\x3a\x03\x0a\x01P"
    )

    assert METHODS.arguments("/a.Orders/Place", _framed(message)) == {
        "id": "A",
        "amount": 150,
        "items": ["x", "y"],
        "labels": {"k": 7},
        "size": "LARGE",
        "data": "/w==",
        "parent": {**DEFAULTS, "id": "P"},
    }
    assert METHODS.arguments("/a.Orders/Place", _framed(b"")) == DEFAULTS
    assert METHODS.arguments("/a.Orders/Place", _framed(b"\x28\x63"))["size"] == 99


@pytest.mark.parametrize("path", ["/a.Orders/Upload", "/a.Orders/Unknown"])
def test_a_stream_or_an_unknown_method_gives_no_arguments(path: str) -> None:
    """A rule that needs one fails."""
    assert METHODS.arguments(path, _framed(b"\x0a\x01A") * 2) == {}


@pytest.mark.parametrize("descriptors", [None, _set(with_imports=False)])
def test_without_whole_descriptors_there_are_no_arguments(descriptors: bytes | None) -> None:
    """Nothing is guessed."""
    assert Methods(descriptors).arguments("/a.Orders/Place", _framed(b"\x0a\x01A")) == {}


@pytest.mark.parametrize(
    "body",
    [b"", b"\x00", _framed(b"") * 2, _framed(b"\x0a\x01A")[:-1], _framed(b"", 1), _framed(b"\x0a\xff")],
)
def test_a_body_that_is_not_one_plain_message_is_refused(body: bytes) -> None:
    """The app would read another one, or more."""
    with pytest.raises(Refusal):
        METHODS.arguments("/a.Orders/Place", body)


@given(st.binary())
def test_any_message_is_arguments_or_a_refusal(message: bytes) -> None:
    """No other exception leaves."""
    with contextlib.suppress(Refusal):
        assert METHODS.arguments("/a.Orders/Place", _framed(message)).keys() >= DEFAULTS.keys()


def test_a_well_known_type_is_a_message_like_any_other() -> None:
    """Its members are told by its descriptor."""
    more = struct_pb2.Struct()
    more.update({"k": 1.5})
    body = any_pb2.Any().SerializeToString() + b"\x42" + bytes([more.ByteSize()]) + more.SerializeToString()

    found = METHODS.arguments("/a.Orders/Place", _framed(body))["more"]
    assert found == {"fields": {"k": {"number_value": 1.5}}}
