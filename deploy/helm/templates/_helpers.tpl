{{- define "headrace.labels" -}}
app.kubernetes.io/name: headrace
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{- end }}

{{/* The context of one component: dict "Root" $ "Component" NAME. Service accounts and Kafka users are per component. */}}
{{- define "headrace.account" -}}
{{ .Root.Release.Name }}-{{ .Component }}
{{- end }}

{{/* The web console changes what an operator may change, unless it is read-only. */}}
{{- define "headrace.kafkaSecret" -}}
{{- $user := .Component }}
{{- if and (eq .Component "console") (not .Root.Values.console.readOnly) (not .Scaler) }}{{ $user = "operator" }}{{ end -}}
{{ .Root.Values.kafka.secretPrefix }}-{{ $user }}
{{- end }}

{{/* The name changes with the content, so that pods are replaced. */}}
{{- define "headrace.pipelineFile" -}}
pipeline-{{ .Values.pipeline | sha256sum | trunc 8 }}.toml
{{- end }}

{{/* The stages to run, with those of state machines: a map in JSON. */}}
{{- define "headrace.stages" -}}
{{- $stages := .Values.stages }}
{{- with .Values.machines }}
{{- if .enabled }}
{{- $own := dict "reads" (list "machines.inbox" "machines.retry") "resources" .resources }}
{{- $reads := concat (list "machines.tasks" "jobs.finished" "machine-tasks.retry") .taskReads | uniq }}
{{- $stages = merge (dict "machines" $own "machine-tasks" (dict "reads" $reads "resources" .resources)) $stages }}
{{- end }}
{{- end }}
{{- toJson $stages }}
{{- end }}

{{/* The components with a pod each: a list in JSON. */}}
{{- define "headrace.components" -}}
{{- $components := concat (list "bridge") (keys (include "headrace.stages" . | fromJson) | sortAlpha) }}
{{- if .Values.webhook.enabled }}{{ $components = append $components "webhook" }}{{ end }}
{{- if .Values.topics.apply }}{{ $components = append $components "topics" }}{{ end }}
{{- if .Values.views.enabled }}{{ $components = append $components "views" }}{{ end }}
{{- if .Values.console.enabled }}{{ $components = append $components "console" }}{{ end }}
{{- if .Values.machines.api.enabled }}{{ $components = append $components "machine-api" }}{{ end }}
{{- toJson $components }}
{{- end }}

{{- define "headrace.env" -}}
{{- $component := . }}
{{- with .Root }}
- { name: HEADRACE_BOOTSTRAP_SERVERS, value: {{ required "kafka.bootstrapServers is not set" .Values.kafka.bootstrapServers | quote }} }
- { name: HEADRACE_REPLICATION_FACTOR, value: {{ .Values.kafka.replicationFactor | quote }} }
- { name: HEADRACE_KAFKA_TIMEOUT_SECONDS, value: {{ .Values.kafka.timeoutSeconds | quote }} }
- { name: HEADRACE_KAFKA_TLS, value: {{ .Values.kafka.tls | quote }} }
{{- with .Values.kafka.caFile }}
- { name: HEADRACE_KAFKA_CA_FILE, value: {{ . | quote }} }
{{- end }}
{{- if .Values.kafka.sasl }}
- { name: HEADRACE_KAFKA_SASL, value: {{ .Values.kafka.sasl | quote }} }
{{- end }}
{{- if and .Values.kafka.sasl (ne .Values.kafka.sasl "AWS_MSK_IAM") }}
- name: HEADRACE_KAFKA_USER
  valueFrom: { secretKeyRef: { name: {{ include "headrace.kafkaSecret" $component }}, key: user } }
- name: HEADRACE_KAFKA_PASSWORD
  valueFrom: { secretKeyRef: { name: {{ include "headrace.kafkaSecret" $component }}, key: password } }
{{- end }}
{{- if .Values.schemaRegistry.url }}
- { name: HEADRACE_SCHEMA_REGISTRY, value: {{ .Values.schemaRegistry.url | quote }} }
- { name: HEADRACE_SCHEMA_REGISTRY_REGISTER, value: {{ .Values.schemaRegistry.register | quote }} }
{{- with .Values.schemaRegistry.existingSecret }}
- name: HEADRACE_SCHEMA_REGISTRY_USER
  valueFrom: { secretKeyRef: { name: {{ . }}, key: user } }
- name: HEADRACE_SCHEMA_REGISTRY_PASSWORD
  valueFrom: { secretKeyRef: { name: {{ . }}, key: password } }
{{- end }}
{{- end }}
{{- if .Values.pipeline }}
- { name: HEADRACE_PIPELINE, value: /etc/headrace-pipeline/{{ include "headrace.pipelineFile" . }} }
{{- end }}
{{- if and (eq $component.Component "machine-tasks") .Values.machines.connectionsSecret }}
- { name: HEADRACE_HTTP_CONNECTIONS, value: /etc/headrace-connections/connections }
{{- end }}
{{- $_ := required "settings.HEADRACE_RESULTS_BUCKET is not set" .Values.settings.HEADRACE_RESULTS_BUCKET }}
{{- range $name, $value := .Values.settings }}
{{- if ne (toString $value) "" }}
- { name: {{ $name }}, value: {{ $value | quote }} }
{{- end }}
{{- end }}
{{- end }}
{{- end }}

{{- define "headrace.pod" -}}
serviceAccountName: {{ include "headrace.account" . }}
automountServiceAccountToken: false
# Kubernetes would set HEADRACE_WEBHOOK_PORT for a service headrace-webhook, and so on, which are settings.
enableServiceLinks: false
{{- with .Root.Values.imagePullSecrets }}
imagePullSecrets: {{ toYaml . | nindent 2 }}
{{- end }}
securityContext:
  runAsNonRoot: true
  runAsUser: 10001
  seccompProfile: { type: RuntimeDefault }
volumes:
  - { name: tmp, emptyDir: { sizeLimit: 8Gi } }
  {{- if .Root.Values.pipeline }}
  - { name: pipeline, configMap: { name: {{ .Root.Release.Name }}-pipeline } }
  {{- end }}
  {{- if and (eq .Component "machine-tasks") .Root.Values.machines.connectionsSecret }}
  - { name: connections, secret: { secretName: {{ .Root.Values.machines.connectionsSecret }} } }
  {{- end }}
  {{- with .Root.Values.console.usersSecret }}
  {{- if eq $.Component "console" }}
  - { name: users, secret: { secretName: {{ . }} } }
  {{- end }}
  {{- end }}
{{- end }}

{{- define "headrace.container" -}}
name: headrace
{{- with .Values.image }}
{{- if .digest }}
image: "{{ .repository }}@{{ .digest }}"
{{- else }}
image: "{{ .repository }}:{{ .tag | default $.Chart.AppVersion }}"
{{- end }}
{{- end }}
imagePullPolicy: {{ .Values.image.pullPolicy }}
securityContext:
  allowPrivilegeEscalation: false
  readOnlyRootFilesystem: true
  capabilities: { drop: [ALL] }
volumeMounts:
  - { name: tmp, mountPath: /tmp }
  {{- if .Values.pipeline }}
  - { name: pipeline, mountPath: /etc/headrace-pipeline, readOnly: true }
  {{- end }}
{{- end }}

{{/* The termination grace period: the drain timeout and a margin. */}}
{{- define "headrace.grace" -}}
{{ add 20 (ceil (float64 .)) }}
{{- end }}
