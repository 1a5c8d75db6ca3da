"""nginx, haproxy, apache2 and caddy, as shipped, broken and cured."""

from __future__ import annotations

import pytest
from programs import PACES, examined, free_port

NGINX = """\
worker_processes 1;
daemon off;
pid {folder}/pid;
error_log {folder}/error.log;
events {}
http {
  access_log off;
  client_body_temp_path {folder}/body;
  proxy_temp_path {folder}/proxy;
  fastcgi_temp_path {folder}/fastcgi;
  uwsgi_temp_path {folder}/uwsgi;
  scgi_temp_path {folder}/scgi;
  server {
    listen 127.0.0.1:PORT;
    location / { proxy_pass BACKEND; MORE }
  }
}
"""

HAPROXY = """\
defaults
  mode http
  timeout connect 5s
  timeout client 60s
  timeout server 60s
  MORE
frontend front
  bind 127.0.0.1:PORT
  FRONT
  default_backend back
backend back
  server one BACKEND
"""

APACHE = """\
ServerName localhost
ServerRoot /etc/apache2
PidFile {folder}/pid
ErrorLog {folder}/error.log
Listen 127.0.0.1:PORT
LoadModule mpm_event_module /usr/lib/apache2/modules/mod_mpm_event.so
LoadModule authz_core_module /usr/lib/apache2/modules/mod_authz_core.so
LoadModule proxy_module /usr/lib/apache2/modules/mod_proxy.so
LoadModule proxy_http_module /usr/lib/apache2/modules/mod_proxy_http.so
LoadModule filter_module /usr/lib/apache2/modules/mod_filter.so
LoadModule deflate_module /usr/lib/apache2/modules/mod_deflate.so
MORE
ProxyPass / BACKEND/
"""

CADDY = """\
{
  admin off
  auto_https off
}
http://127.0.0.1:PORT {
  MORE
  reverse_proxy HOST
}
"""


def nginx(run, backend, more: str = "") -> str:
    port = free_port()
    text = NGINX.replace("PORT", str(port)).replace("BACKEND", backend.url).replace("MORE", more)
    return run(["nginx", "-c", "{folder}/nginx.conf", "-e", "stderr"], port, {"nginx.conf": text})


def haproxy(run, backend, more: str = "", front: str = "") -> str:
    port = free_port()
    text = HAPROXY.replace("PORT", str(port)).replace("MORE", more).replace("FRONT", front)
    text = text.replace("BACKEND", f"127.0.0.1:{backend.port}")
    return run(["haproxy", "-f", "{folder}/haproxy.cfg"], port, {"haproxy.cfg": text})


def apache(run, backend, more: str = "") -> str:
    port = free_port()
    text = APACHE.replace("PORT", str(port)).replace("BACKEND", backend.url).replace("MORE", more)
    return run(["apache2", "-X", "-f", "{folder}/apache.conf"], port, {"apache.conf": text})


def caddy(run, backend, more: str = "") -> str:
    port = free_port()
    text = CADDY.replace("PORT", str(port)).replace("MORE", more)
    text = text.replace("HOST", f"127.0.0.1:{backend.port}")
    return run(
        ["caddy", "run", "--config", "{folder}/Caddyfile", "--adapter", "caddyfile"],
        port,
        {"Caddyfile": text},
        {"HOME": "/tmp"},
    )


@pytest.mark.parametrize("pace", PACES)
def test_direct(backend, pace: str) -> None:
    """A healthy backend gets no warning."""
    backend.at_pace(pace)
    examined(backend.url)


@pytest.mark.parametrize("pace", PACES)
def test_nginx(run, backend, pace: str) -> None:
    """nginx as shipped buffers."""
    backend.at_pace(pace)
    many = pace.startswith("1,000")
    code, verdict = ("held-by-size", "late") if many else ("proxy-buffering", "burst")
    report = examined(nginx(run, backend), verdict, f"{code}: nginx")
    assert "proxy_buffering off;" in report.findings[0].remedy


@pytest.mark.parametrize("pace", PACES)
@pytest.mark.parametrize("more", ["proxy_buffering off;", "proxy_http_version 1.1;"])
def test_nginx_cured(run, backend, pace: str, more: str) -> None:
    """Each remedy makes it stream."""
    backend.at_pace(pace)
    examined(nginx(run, backend, more))


def test_nginx_cured_by_the_backend(run, backend) -> None:
    """So does the backend's header."""
    backend.at_pace("12 x 200 ms", headers={"X-Accel-Buffering": "no"})
    examined(nginx(run, backend))


@pytest.mark.parametrize("pace", ["12 x 200 ms", "1,000 x 5 ms"])
def test_haproxy(run, backend, pace: str) -> None:
    """haproxy as shipped holds pieces back for 200 ms."""
    backend.at_pace(pace)
    report = examined(haproxy(run, backend), "late", "delayed-pairs")
    assert "option http-no-delay" in report.findings[0].remedy


@pytest.mark.parametrize("pace", PACES)
def test_haproxy_cured(run, backend, pace: str) -> None:
    """The option makes it stream."""
    backend.at_pace(pace)
    examined(haproxy(run, backend, "option http-no-delay"))


def test_haproxy_waits_for_the_body(run, backend) -> None:
    """With wait-for-body all comes at once, and haproxy and mitmproxy are named."""
    url = haproxy(
        run,
        backend,
        "option http-no-delay",
        "http-response wait-for-body time 10s",
    )
    report = examined(url, "burst", "proxy-buffering: None")
    assert "wait-for-body" in report.findings[0].remedy
    assert "mitmproxy" in report.findings[0].remedy


def test_haproxy_compression(run, backend) -> None:
    """Its compression is one event behind; chatsdk is not affected."""
    url = haproxy(
        run,
        backend,
        "option http-no-delay\n  compression algo gzip\n  compression type text/event-stream",
    )
    examined(url, "streams", "compression-one-behind")


@pytest.mark.parametrize("pace", PACES)
def test_apache(run, backend, pace: str) -> None:
    """Apache as shipped streams."""
    backend.at_pace(pace)
    examined(apache(run, backend))


@pytest.mark.parametrize("pace", PACES)
def test_caddy(run, backend, pace: str) -> None:
    """Caddy as shipped streams."""
    backend.at_pace(pace)
    examined(caddy(run, backend))


@pytest.mark.parametrize("pace", ["3 x 200 ms", "12 x 200 ms"])
def test_caddy_encode(run, backend, pace: str) -> None:
    """`encode` does not flush; the remedy leaves the stream out."""
    backend.at_pace(pace)
    url = caddy(run, backend, "encode gzip {\n minimum_length 1\n }")
    examined(url, "streams", "compression-not-flushed: caddy-encode")
    cured = "@rest not path /\n  encode @rest gzip"
    examined(caddy(run, backend, cured))
