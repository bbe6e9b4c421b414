"""A gRPC descriptor set, as a draft."""

from google.protobuf.descriptor_pb2 import FileDescriptorSet, MethodDescriptorProto, MethodOptions
from google.protobuf.message import DecodeError

from authz.core.app import Access
from authz.importers.draft import Draft, DraftTool, ImportProblem

_READING = ("Get", "List", "Search", "Watch", "Read", "Describe", "Query", "Find", "Lookup", "Count", "Check")
_DELETING = ("Delete", "Remove", "Cancel", "Purge", "Drop", "Destroy", "Revoke")


def from_descriptors(data: bytes) -> Draft:
    """A draft from a serialized FileDescriptorSet.

    Raises:
        ImportProblem: When it is none.
    """
    try:
        files = FileDescriptorSet.FromString(data).file
    except DecodeError:
        raise ImportProblem("not a FileDescriptorSet, as `protoc --descriptor_set_out` writes it") from None
    methods = [
        (f"{file.package}.{service.name}" if file.package else service.name, method)
        for file in files
        for service in file.service
        for method in service.method
    ]
    short = [method.name for _, method in methods]
    tools = [
        DraftTool(
            # A name that two services share carries its service.
            name=method.name if short.count(method.name) == 1 else f"{service}.{method.name}",
            access=_access(method),
            match=(f"/{service}/{method.name}", ""),
            title="streams requests: its messages are not judged" if method.client_streaming else "",
        )
        for service, method in methods
    ]
    return Draft(protocol="grpc", tools=tools)


def _access(method: MethodDescriptorProto) -> Access:
    if method.options.idempotency_level == MethodOptions.NO_SIDE_EFFECTS or method.name.startswith(_READING):
        return Access.READ
    return Access.DELETE if method.name.startswith(_DELETING) else Access.WRITE
