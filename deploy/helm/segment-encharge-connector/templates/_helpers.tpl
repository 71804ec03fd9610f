{{- define "connector.name" -}}
{{- .Values.nameOverride | default .Chart.Name | trunc 50 | trimSuffix "-" }}
{{- end }}

{{- define "connector.fullname" -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 50 | trimSuffix "-" }}
{{- else -}}
{{- $name := include "connector.name" . -}}
{{- ternary .Release.Name (printf "%s-%s" .Release.Name $name) (contains .Release.Name $name) | trunc 50 | trimSuffix "-" }}
{{- end -}}
{{- end }}

{{- define "connector.selector" -}}
app.kubernetes.io/name: {{ include "connector.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "connector.workerSelector" -}}
{{ include "connector.selector" . }}
app.kubernetes.io/component: worker
{{- end }}

{{- define "connector.labels" -}}
{{ include "connector.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{- end }}

{{- define "connector.image" -}}
{{- if .Values.image.digest -}}
{{ .Values.image.repository }}@{{ .Values.image.digest }}
{{- else -}}
{{ .Values.image.repository }}:{{ .Values.image.tag | default .Chart.AppVersion }}
{{- end -}}
{{- end }}

{{- define "connector.serviceAccount" -}}
{{- if .Values.serviceAccount.create -}}
{{ .Values.serviceAccount.name | default (include "connector.fullname" .) }}
{{- else -}}
{{ .Values.serviceAccount.name | default "default" }}
{{- end -}}
{{- end }}

{{- define "connector.destinationConfigMap" -}}
{{ .Values.destination.existingConfigMap | default (printf "%s-destination" (include "connector.fullname" .)) }}
{{- end }}

{{- define "connector.destinationId" -}}
{{- if .Values.destination.id -}}
{{ .Values.destination.id }}
{{- else -}}
{{ get (.Values.destination.file | fromYaml) "id" }}
{{- end -}}
{{- end }}

{{/* A setting as the worker has it: its name, its default. */}}
{{- define "connector.setting" -}}
{{- $root := index . 0 -}}
{{- get $root.Values.settings (index . 1) | default (index . 2) -}}
{{- end }}

{{- define "connector.partitioning" -}}
{{ include "connector.setting" (list . "CONNECTOR_PARTITIONING" "repartition") | lower }}
{{- end }}

{{/* The topic whose partitions bound the number of workers, by its role; and what reads it. */}}
{{- define "connector.boundingRole" -}}
{{- or (eq .Values.role "ingest") (eq (include "connector.partitioning" .) "source") | ternary "source" "by-user" -}}
{{- end }}

{{- define "connector.boundingTopic" -}}
{{- if eq (include "connector.boundingRole" .) "source" -}}
{{ include "connector.setting" (list . "CONNECTOR_SOURCE_TOPIC" "segment.events") }}
{{- else -}}
{{ include "connector.setting" (list . "CONNECTOR_BY_USER_TOPIC" "segment.events.by-user") }}
{{- end -}}
{{- end }}

{{- define "connector.group" -}}
{{- $first := include "connector.setting" (list . "CONNECTOR_GROUP_ID" "encharge-connector") -}}
{{- if eq .Values.role "ingest" -}}
{{ $first }}.ingest
{{- else -}}
{{ $first }}.deliver.{{ include "connector.destinationId" . }}
{{- end -}}
{{- end }}

{{- define "connector.usesTls" -}}
{{- if hasSuffix "SSL" .Values.kafka.securityProtocol }}true{{ end -}}
{{- end }}

{{- define "connector.usesSasl" -}}
{{- if hasPrefix "SASL" .Values.kafka.securityProtocol }}true{{ end -}}
{{- end }}

{{- define "connector.usesTokens" -}}
{{- if and (include "connector.usesSasl" .) (eq .Values.kafka.sasl.mechanism "OAUTHBEARER") }}true{{ end -}}
{{- end }}

{{/* The ports of all brokers, for the NetworkPolicy. */}}
{{- define "connector.kafkaPorts" -}}
{{- if .Values.networkPolicy.kafka.ports -}}
{{ .Values.networkPolicy.kafka.ports | uniq | toJson }}
{{- else -}}
{{- $ports := list -}}
{{- range splitList "," .Values.kafka.bootstrapServers -}}
{{- $ports = append $ports (splitList ":" (trim .) | last | int) -}}
{{- end -}}
{{ $ports | uniq | toJson }}
{{- end -}}
{{- end }}

{{/* Whether a pod needs mappings and keys: not the job of the topics (`topics` in the context), nor the ingest stage. */}}
{{- define "connector.delivers" -}}
{{- if not (or .topics (eq .Values.role "ingest")) }}true{{ end -}}
{{- end }}

{{/* The names in `secrets` that a pod gets: no more than it needs. */}}
{{- define "connector.mountedSecrets" -}}
{{- $names := list -}}
{{- range $name, $reference := .Values.secrets -}}
{{- $wanted := or (hasPrefix "kafka" $name) (include "connector.delivers" $) (and (not $.topics) (eq $name "consoleToken")) -}}
{{- if and $reference.name $wanted }}{{ $names = append $names $name }}{{ end -}}
{{- end -}}
{{ toJson $names }}
{{- end }}

{{- define "connector.env" -}}
{{- $kafka := .Values.kafka -}}
{{- $tls := $kafka.tls -}}
{{- $env := dict
  "CONNECTOR_KAFKA_BOOTSTRAP_SERVERS" $kafka.bootstrapServers
  "CONNECTOR_KAFKA_SECURITY_PROTOCOL" $kafka.securityProtocol
  "CONNECTOR_WEB_HOST" .Values.web.host
  "CONNECTOR_WEB_PORT" (.Values.web.port | int | toString)
  "CONNECTOR_DRAIN_TIMEOUT" (printf "%ds" (int .Values.drainTimeoutSeconds))
  "CONNECTOR_LOG_FORMAT" "json" -}}
{{- if include "connector.delivers" . -}}
{{- $_ := set $env "CONNECTOR_DESTINATION_FILE" "/etc/connector/destination/destination.yaml" -}}
{{- end -}}
{{- if include "connector.mountedSecrets" . | fromJsonArray -}}
{{- $_ := set $env "CONNECTOR_SECRETS_DIRECTORY" "/etc/connector/secrets" -}}
{{- end -}}
{{- if include "connector.usesSasl" . -}}
{{- $_ := set $env "CONNECTOR_KAFKA_SASL_MECHANISM" $kafka.sasl.mechanism -}}
{{- if include "connector.usesTokens" . -}}
{{- range $name, $value := dict "TOKEN_URL" $kafka.oauth.tokenUrl "CLIENT_ID" $kafka.oauth.clientId "SCOPE" $kafka.oauth.scope "EXTENSIONS" $kafka.oauth.extensions "TOKEN_PROVIDER" $kafka.oauth.tokenProvider -}}
{{- if $value }}{{ $_ := set $env (printf "CONNECTOR_KAFKA_OAUTH_%s" $name) $value }}{{ end -}}
{{- end -}}
{{- else -}}
{{- $_ := set $env "CONNECTOR_KAFKA_SASL_USERNAME" $kafka.sasl.username -}}
{{- end -}}
{{- end -}}
{{- if include "connector.usesTls" . -}}
{{- if or $tls.ca.secret $tls.ca.configMap }}{{ $_ := set $env "CONNECTOR_KAFKA_SSL_CA_FILE" "/etc/connector/tls/ca.crt" }}{{ end -}}
{{- if $tls.client.secret -}}
{{- $_ := set $env "CONNECTOR_KAFKA_SSL_CERT_FILE" "/etc/connector/tls/tls.crt" -}}
{{- $_ := set $env "CONNECTOR_KAFKA_SSL_KEY_FILE" "/etc/connector/tls/tls.key" -}}
{{- end -}}
{{- end -}}
{{- range $name, $value := merge (deepCopy .Values.settings) $env }}
- name: {{ $name }}
  value: {{ $value | quote }}
{{- end }}
{{- with .Values.extraEnv }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{- define "connector.hasTlsFiles" -}}
{{- $tls := .Values.kafka.tls -}}
{{- if and (include "connector.usesTls" .) (or $tls.ca.secret $tls.ca.configMap $tls.client.secret) }}true{{ end -}}
{{- end }}

{{/* Volumes are mounted as directories, never with subPath: only so do changes arrive in a running pod. */}}
{{- define "connector.volumes" -}}
{{- $tls := .Values.kafka.tls -}}
{{- if include "connector.delivers" . }}
- name: destination
  configMap:
    name: {{ include "connector.destinationConfigMap" . }}
{{- end }}
{{- with include "connector.mountedSecrets" . | fromJsonArray }}
- name: secrets
  projected:
    defaultMode: 288         # 0440: the group is ours, by fsGroup
    sources:
    {{- range . }}
    {{- $reference := get $.Values.secrets . }}
    - secret:
        name: {{ $reference.name }}
        items:
        - {key: {{ $reference.key | quote }}, path: {{ kebabcase . }}}
    {{- end }}
{{- end }}
{{- if include "connector.hasTlsFiles" . }}
- name: tls
  projected:
    defaultMode: 288         # 0440
    sources:
    {{- if $tls.ca.secret }}
    - secret:
        name: {{ $tls.ca.secret }}
        items:
        - {key: {{ $tls.ca.key | quote }}, path: ca.crt}
    {{- else if $tls.ca.configMap }}
    - configMap:
        name: {{ $tls.ca.configMap }}
        items:
        - {key: {{ $tls.ca.key | quote }}, path: ca.crt}
    {{- end }}
    {{- if $tls.client.secret }}
    - secret:
        name: {{ $tls.client.secret }}
        items:
        - {key: {{ $tls.client.certKey | quote }}, path: tls.crt}
        - {key: {{ $tls.client.keyKey | quote }}, path: tls.key}
    {{- end }}
{{- end }}
{{- with .Values.extraVolumes }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{- define "connector.volumeMounts" -}}
{{- if include "connector.delivers" . }}
- {name: destination, mountPath: /etc/connector/destination, readOnly: true}
{{- end }}
{{- if include "connector.mountedSecrets" . | fromJsonArray }}
- {name: secrets, mountPath: /etc/connector/secrets, readOnly: true}
{{- end }}
{{- if include "connector.hasTlsFiles" . }}
- {name: tls, mountPath: /etc/connector/tls, readOnly: true}
{{- end }}
{{- with .Values.extraVolumeMounts }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{- define "connector.podSecurity" -}}
runAsNonRoot: true
runAsUser: {{ int .Values.user }}
runAsGroup: {{ int .Values.user }}
fsGroup: {{ int .Values.user }}
seccompProfile: {type: RuntimeDefault}
{{- end }}

{{- define "connector.containerSecurity" -}}
allowPrivilegeEscalation: false
capabilities: {drop: [ALL]}
readOnlyRootFilesystem: true
{{- end }}

{{/* What every pod of ours has before its containers. */}}
{{- define "connector.podSpec" -}}
automountServiceAccountToken: false
enableServiceLinks: false
{{- with .Values.imagePullSecrets }}
imagePullSecrets:
{{ toYaml . }}
{{- end }}
{{- with .Values.nodeSelector }}
nodeSelector:
{{ toYaml . | indent 2 }}
{{- end }}
{{- with .Values.tolerations }}
tolerations:
{{ toYaml . }}
{{- end }}
{{- with .Values.priorityClassName }}
priorityClassName: {{ . }}
{{- end }}
{{- with .Values.runtimeClassName }}
runtimeClassName: {{ . }}
{{- end }}
securityContext:
{{ include "connector.podSecurity" . | indent 2 }}
{{- end }}

{{/* What a schema cannot say: values that contradict each other. */}}
{{- define "connector.check" -}}
{{- $values := .Values -}}
{{- $least := add $values.preStopSeconds $values.drainTimeoutSeconds 15 -}}
{{- if lt (int $values.terminationGracePeriodSeconds) (int $least) -}}
{{- fail (printf "terminationGracePeriodSeconds is %d; at least %d: preStopSeconds, drainTimeoutSeconds, and 15 for the last commits" (int $values.terminationGracePeriodSeconds) (int $least)) -}}
{{- end -}}
{{- $most := $values.keda.enabled | ternary $values.keda.maxReplicas $values.replicaCount -}}
{{- if gt (int $most) (int $values.partitions) -}}
{{- fail (printf "%s is %d, but partitions is %d; a worker more than partitions has nothing to do" ($values.keda.enabled | ternary "keda.maxReplicas" "replicaCount") (int $most) (int $values.partitions)) -}}
{{- end -}}
{{- if and (eq $values.strategy.type "RollingUpdate") (eq 0 (int $values.strategy.maxSurge)) (eq 0 (int $values.strategy.maxUnavailable)) (not (contains "%" (print $values.strategy.maxSurge $values.strategy.maxUnavailable))) -}}
{{- fail "strategy.maxSurge and strategy.maxUnavailable are both 0; no worker could be replaced" -}}
{{- end -}}
{{- if and $values.keda.enabled (gt (int $values.keda.minReplicas) (int $values.keda.maxReplicas)) -}}
{{- fail "keda.minReplicas is above keda.maxReplicas" -}}
{{- end -}}
{{- if ne $values.role "ingest" -}}
{{- if not (or $values.destination.file $values.destination.existingConfigMap) -}}
{{- fail "destination.file is empty; give it with --set-file destination.file=destination.yaml" -}}
{{- end -}}
{{- if not $values.secrets.enchargeApiKey.name -}}
{{- fail "secrets.enchargeApiKey.name is empty; name the Secret that holds the key of the Encharge account" -}}
{{- end -}}
{{- end -}}
{{- if and $values.destination.file $values.destination.existingConfigMap -}}
{{- fail "destination.file and destination.existingConfigMap are both given; keep one of them" -}}
{{- end -}}
{{- if $values.destination.file -}}
{{- $parsed := $values.destination.file | fromYaml -}}
{{- if or (hasKey $parsed "Error") (not (get $parsed "id")) -}}
{{- fail "destination.file is no destination file: it has no id; `encharge-connector lint` says more" -}}
{{- end -}}
{{- if and $values.destination.id (ne $values.destination.id (get $parsed "id")) -}}
{{- fail (printf "destination.id is %s, but destination.file has the id %s" $values.destination.id (get $parsed "id")) -}}
{{- end -}}
{{- end -}}
{{- if and $values.keda.enabled (ne $values.role "ingest") (not (include "connector.destinationId" .)) -}}
{{- fail "keda.enabled needs destination.id, which names the consumer group" -}}
{{- end -}}
{{- if and (include "connector.usesTokens" .) $values.kafka.oauth.tokenProvider $values.keda.enabled (not $values.keda.triggerAuthentication) -}}
{{- fail "KEDA cannot call kafka.oauth.tokenProvider; name a TriggerAuthentication of yours by keda.triggerAuthentication" -}}
{{- end -}}
{{- if and (include "connector.usesSasl" .) (not (include "connector.usesTokens" .)) -}}
{{- if not (and $values.kafka.sasl.username $values.secrets.kafkaSaslPassword.name) -}}
{{- fail (printf "kafka.securityProtocol %s needs kafka.sasl.username and secrets.kafkaSaslPassword.name" $values.kafka.securityProtocol) -}}
{{- end -}}
{{- else if $values.secrets.kafkaSaslPassword.name -}}
{{- fail "secrets.kafkaSaslPassword is given, but kafka.securityProtocol and kafka.sasl.mechanism log in without a password" -}}
{{- end -}}
{{- if and (include "connector.usesTokens" .) (not $values.kafka.oauth.tokenProvider) -}}
{{- if not (and $values.kafka.oauth.tokenUrl $values.kafka.oauth.clientId $values.secrets.kafkaOauthClientSecret.name) -}}
{{- fail "OAUTHBEARER needs kafka.oauth.tokenUrl, kafka.oauth.clientId and secrets.kafkaOauthClientSecret.name, or kafka.oauth.tokenProvider" -}}
{{- end -}}
{{- else if $values.secrets.kafkaOauthClientSecret.name -}}
{{- fail "secrets.kafkaOauthClientSecret is given, but no token is asked for with it" -}}
{{- end -}}
{{- if and (not (include "connector.usesTls" .)) (or $values.kafka.tls.ca.secret $values.kafka.tls.ca.configMap $values.kafka.tls.client.secret) -}}
{{- fail (printf "kafka.tls is given, but kafka.securityProtocol %s uses no TLS" $values.kafka.securityProtocol) -}}
{{- end -}}
{{- end }}
