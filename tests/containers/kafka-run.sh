#!/usr/bin/env bash
# KAFKA_A_B=c is a.b=c in server.properties, two underscores are one, three a hyphen. Formats the data once.
set -euo pipefail
settings=/tmp/server.properties
env | grep ^KAFKA_ | while IFS='=' read -r name value; do
    [ "$name" = KAFKA_HEAP_OPTS ] && continue
    key=$(echo "${name#KAFKA_}" | tr '[:upper:]' '[:lower:]' | sed 's/___/\x01/g; s/__/\x02/g; s/_/./g; s/\x01/-/g; s/\x02/_/g')
    echo "$key=$value"
done >"$settings"
run() { exec java ${KAFKA_HEAP_OPTS:--Xmx512m} -XX:+UseSerialGC -cp '/opt/kafka/libs/*' "$@"; }
(run kafka.tools.StorageTool format --ignore-formatted --cluster-id "${CLUSTER_ID:-5L6g3nShT-eMCtK--X86sw}" --config "$settings")
run kafka.Kafka "$settings"
