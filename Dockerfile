# syntax=docker/dockerfile:1
ARG PYTHON_VERSION=3.11

FROM python:${PYTHON_VERSION}-slim AS build
ARG PREFIX=/opt/connector
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
WORKDIR /src
COPY requirements/ requirements/
RUN python -m venv "$PREFIX" && "$PREFIX/bin/pip" install --quiet --require-hashes -r requirements/runtime.txt
RUN python -m venv "$PREFIX-build" && "$PREFIX-build/bin/pip" install --quiet --require-hashes -r requirements/build.txt
COPY pyproject.toml README.md LICENSE ./
COPY connector/ connector/
COPY topics/ topics/
COPY schemas/ schemas/
RUN "$PREFIX-build/bin/python" -m build --quiet --wheel --no-isolation --outdir dist . \
 && "$PREFIX/bin/pip" install --quiet --no-deps dist/*.whl \
 && "$PREFIX/bin/pip" uninstall --quiet --yes pip setuptools

FROM python:${PYTHON_VERSION}-slim
LABEL org.opencontainers.image.title="segment-encharge-connector" \
      org.opencontainers.image.description="Delivers Segment events from Kafka to Encharge" \
      org.opencontainers.image.licenses="MIT"
COPY --from=build /opt/connector /opt/connector
# Nothing is ever written to the image's file system, so it may be mounted read-only.
ENV PATH=/opt/connector/bin:$PATH PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1 \
    CONNECTOR_WEB_HOST=0.0.0.0 CONNECTOR_LOG_FORMAT=json CONNECTOR_DESTINATION_FILE=/etc/connector/destination.yaml
USER 10001:10001
EXPOSE 6066
HEALTHCHECK --interval=10s --timeout=3s --start-period=20s \
  CMD ["python", "-c", "import urllib.request as r; r.urlopen('http://127.0.0.1:6066/live', timeout=2)"]
STOPSIGNAL SIGTERM
ENTRYPOINT ["encharge-connector"]
CMD ["run"]
