{{/*
Names of Services and labels have 63 characters at most, and begin with the release's: helm install would fail half-way.
*/}}
{{- define "wherry.checkRelease" -}}
{{- if not (regexMatch "^[a-z]([-a-z0-9]{0,38}[a-z0-9])?$" .Release.Name) -}}
{{- fail (printf "The release cannot be called %s: choose a name of at most 40 of a-z, 0-9 and -, with a letter first, because all objects are named after it." .Release.Name) -}}
{{- end -}}
{{- end -}}

{{/* Labels of everything of a component: (list . "api"). */}}
{{- define "wherry.labels" -}}
{{- $root := index . 0 -}}
{{- include "wherry.checkRelease" $root -}}
app.kubernetes.io/name: wherry
app.kubernetes.io/instance: {{ $root.Release.Name }}
app.kubernetes.io/component: {{ index . 1 }}
app.kubernetes.io/version: {{ $root.Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ $root.Release.Service }}
helm.sh/chart: {{ $root.Chart.Name }}-{{ $root.Chart.Version }}
{{- end -}}

{{- define "wherry.selector" -}}
app.kubernetes.io/instance: {{ (index . 0).Release.Name }}
app.kubernetes.io/component: {{ index . 1 }}
{{- end -}}

{{- define "wherry.name" -}}
{{ (index . 0).Release.Name }}-{{ index . 1 }}
{{- end -}}

{{/* The image of a process, by digest. */}}
{{- define "wherry.image" -}}
{{- $image := (index . 0).Values.image -}}
{{- $digest := required (printf "image.digests.%s is needed; npm run images writes it." (index . 1)) (get $image.digests (index . 1)) -}}
{{ $image.repository }}/{{ index . 1 }}@{{ $digest }}
{{- end -}}

{{/* Host and port of the registry, and the path in one of the operator's own, as they begin the names of images. */}}
{{- define "wherry.registryHost" -}}
{{- $external := .Values.registry.external -}}
{{- if $external.host -}}
{{ trimSuffix "/" (printf "%s/%s" $external.host $external.path) }}
{{- else -}}
{{ .Values.registry.host | default (printf "%s:5000" .Values.registry.clusterIP) }}
{{- end -}}
{{- end -}}

{{/* Of a pod: nobody in particular, without a token of the cluster. */}}
{{- define "wherry.pod" -}}
automountServiceAccountToken: false
enableServiceLinks: false
{{- with (index . 0).Values.image.pullSecrets }}
imagePullSecrets: {{ toJson . }}
{{- end }}
{{- with (index . 0).Values.priorityClass }}
priorityClassName: {{ . }}
{{- end }}
securityContext:
  runAsNonRoot: true
  runAsUser: 10001
  runAsGroup: 10001
  fsGroup: 10001
  fsGroupChangePolicy: OnRootMismatch
  seccompProfile: { type: RuntimeDefault }
{{- end -}}

{{/* Pods of a component on different nodes, where there are several. */}}
{{- define "wherry.spread" -}}
topologySpreadConstraints:
  - maxSkew: 1
    topologyKey: kubernetes.io/hostname
    whenUnsatisfiable: ScheduleAnyway
    labelSelector: { matchLabels: {{ include "wherry.selector" . | fromYaml | toJson }} }
{{- end -}}

{{/* Of a container. */}}
{{- define "wherry.container" -}}
image: {{ include "wherry.image" . }}
imagePullPolicy: {{ (index . 0).Values.image.pullPolicy }}
securityContext:
  allowPrivilegeEscalation: false
  readOnlyRootFilesystem: true
  capabilities: { drop: [ALL] }
{{- end -}}

{{/* The port of health and metrics, and the probes that ask there. */}}
{{- define "wherry.probes" -}}
startupProbe:
  httpGet: { path: /healthz, port: health }
  periodSeconds: 1
  failureThreshold: 60
readinessProbe:
  httpGet: { path: /readyz, port: health }
  periodSeconds: 3
  timeoutSeconds: 2
livenessProbe:
  httpGet: { path: /healthz, port: health }
  periodSeconds: 10
  timeoutSeconds: 5
  failureThreshold: 6
{{- end -}}

{{/* Annotations of pods: for Prometheus without an operator, and a hash of the secrets that are read at start only. */}}
{{- define "wherry.podAnnotations" -}}
prometheus.io/scrape: "true"
prometheus.io/port: "9090"
prometheus.io/path: /metrics
{{- end -}}

{{/* A connection string: (list . "api"). */}}
{{- define "wherry.databaseUrl" -}}
{{- $database := (index . 0).Values.database -}}
postgresql://wherry_{{ index . 1 }}:{{ include "wherry.password" . }}@{{ $database.host }}:{{ $database.port }}/{{ $database.name }}{{ with $database.parameters }}?{{ . }}{{ end }}
{{- end -}}

{{/*
A value of a Secret that is made once: (list . "secret name" "key" "a fresh value"). What is in the cluster wins; without
it, the same fresh value is given to all who ask during one rendering.
*/}}
{{- define "wherry.once" -}}
{{- $root := index . 0 -}}
{{- $made := get $root.Values "generated" | default dict -}}
{{- $id := printf "%s/%s" (index . 1) (index . 2) -}}
{{- if not (hasKey $made $id) -}}
{{- $found := dig "data" (index . 2) "" (lookup "v1" "Secret" $root.Release.Namespace (index . 1) | default dict) -}}
{{- $_ := set $made $id (empty $found | ternary (index . 3) (b64dec $found)) -}}
{{- $_ := set $root.Values "generated" $made -}}
{{- end -}}
{{- get $made $id -}}
{{- end -}}

{{/* The password of a process's role. */}}
{{- define "wherry.password" -}}
{{- include "wherry.once" (list (index . 0) (include "wherry.name" (list (index . 0) (printf "database-%s" (index . 1)))) "password" (randAlphaNum 40)) -}}
{{- end -}}

{{/* Keeps a Secret at uninstall: repositories and databases are worth nothing without their keys. */}}
{{- define "wherry.keep" -}}
{{- if .Values.keepDataOnUninstall }}
annotations:
  helm.sh/resource-policy: keep
{{- end }}
{{- end -}}

{{- define "wherry.storage" -}}
accessModes: [ReadWriteOnce]
{{- with (index . 0).Values.persistence.storageClass }}
storageClassName: {{ . }}
{{- end }}
resources: { requests: { storage: {{ index . 1 }} } }
{{- end -}}

{{- define "wherry.retention" -}}
persistentVolumeClaimRetentionPolicy:
  whenScaled: Retain
  whenDeleted: {{ .Values.keepDataOnUninstall | ternary "Retain" "Delete" }}
{{- end -}}

{{/* What worker and controller know of the registry, and what they show it: (list . "worker" "PUSH"). */}}
{{- define "wherry.registryEnv" -}}
{{- $root := index . 0 -}}
{{- $registry := $root.Values.registry -}}
- { name: WHERRY_REGISTRY, value: {{ include "wherry.registryHost" $root | quote }} }
- { name: WHERRY_REGISTRY_SERVICE, value: wherry-registry }
{{- if $registry.external.host }}
- { name: WHERRY_REGISTRY_PLAIN_HTTP, value: {{ $registry.external.plainHttp | quote }} }
- { name: WHERRY_REGISTRY_{{ index . 2 }}_SECRET_FILE, value: /etc/wherry/registry/.dockerconfigjson }
{{- else }}
- { name: WHERRY_REGISTRY_PLAIN_HTTP, value: {{ $registry.tlsSecret | empty | quote }} }
- { name: WHERRY_REGISTRY_KEY_FILE, value: /etc/wherry/registry/key.pem }
{{- end }}
{{- end -}}

{{/* The Secret behind that: (list . "worker" "PUSH"). */}}
{{- define "wherry.registrySecret" -}}
{{- $external := (index . 0).Values.registry.external -}}
{{- if $external.host -}}
{{ get $external (printf "%sSecret" (index . 2 | lower)) }}
{{- else -}}
{{ (index . 0).Release.Name }}-registry-{{ index . 1 }}
{{- end -}}
{{- end -}}

{{/* A peer of a NetworkPolicy: tenants' namespaces by their purpose, a component, or what the operator wrote. */}}
{{- define "wherry.peer" -}}
{{- $peer := index . 1 -}}
{{- if not (kindIs "string" $peer) -}}
{{- toJson $peer -}}
{{- else if has $peer (list "functions" "builds") -}}
{{- $labels := dict "wherry.dev/installation" (index . 0).Values.namespacePrefix "wherry.dev/purpose" $peer -}}
{{- dict "namespaceSelector" (dict "matchLabels" $labels) | toJson -}}
{{- else -}}
{{- dict "podSelector" (dict "matchLabels" (include "wherry.selector" . | fromYaml)) | toJson -}}
{{- end -}}
{{- end -}}
