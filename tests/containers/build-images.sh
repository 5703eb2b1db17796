#!/usr/bin/env bash
# Build the images of the container tests, and print which ones are substitutes.
#
# The official images of python and apache/kafka are used if they can be pulled. Otherwise, substitutes are built on a
# Debian from debootstrap: one with Debian's Python, and one with the broker's jars. The second has the interface of the
# official image: KAFKA_* variables, /opt/kafka/bin/kafka-topics.sh, data in KAFKA_LOG_DIRS.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
PYTHON_IMAGE=$(sed -n 's/^ARG PYTHON=//p' Dockerfile)  # NAME:TAG@DIGEST
KAFKA_IMAGE=$(sed -n 's/.*KAFKA_IMAGE:-\([^}]*\)}.*/\1/p' docker-compose.yml)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

is_substitute() { [ "$(docker image inspect --format '{{index .Config.Labels "headrace.substitute"}}' "$1" 2>/dev/null)" = yes ]; }
is_available() { ! is_substitute "$1" && { docker image inspect "$1" >/dev/null 2>&1 || timeout 60 docker pull --quiet "$1" >/dev/null 2>&1; }; }

debian() {
    docker image inspect headrace-debian >/dev/null 2>&1 && return
    command -v debootstrap >/dev/null || { apt-get update -qq; apt-get install -y -qq debootstrap >/dev/null; }
    debootstrap --variant=minbase --include=python3,python3-venv,ca-certificates bookworm "$work/debian" >"$work/log" || { tail "$work/log"; exit 1; }
    # The certificates of this machine, which may include those of a proxy.
    cp /etc/ssl/certs/ca-certificates.crt "$work/debian/etc/ssl/certs/ca-certificates.crt"
    rm -rf "$work/debian/var/cache/apt" "$work/debian/var/lib/apt/lists"
    # Remove documentation and translations, as Debian's slim images do. Java's packages need the folders.
    find "$work/debian/usr/share/doc" -type f ! -name copyright -delete
    find "$work/debian/usr/share/man" "$work/debian/usr/share/info" "$work/debian/usr/share/locale" ! -type d -delete
    tar --create --directory "$work/debian" . | docker import - headrace-debian >/dev/null
}

if is_available "$PYTHON_IMAGE"; then
    echo "$PYTHON_IMAGE: the official image"
else
    debian
    PYTHON_IMAGE=${PYTHON_IMAGE%@*}  # a local image has no such digest
    printf 'FROM headrace-debian\nLABEL headrace.substitute=yes\n' | docker build --quiet --tag "$PYTHON_IMAGE" - >/dev/null
    echo "$PYTHON_IMAGE: a substitute with Debian's Python"
fi

if is_available "$KAFKA_IMAGE"; then
    echo "$KAFKA_IMAGE: the official image"
else
    debian
    KAFKA_IMAGE=${KAFKA_IMAGE%@*}
    jars=$(.venv/bin/python -c 'from headrace.sandbox.cluster import jars; jars.ensure(jars.default_folder()); print(jars.default_folder())')
    mkdir "$work/kafka"
    cp -r "$jars" "$work/kafka/libs"
    cp tests/containers/kafka-run.sh tests/containers/kafka-topics.sh "$work/kafka/"
    docker build --quiet --network host --tag "$KAFKA_IMAGE" --file tests/containers/kafka.Dockerfile "$work/kafka" >/dev/null
    echo "$KAFKA_IMAGE: a substitute with the broker's jars on Debian"
fi

network=(--build-arg "PYTHON=$PYTHON_IMAGE")
for name in PIP_INDEX_URL PIP_EXTRA_INDEX_URL PIP_CERT; do
    [ -n "${!name:-}" ] && network+=(--build-arg "$name=${!name}")
done
for target in headrace sandbox; do
    tag=headrace; [ "$target" = sandbox ] && tag=headrace-sandbox
    docker build --quiet --network host "${network[@]}" --target "$target" --tag "$tag" . >/dev/null
    echo "$tag: $(docker image inspect --format '{{.Size}}' "$tag" | awk '{printf "%.0f MB", $1/1000000}')"
done
