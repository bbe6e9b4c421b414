{{- define "personas.pod" -}}
metadata:
  labels: {{- include "personas.labels" . | nindent 4 }}
  annotations:
    personas/settings: {{ .Values.settings | toJson | sha256sum | trunc 16 | quote }}
    {{- with .Values.podAnnotations }}{{ toYaml . | nindent 4 }}{{ end }}
spec:
  serviceAccountName: {{ .Release.Name }}-personas
  automountServiceAccountToken: false
  terminationGracePeriodSeconds: {{ .Values.graceSeconds }}
  securityContext: {runAsNonRoot: true, runAsUser: 10001, runAsGroup: 10001, fsGroup: 10001, seccompProfile: {type: RuntimeDefault}}
  {{- with .Values.nodeSelector }}
  nodeSelector: {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with .Values.tolerations }}
  tolerations: {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- if ne .Values.mode "node" }}
  topologySpreadConstraints:
    - maxSkew: 1
      topologyKey: kubernetes.io/hostname
      whenUnsatisfiable: ScheduleAnyway
      labelSelector: {matchLabels: {{ include "personas.labels" . | fromYaml | toJson }}}
  {{- end }}
  containers:
    - name: authorizer
      image: {{ include "personas.image" . }}
      args: [serve, --defs, /etc/personas, --state, /var/lib/personas, --listen, {{ include "personas.listen" . | quote }}, --config, /etc/personas-settings/serve.yaml]
      {{- if and .Values.exporter.otlp (not .Values.exporter.separate) }}
      env: [{name: OTEL_EXPORTER_OTLP_ENDPOINT, value: {{ .Values.exporter.otlp | quote }}}]
      {{- end }}
      {{- if eq .Values.mode "service" }}
      ports: [{name: grpc-check, containerPort: 9191}, {name: grpc-stream, containerPort: 9192}{{ if and .Values.metrics.enabled (not .Values.exporter.separate) }}, {name: metrics, containerPort: {{ .Values.metrics.port }}}{{ end }}]
      {{- else if and .Values.metrics.enabled (not .Values.exporter.separate) }}
      ports: [{name: metrics, containerPort: {{ .Values.metrics.port }}}]
      {{- end }}
      {{- include "personas.probes" . | nindent 6 }}
      resources: {{- toYaml .Values.resources | nindent 8 }}
      securityContext: {{- include "personas.contained" . | nindent 8 }}
      volumeMounts:
        - {name: definitions, mountPath: /etc/personas, readOnly: true}
        - {name: settings, mountPath: /etc/personas-settings, readOnly: true}
        - {name: state, mountPath: /var/lib/personas}
        - {name: run, mountPath: /run/personas}
        {{- if .Values.tls.secret }}
        - {name: tls, mountPath: /etc/personas-tls, readOnly: true}
        {{- end }}
        {{- if .Values.sharedSecret }}
        - {name: shared, mountPath: /etc/personas-shared, readOnly: true}
        {{- end }}
    {{- if .Values.exporter.separate }}
    - name: exporter
      image: {{ include "personas.image" . }}
      args: [export, --state, /var/lib/personas{{ if .Values.metrics.enabled }}, --metrics, "0.0.0.0:{{ .Values.metrics.port }}"{{ end }}{{ if .Values.exporter.otlp }}, --otlp, {{ .Values.exporter.otlp | quote }}{{ end }}]
      {{- if .Values.metrics.enabled }}
      ports: [{name: metrics, containerPort: {{ .Values.metrics.port }}}]
      {{- end }}
      resources: {{- toYaml .Values.resources | nindent 8 }}
      securityContext: {{- include "personas.contained" . | nindent 8 }}
      volumeMounts: [{name: state, mountPath: /var/lib/personas}]
    {{- end }}
    {{- if .Values.control.enabled }}
    - name: control
      image: {{ include "personas.image" . }}
      args: [control, --state, /var/lib/personas, --config, /etc/personas-control/control.yaml, --listen, "127.0.0.1:9193"]
      resources: {{- toYaml .Values.resources | nindent 8 }}
      securityContext: {{- include "personas.contained" . | nindent 8 }}
      volumeMounts: [{name: state, mountPath: /var/lib/personas}, {name: control, mountPath: /etc/personas-control, readOnly: true}]
    {{- end }}
    {{- if eq .Values.mode "sidecar" }}
    - name: envoy
      image: {{ .Values.envoy.image }}
      args: [-c, /etc/envoy/envoy.yaml, --disable-hot-restart, -l, warning]
      ports: [{name: agents, containerPort: {{ .Values.envoy.port }}}]
      readinessProbe: {tcpSocket: {port: agents}, periodSeconds: 5}
      resources: {{- toYaml .Values.resources | nindent 8 }}
      securityContext: {{- include "personas.contained" . | nindent 8 }}
      volumeMounts: [{name: envoy, mountPath: /etc/envoy, readOnly: true}, {name: run, mountPath: /run/personas}]
    {{- end }}
  volumes:
    - {name: definitions, configMap: {name: {{ .Values.definitions.configMap }}}}
    {{- if .Values.settingsSecret }}
    - {name: settings, secret: {secretName: {{ .Values.settingsSecret }}, defaultMode: 0440}}
    {{- else }}
    - {name: settings, configMap: {name: {{ .Release.Name }}-personas}}
    {{- end }}
    {{- if eq .Values.mode "node" }}
    - {name: run, hostPath: {path: {{ .Values.node.socketFolder }}, type: DirectoryOrCreate}}
    - {name: state, hostPath: {path: /var/lib/personas, type: DirectoryOrCreate}}
    {{- else }}
    - {name: run, emptyDir: {medium: Memory, sizeLimit: 1Mi}}
    {{- end }}
    {{- if .Values.tls.secret }}
    - {name: tls, secret: {secretName: {{ .Values.tls.secret }}, defaultMode: 0440}}
    {{- end }}
    {{- if .Values.sharedSecret }}
    - {name: shared, secret: {secretName: {{ .Values.sharedSecret }}, defaultMode: 0440}}
    {{- end }}
    {{- if .Values.control.enabled }}
    - {name: control, secret: {secretName: {{ .Values.control.secret }}, defaultMode: 0440}}
    {{- end }}
    {{- if eq .Values.mode "sidecar" }}
    - {name: envoy, configMap: {name: {{ .Values.envoy.configMap }}}}
    {{- end }}
{{- end }}

{{- /* Over a socket or loopback the authorizer is asked (grpc.health.v1); with mTLS only its named clients may, so the port is. */ -}}
{{- define "personas.probes" -}}
{{- if and (eq .Values.mode "service") (not .Values.mesh) }}
readinessProbe: {tcpSocket: {port: grpc-check}, periodSeconds: 5, failureThreshold: 2}
livenessProbe: {tcpSocket: {port: grpc-check}, periodSeconds: 10, failureThreshold: 6}
startupProbe: {tcpSocket: {port: grpc-check}, periodSeconds: 2, failureThreshold: 60}
{{- else }}
{{- $target := ternary "127.0.0.1:9191" "unix:/run/personas/authz.sock" (eq .Values.mode "service") }}
{{- $ask := printf "import grpc, sys; from grpc_health.v1 import health_pb2 as h, health_pb2_grpc as s; sys.exit(s.HealthStub(grpc.insecure_channel('%s')).Check(h.HealthCheckRequest(), timeout=4).status != 1)" $target }}
{{- $alive := $ask | replace "sys.exit(" "(" }}
readinessProbe: {exec: {command: [python, -c, {{ $ask | quote }}]}, periodSeconds: 10, timeoutSeconds: 5, failureThreshold: 2}
livenessProbe: {exec: {command: [python, -c, {{ $alive | quote }}]}, periodSeconds: 20, timeoutSeconds: 5, failureThreshold: 6}
startupProbe: {exec: {command: [python, -c, {{ $ask | quote }}]}, periodSeconds: 5, timeoutSeconds: 5, failureThreshold: 24}
{{- end }}
{{- end }}
