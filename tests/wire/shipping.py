"""The descriptor set of a small gRPC service, made here so that no binary lies in the repository."""

from google.protobuf import descriptor_pb2 as pb

_STRING = pb.FieldDescriptorProto.TYPE_STRING
_ONE = pb.FieldDescriptorProto.LABEL_OPTIONAL


def descriptor_set() -> bytes:
    """`shipping.v1.Shipping` with a unary method and one that streams its requests."""
    request = pb.DescriptorProto(
        name="GetShipmentRequest",
        field=[pb.FieldDescriptorProto(name="shipment_id", number=1, type=_STRING, label=_ONE)],
    )
    kind = ".shipping.v1.GetShipmentRequest"
    service = pb.ServiceDescriptorProto(
        name="Shipping",
        method=[
            pb.MethodDescriptorProto(name="GetShipment", input_type=kind, output_type=kind),
            pb.MethodDescriptorProto(
                name="Track", input_type=kind, output_type=kind, client_streaming=True, server_streaming=True
            ),
        ],
    )
    file = pb.FileDescriptorProto(
        name="shipping.proto",
        package="shipping.v1",
        syntax="proto3",
        message_type=[request],
        service=[service],
    )
    return pb.FileDescriptorSet(file=[file]).SerializeToString()
