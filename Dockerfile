# One image for bridge, worker, webhook and console. The target `sandbox` adds the local AWS and AI endpoint.
#   docker build --tag headrace .          docker build --tag headrace-sandbox --target sandbox .
# FFMPEG=bundled has the ffmpeg of imageio-ffmpeg and PyAV, which are GPL-3.0-or-later; FFMPEG=none has neither: run
# `probe` and `thumbnails` elsewhere. The sandbox needs `bundled`.
ARG PYTHON=python:3.11.13-slim-bookworm@sha256:86adf8dbadc3d6e82ee5dd2c74bec2e1c2467cdad47886280501df722372d2e1
ARG FFMPEG=bundled

FROM ${PYTHON} AS build
ARG FFMPEG
# Optional pip settings, such as PIP_INDEX_URL. They are not stored in the image.
ARG PIP_INDEX_URL
ARG PIP_EXTRA_INDEX_URL
ARG PIP_CERT
WORKDIR /src
# For `strip`: some wheels include debug symbols, 40 MB in total.
RUN apt-get update -qq && apt-get install --yes -qq --no-install-recommends binutils
RUN python3 -m venv /opt/headrace
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
COPY pyproject.toml README.md LICENSE deploy/requirements.txt deploy/requirements-cloud.txt ./
COPY headrace headrace
COPY schemas schemas
COPY connectors connectors
COPY streams streams
COPY console console
COPY sandbox sandbox
RUN /opt/headrace/bin/pip install --no-compile --require-hashes --requirement requirements.txt \
 && /opt/headrace/bin/pip install --no-compile --no-deps . \
 && if [ "$FFMPEG" = none ]; then /opt/headrace/bin/pip uninstall --yes av \
 && rm /opt/headrace/lib/python3*/site-packages/imageio_ffmpeg/binaries/ffmpeg-*; fi \
 && /opt/headrace/bin/pip uninstall --yes pip setuptools \
 && find /opt/headrace -name __pycache__ -prune -exec rm -rf {} + \
 && find /opt/headrace -name '*.so*' -exec strip --strip-debug {} +

FROM build AS build-sandbox
RUN python3 -m venv /opt/pip && /opt/pip/bin/pip --python /opt/headrace/bin/python install \
    --require-hashes --requirement requirements-cloud.txt

FROM ${PYTHON} AS base
LABEL org.opencontainers.image.title="Headrace" \
      org.opencontainers.image.description="Event-driven AI media pipeline on Apache Kafka" \
      org.opencontainers.image.documentation="/usr/share/doc/headrace/THIRD-PARTY-NOTICES"
RUN groupadd --gid 10001 headrace \
 && useradd --uid 10001 --gid headrace --no-create-home --shell /usr/sbin/nologin headrace
ENV PATH=/opt/headrace/bin:$PATH PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1 HOME=/tmp
WORKDIR /tmp
STOPSIGNAL SIGTERM

# The licences of Headrace and of ffmpeg; all others are in the notices.
FROM base AS ffmpeg-bundled
LABEL org.opencontainers.image.licenses="Apache-2.0 AND GPL-3.0-or-later"

FROM base AS ffmpeg-none
LABEL org.opencontainers.image.licenses="Apache-2.0"

FROM ffmpeg-bundled AS sandbox
COPY --from=build-sandbox /opt/headrace /opt/headrace
COPY deploy/third_party.py /usr/share/doc/headrace/
RUN /opt/headrace/bin/python /usr/share/doc/headrace/third_party.py /usr/share/doc/headrace
RUN mkdir --mode=700 /data /access && chown headrace /data /access
USER headrace
ENTRYPOINT ["python3", "-m", "headrace.sandbox.cluster.containers"]

FROM ffmpeg-${FFMPEG} AS headrace
COPY --from=build /opt/headrace /opt/headrace
COPY deploy/third_party.py /usr/share/doc/headrace/
RUN /opt/headrace/bin/python /usr/share/doc/headrace/third_party.py /usr/share/doc/headrace
RUN mkdir --mode=700 /views /console && chown headrace /views /console
USER headrace
ENV HEADRACE_METRICS_PORT=9100 HEADRACE_METRICS_HOST=0.0.0.0
ENTRYPOINT ["headrace"]
CMD ["worker", "--all", "--json-logs"]
