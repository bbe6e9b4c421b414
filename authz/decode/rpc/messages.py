"""gRPC messages as arguments, through a descriptor set. Pure: no stub, no channel, no generated code."""

import base64
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from google.protobuf.message import DecodeError, Message

from authz.core.call import Json
from authz.core.decision import Refusal
from authz.core.reason import Reason

if TYPE_CHECKING:
    from google._upb._message import FieldDescriptor as FastFieldDescriptor
    from google.protobuf.descriptor import FieldDescriptor, MethodDescriptor

_FRAME_HEAD = 5  # a flag and four bytes of length, before each message


class Methods:
    """The methods of one app's descriptor set: which of them are unary, and how their request is read."""

    __slots__ = ("_readers",)

    def __init__(self, descriptors: bytes | None) -> None:
        self._readers: dict[str, Callable[[bytes], dict[str, Json]] | None] = {}
        for path, method in _methods(descriptors) if descriptors else ():
            self._readers[path] = None if method.client_streaming else _reader(method)

    def arguments(self, path: str, body: bytes) -> dict[str, Json]:
        """The arguments of a unary request; none where no descriptor tells, or the body is a stream.

        Raises:
            Refusal: For a body that is not one message of the type that the method takes.
        """
        reader = self._readers.get(path)
        if reader is None:
            return {}
        if len(body) < _FRAME_HEAD or len(body) != _FRAME_HEAD + int.from_bytes(body[1:_FRAME_HEAD]):
            raise Refusal(Reason.REQUEST_MALFORMED, "a body that is not exactly one gRPC message")
        if body[0]:
            raise Refusal(Reason.REQUEST_UNSUPPORTED, "a compressed gRPC message")
        return reader(body[_FRAME_HEAD:])


def _methods(descriptors: bytes) -> list[tuple[str, "MethodDescriptor"]]:
    pool = descriptor_pool.DescriptorPool()
    files = descriptor_pb2.FileDescriptorSet.FromString(descriptors).file
    waiting = list(files)
    while waiting:
        left = [file for file in waiting if not _added(pool, file)]
        if len(left) == len(waiting):
            break  # an import is missing: what depends on it cannot be read, and has no arguments
        waiting = left
    missing = {file.name for file in waiting}
    found: list[tuple[str, MethodDescriptor]] = []
    for file in files:
        if file.name in missing:
            continue
        for service in pool.FindFileByName(file.name).services_by_name.values():
            found.extend((f"/{service.full_name}/{method.name}", method) for method in service.methods)
    return found


def _added(pool: descriptor_pool.DescriptorPool, file: descriptor_pb2.FileDescriptorProto) -> bool:
    try:
        pool.Add(file)
        pool.FindFileByName(file.name)
    except (TypeError, KeyError):
        return False
    return True


def _reader(method: "MethodDescriptor") -> Callable[[bytes], dict[str, Json]]:
    kind = message_factory.GetMessageClass(method.input_type)

    def read(data: bytes) -> dict[str, Json]:
        try:
            return _members(kind.FromString(data))
        except DecodeError:
            raise Refusal(Reason.REQUEST_MALFORMED, "a body that is not the method's message") from None

    return read


def _members(message: Message) -> dict[str, Json]:
    """A message as arguments: numbers stay numbers, and a scalar that is not sent has its default."""
    found: dict[str, Json] = {}
    for one in message.DESCRIPTOR.fields:
        if one.has_presence and not message.HasField(one.name):
            continue
        value = getattr(message, one.name)
        if one.message_type is not None and one.message_type.GetOptions().map_entry:
            inner = one.message_type.fields_by_name["value"]
            found[one.name] = {str(key): _value(inner, item) for key, item in value.items()}
        elif one.is_repeated:
            found[one.name] = [_value(one, item) for item in value]
        else:
            found[one.name] = _value(one, value)
    return found


def _value(one: "FieldDescriptor | FastFieldDescriptor", value: object) -> Json:
    if isinstance(value, Message):
        return _members(value)
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    if one.enum_type is not None and isinstance(value, int):
        names: Mapping[int, object] = one.enum_type.values_by_number
        return str(getattr(names[value], "name", value)) if value in names else value
    return value if isinstance(value, bool | int | float | str) else None
