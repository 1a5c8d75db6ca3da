"""Recognises the program that delays a stream, by its header fields, with the remedy."""

from __future__ import annotations

from typing import NamedTuple
from urllib.parse import urlsplit

from chatsdk.doctor.findings import Who
from chatsdk.doctor.probe import Probe

__all__ = ["Culprit", "compressor", "gateway", "has_haproxy_style", "path_of"]

# Names of application servers in the header field Server.
APPLICATION_SERVERS = (
    *("gunicorn", "uvicorn", "werkzeug", "waitress", "wsgiserver", "hypercorn", "daphne"),
    *("cheroot", "tornado", "granian", "uwsgi"),
)

# Flag of a gzip header with a file name (RFC 1952, section 2.3.1).
FILE_NAME = 8


class Culprit(NamedTuple):
    """A program, and the remedy for it."""

    name: str | None
    remedy: str
    who: Who = "proxy"
    more: str = ""


def compressor(probe: Probe, url: str) -> Culprit:
    """Return the program that compresses without flushing."""
    fields = probe.wire.fields
    if fields.get("x-powered-by", "").lower() == "express":
        if "x-real-url" in fields:
            return Culprit("umi", "Start it with UMI_DEV_SERVER_COMPRESS=none")
        if fields.get("cross-origin-resource-policy", "").lower() == "same-origin":
            return Culprit(
                "webpack-dev-server", "In webpack.config.js: devServer: { compress: false }"
            )
        return Culprit(
            "express-compression",
            "Leave streams out: app.use(compression({ filter: (req, res) => "
            "!/event-stream/.test(res.getHeader('Content-Type')) && compression.filter(req, res) "
            "})), or call res.flush() after each res.write(). If it is webpack-dev-server before "
            "5.2.7: devServer: { compress: false }",
            more=" It may also be webpack-dev-server, which older versions do not show.",
        )
    via = f"{fields.get('server', '')} {fields.get('via', '')}".lower()
    if "caddy" in via:
        path = path_of(url)
        return Culprit(
            "caddy-encode",
            f"In the Caddyfile, leave the stream out: @rest not path {path}, and then "
            "encode @rest gzip",
        )
    if probe.wire.gzip_flags & FILE_NAME:
        return Culprit(
            "django-gzip",
            'In the view: response["Content-Encoding"] = "identity", which GZipMiddleware leaves '
            "alone; or take GZipMiddleware out of MIDDLEWARE",
            "backend",
        )
    return Culprit(
        None,
        "Take text/event-stream out of what is compressed, or let the compressor flush after each "
        "event (nginx: gzip_types without text/event-stream; Starlette: GZipMiddleware of a "
        "version that leaves text/event-stream out)",
    )


def gateway(probe: Probe, url: str) -> tuple[str, Culprit]:
    """Return the code and the culprit for a body that was held back to its end."""
    fields = probe.wire.fields
    server = fields.get("server", "").lower()
    if "nginx" in server or "openresty" in server or "tengine" in server:
        return "proxy-buffering", Culprit(
            "nginx",
            f"In the location of {path_of(url)}: proxy_buffering off; (with gunicorn and others "
            "behind uwsgi_pass: uwsgi_buffering off;). Or let the backend send the header "
            "X-Accel-Buffering: no. If the backend sends chunks, proxy_http_version 1.1; is "
            "enough",
        )
    if any(name in server for name in APPLICATION_SERVERS):
        name = "gunicorn" if "gunicorn" in server else None
        return "gateway-reads-whole-body", Culprit(
            name,
            "Pass the upstream body on as it comes: requests.post(..., stream=True), and return a "
            "generator (Flask: Response(generate()), Django: StreamingHttpResponse(generate())). "
            "With gunicorn add --worker-class gthread --threads 8, so that a stream does not "
            "occupy its worker",
            "backend",
        )
    style = " Its header names and chunk sizes are written as haproxy writes them."
    return "proxy-buffering", Culprit(
        None,
        "haproxy: remove `http-response wait-for-body`. mitmproxy: start it with --set "
        "stream_large_bodies=1. Any other proxy: turn response buffering off for this path",
        more=style if has_haproxy_style(probe) else "",
    )


def has_haproxy_style(probe: Probe) -> bool:
    """Whether all names are in lower case and chunk sizes in capitals, as haproxy writes them."""
    names = [name for name, _ in probe.wire.headers]
    digits = "".join(chunk.digits for chunk in probe.wire.chunks)
    small = bool(names) and all(name == name.lower() for name in names)
    letters = [digit for digit in digits if digit.isalpha()]
    return small and bool(letters) and all(letter.isupper() for letter in letters)


def path_of(url: str) -> str:
    """Return the path of a URL."""
    return urlsplit(url).path or "/"
