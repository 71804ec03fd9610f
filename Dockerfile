# For a release, name the base by digest: --build-arg PYTHON_IMAGE=python:3.11-slim-bookworm@sha256:...
ARG PYTHON_IMAGE=python:3.11-slim-bookworm

FROM ${PYTHON_IMAGE} AS build
ARG PREFIX=/opt/connector
# runtime.txt makes an image without tracing.
ARG REQUIREMENTS=image.txt
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
WORKDIR /src
COPY requirements/ requirements/
RUN python -m venv "$PREFIX" && "$PREFIX/bin/pip" install --quiet --require-hashes -r "requirements/$REQUIREMENTS"
RUN python -m venv "$PREFIX-build" && "$PREFIX-build/bin/pip" install --quiet --require-hashes -r requirements/build.txt
COPY pyproject.toml README.md LICENSE ./
COPY connector/ connector/
COPY topics/ topics/
COPY schemas/ schemas/
RUN "$PREFIX-build/bin/python" -m build --quiet --wheel --no-isolation --outdir dist . \
 && "$PREFIX/bin/pip" install --quiet --no-deps dist/*.whl \
 && "$PREFIX/bin/pip" uninstall --quiet --yes pip setuptools \
 && "$PREFIX-build/bin/python" -m requirements.sbom --lock "requirements/$REQUIREMENTS" \
    --site-packages "$PREFIX"/lib/python3*/site-packages "$PREFIX/share/doc/segment-encharge-connector/sbom.json"

FROM ${PYTHON_IMAGE}
ARG VERSION=unreleased
ARG REVISION=unknown
ARG SOURCE=unknown
LABEL org.opencontainers.image.title="segment-encharge-connector" \
      org.opencontainers.image.description="Delivers Segment events from Kafka to Encharge" \
      org.opencontainers.image.licenses="MIT" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}" \
      org.opencontainers.image.source="${SOURCE}"
# Whoever gets in finds no installer.
RUN python -m pip uninstall --quiet --yes --root-user-action=ignore pip setuptools wheel
COPY --from=build /opt/connector /opt/connector
# Nothing is ever written to the image's file system, so it may be mounted read-only.
ENV PATH=/opt/connector/bin:$PATH PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1 \
    CONNECTOR_WEB_HOST=0.0.0.0 CONNECTOR_LOG_FORMAT=json CONNECTOR_DESTINATION_FILE=/etc/connector/destination.yaml
USER 10001:10001
EXPOSE 6066
# Never through a proxy, which HTTP_PROXY may name for the requests to Encharge.
HEALTHCHECK --interval=10s --timeout=3s --start-period=20s \
  CMD ["python", "-c", "import os, urllib.request as r; r.build_opener(r.ProxyHandler({})).open('http://127.0.0.1:%s/live' % os.environ.get('CONNECTOR_WEB_PORT', '6066'), timeout=2)"]
STOPSIGNAL SIGTERM
ENTRYPOINT ["encharge-connector"]
CMD ["run"]
