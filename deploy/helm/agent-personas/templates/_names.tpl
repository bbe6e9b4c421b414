{{- define "personas.labels" -}}
app.kubernetes.io/name: personas-authorizer
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "personas.image" -}}
{{ .Values.image.repository }}{{ if .Values.image.digest }}@{{ .Values.image.digest }}{{ else }}:{{ .Values.image.tag | default .Chart.AppVersion }}{{ end }}
{{- end }}

{{- define "personas.contained" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
runAsNonRoot: true
runAsUser: 10001
runAsGroup: 10001
capabilities: {drop: [ALL]}
seccompProfile: {type: RuntimeDefault}
{{- end }}

{{- define "personas.socket" -}}{{ ne .Values.mode "service" }}{{- end }}

{{- define "personas.host" -}}{{ if .Values.mesh }}127.0.0.1{{ else }}0.0.0.0{{ end }}{{- end }}

{{- define "personas.listen" -}}
{{ if eq .Values.mode "service" }}{{ include "personas.host" . }}:9191{{ else }}unix:/run/personas/authz.sock{{ end }}
{{- end }}

{{- define "personas.stream" -}}
{{ if eq .Values.mode "service" }}{{ include "personas.host" . }}:9192{{ else }}unix:/run/personas/access.sock{{ end }}
{{- end }}

{{- /* Nothing is rendered that would be open, or would not start. */ -}}
{{- define "personas.closed" -}}
{{- if not .Values.definitions.configMap }}{{ fail "definitions.configMap: name the ConfigMap with your definitions" }}{{ end }}
{{- if and (eq .Values.mode "service") (not .Values.mesh) (not (and .Values.tls.secret .Values.tls.clients)) }}
{{- fail "mode `service`: give `tls.secret` and `tls.clients`, or say `mesh: true` where a mesh does mTLS" }}{{ end }}
{{- if and (eq .Values.mode "sidecar") (not .Values.envoy.configMap) }}
{{- fail "envoy.configMap: name the ConfigMap with `envoy.yaml` (`personas envoy render`)" }}{{ end }}
{{- if and .Values.control.enabled (not .Values.control.secret) }}{{ fail "control.secret: name the Secret with `control.yaml`" }}{{ end }}
{{- if and .Values.autoscaling.enabled (eq .Values.mode "node") }}{{ fail "autoscaling: a DaemonSet has one pod for each node" }}{{ end }}
{{- if and .Values.metrics.serviceMonitor (not .Values.metrics.enabled) }}{{ fail "metrics.serviceMonitor needs metrics.enabled" }}{{ end }}
{{- end }}
