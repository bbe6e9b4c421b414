"""Settings → sinks."""

import ssl
from collections.abc import Sequence

from pydantic import SecretStr

from authz.export import settings as s
from authz.export.datadog import DatadogLogs
from authz.export.file import File
from authz.export.hec import Hec
from authz.export.otlp import OtlpGrpc
from authz.export.otlp_http import OtlpHttp, datadog_headers, langfuse_headers
from authz.export.sentinel import Sentinel
from authz.export.sink import Sink
from authz.export.syslog import Syslog
from authz.export.webhook import Webhook


class ExportError(Exception):
    """The operator's settings of the exporter can't be used. One line."""


def build_sinks(settings: s.ExportSettings) -> list[Sink]:
    """All sinks.

    Raises:
        ExportError: two share a name, or a file that one names can't be read.
    """
    sinks = [_sink(one) for one in settings.sinks]
    check_names(sinks)
    return sinks


def check_names(sinks: Sequence[Sink]) -> None:
    """Places are kept by name.

    Raises:
        ExportError: two sinks share one.
    """
    names = [sink.name for sink in sinks]
    twice = {name for name in names if names.count(name) > 1}
    if twice:
        raise ExportError(f"two sinks are named `{min(twice)}`: give each a `name` of its own")


def _sink(one: s.AnySink) -> Sink:  # noqa: PLR0911 - one line for each kind
    name = one.name or one.type
    match one:
        case s.Otlp():
            return OtlpGrpc(one.endpoint, name=name, headers=one.headers, timeout=one.timeout)
        case s.OtlpOverHttp():
            return OtlpHttp(one.url, name=name, headers=one.headers, timeout=one.timeout)
        case s.LangfuseSink():
            headers = langfuse_headers(one.public_key, _secret(one.secret_key))
            return OtlpHttp(one.url, name=name, headers=headers, langfuse=True, timeout=one.timeout)
        case s.DatadogTraces():
            headers = datadog_headers(_secret(one.api_key))
            return OtlpHttp(one.url, name=name, headers=headers, timeout=one.timeout)
        case s.SyslogSink():
            return _syslog(one, name)
        case s.FileSink():
            return File(one.path, name=name, form=one.format)
        case _:
            return _siem(one, name)


def _siem(
    one: s.DatadogSink | s.SplunkSink | s.CrowdStrikeSink | s.SentinelSink | s.WebhookSink, name: str
) -> Sink:
    match one:
        case s.DatadogSink():
            return DatadogLogs(
                _secret(one.api_key),
                site=one.site,
                url=one.url,
                name=name,
                service=one.service,
                tags=one.tags,
                timeout=one.timeout,
            )
        case s.SplunkSink():
            return Hec(
                one.url,
                _secret(one.token),
                name=name,
                index=one.index,
                sourcetype=one.sourcetype,
                form=one.format,
                timeout=one.timeout,
            )
        case s.CrowdStrikeSink():
            return Hec(
                one.url,
                _secret(one.token),
                name=name,
                scheme="Bearer",
                form=one.format,
                timeout=one.timeout,
            )
        case s.SentinelSink():
            return Sentinel(
                one.endpoint,
                one.rule,
                tenant=one.tenant,
                client=one.client,
                secret=_secret(one.secret),
                stream=one.stream,
                name=name,
                login=one.login,
                timeout=one.timeout,
            )
        case s.WebhookSink():
            secret = _secret(one.secret) if one.secret is not None else None
            return Webhook(
                one.url,
                name=name,
                headers=one.headers,
                secret=secret,
                form=one.format,
                timeout=one.timeout,
            )


def _syslog(one: s.SyslogSink, name: str) -> Sink:
    context = None
    if one.tls:
        try:
            context = ssl.create_default_context(cafile=one.ca)
        except OSError as error:
            raise ExportError(f"{one.ca}: {(error.strerror or 'no certificates').lower()}") from None
    return Syslog(one.host, one.port, name=name, tls=context, form=one.format, timeout=one.timeout)


def _secret(given: s.SecretText) -> str:
    if isinstance(given, SecretStr):
        return given.get_secret_value()
    try:
        return given.file.read_text().strip()
    except (OSError, UnicodeDecodeError) as error:
        raise ExportError(f"{given.file}: {getattr(error, 'strerror', None) or 'no text'}") from None
