{{- define "dalil.name" -}}
{{- if contains "dalil" .Release.Name }}{{ .Release.Name | trunc 63 | trimSuffix "-" }}{{ else }}{{ printf "%s-dalil" .Release.Name | trunc 63 | trimSuffix "-" }}{{ end }}
{{- end }}

{{- define "dalil.selector" -}}
app.kubernetes.io/name: dalil
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "dalil.labels" -}}
{{ include "dalil.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ .Chart.Name }}-{{ .Chart.Version }}
{{- end }}

{{- define "dalil.qdrantName" -}}
{{- if contains "qdrant" .Release.Name }}{{ .Release.Name }}{{ else }}{{ .Release.Name }}-qdrant{{ end }}
{{- end }}

{{- define "dalil.qdrantUrl" -}}
{{- if .Values.qdrantUrl }}{{ .Values.qdrantUrl }}{{ else if .Values.qdrant.enabled }}http://{{ include "dalil.qdrantName" . }}:6333{{ end }}
{{- end }}

{{- define "dalil.secretName" -}}
{{- if .Values.secret.name }}{{ .Values.secret.name }}{{ else if .Values.secret.values }}{{ include "dalil.name" . }}{{ end }}
{{- end }}

{{- define "dalil.isSingle" -}}
{{- if not (include "dalil.qdrantUrl" .) }}yes{{ end }}
{{- end }}

{{- define "dalil.check" -}}
{{- $several := or .Values.autoscaling.enabled (gt (int .Values.replicas) 1) }}
{{- if and $several (include "dalil.isSingle" .) }}
{{- fail "Several replicas need a Qdrant server: set qdrant.enabled=true or qdrantUrl. Without one the index is a folder that belongs to one process." }}
{{- end }}
{{- if and $several .Values.persistence.enabled (ne .Values.persistence.accessMode "ReadWriteMany") }}
{{- fail "Several replicas share the folder of originals: set persistence.accessMode=ReadWriteMany, or persistence.enabled=false to do without their pages." }}
{{- end }}
{{- if and (not (include "dalil.secretName" .)) (ne (toString .Values.settings.DALIL_OPEN_ACCESS) "true") }}
{{- fail "Nobody could come in: set secret.name or secret.values.DALIL_API_KEYS, or settings.DALIL_OPEN_ACCESS=true where nobody needs a key." }}
{{- end }}
{{- end }}

{{- define "dalil.hosts" -}}
{{- $name := include "dalil.name" . }}{{ $name }},{{ $name }}.{{ .Release.Namespace }},{{ $name }}.{{ .Release.Namespace }}.svc{{ if .Values.ingress.enabled }},{{ .Values.ingress.host }}{{ end }}
{{- end }}
