"""Serve an application of `sites` with waitress, on a socket that was given."""

from __future__ import annotations

import os
import socket
import sys

import sites
import waitress

listening = socket.socket(fileno=int(os.environ["LISTEN_FD"]))
waitress.serve(
    getattr(sites, sys.argv[1]), sockets=[listening], threads=16, channel_request_lookahead=1
)
