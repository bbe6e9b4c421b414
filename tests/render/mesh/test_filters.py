"""What is merged into a mesh's filters."""

from authz.render import Choices
from authz.render.mesh.filters import hardened, judge, manager_of


def test_nothing_that_a_merge_cannot_say_is_left_to_it() -> None:
    """A merge never sets `false`: what must be false is said by the provider."""
    merged = judge(manager_of([], Choices()))

    # A wrapped boolean, which a merge does take.
    assert [key for key, value in merged.items() if value is False] == ["charge_cluster_response_stats"]
    assert merged["encode_raw_headers"] is merged["validate_mutations"] is True


def test_the_access_log_goes_where_the_mesh_has_the_authorizer() -> None:
    """By the mesh's own name for it."""
    (log,) = hardened(manager_of([], Choices()), "outbound|9192||x", edge=True)["access_log"]

    assert "outbound|9192||x" in str(log)
