"""Apps to the manifests of a mesh: Istio, Envoy Gateway. Pure, like the rest of `render`.

The routes are those of plain Envoy (`authz.render.routes`), said in a mesh's words.
"""

from authz.render.mesh.gateway import envoy_gateway
from authz.render.mesh.istio import Place, authorizer, istio, mesh_config
from authz.render.mesh.names import Names

__all__ = ["Names", "Place", "authorizer", "envoy_gateway", "istio", "mesh_config"]
