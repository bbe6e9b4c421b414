"""Descriptor sets as drafts."""

import pytest
from google.protobuf import descriptor_pb2 as pb

from authz.core.app import Access
from authz.importers import ImportProblem, from_descriptors


def _set() -> bytes:
    method = pb.MethodDescriptorProto
    quiet = pb.MethodOptions(idempotency_level=pb.MethodOptions.NO_SIDE_EFFECTS)
    services = [
        pb.ServiceDescriptorProto(
            name="Shipping",
            method=[
                method(name="GetShipment"),
                method(name="CancelShipment"),
                method(name="Quote", options=quiet),
                method(name="Track", client_streaming=True),
                method(name="Ping"),
            ],
        ),
        pb.ServiceDescriptorProto(name="Health", method=[method(name="Ping")]),
    ]
    file = pb.FileDescriptorProto(name="a.proto", package="a.v1", service=services)
    bare = pb.FileDescriptorProto(
        name="b.proto", service=[pb.ServiceDescriptorProto(name="B", method=[method(name="Do")])]
    )
    return pb.FileDescriptorSet(file=[file, bare]).SerializeToString()


def test_methods_become_tools() -> None:
    """Names give `access` where no option does; a name of two services carries its service."""
    found = {one.name: (one.access, one.match) for one in from_descriptors(_set()).tools}

    assert found == {
        "GetShipment": (Access.READ, ("/a.v1.Shipping/GetShipment", "")),
        "CancelShipment": (Access.DELETE, ("/a.v1.Shipping/CancelShipment", "")),
        "Quote": (Access.READ, ("/a.v1.Shipping/Quote", "")),
        "Track": (Access.WRITE, ("/a.v1.Shipping/Track", "")),
        "a.v1.Shipping.Ping": (Access.WRITE, ("/a.v1.Shipping/Ping", "")),
        "a.v1.Health.Ping": (Access.WRITE, ("/a.v1.Health/Ping", "")),
        "Do": (Access.WRITE, ("/B/Do", "")),
    }


def test_what_is_no_descriptor_set_is_refused() -> None:
    """Said in one line."""
    with pytest.raises(ImportProblem):
        from_descriptors(b"\xff\xff")
