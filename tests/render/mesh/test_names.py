"""What things are called in a cluster."""

from authz.render.mesh.names import Names


def test_istio_names_a_cluster_after_port_and_host() -> None:
    """As its own configuration has it."""
    assert Names().cluster(9191) == "outbound|9191||personas-authorizer.personas.svc.cluster.local"
