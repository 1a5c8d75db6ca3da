"""Answer POST /sse with ten events: python server.py [--port 8766] [--interval 1]"""

from __future__ import annotations

import argparse
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from chatsdk import sse


class Handler(BaseHTTPRequestHandler):
    # 1.1 has chunks, which mark the end of the body; in 1.0 a truncated stream looks complete.
    protocol_version = "HTTP/1.1"
    interval = 1.0

    def do_POST(self) -> None:
        if self.path != "/sse":
            self.send_error(404)
            return
        # Read the body, or the next request on this connection would begin in it.
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Transfer-Encoding", "chunked")
        # No proxy may cache, compress or buffer it.
        self.send_header("Cache-Control", "no-store, no-transform")
        self.send_header("X-Accel-Buffering", "no")
        self.send_header("Access-Control-Allow-Origin", "*")
        self.end_headers()
        for number in range(1, 11):
            if number > 1:
                time.sleep(self.interval)
            text = f"Hello, this is message number {number}"
            self._write_chunk(sse.encode(text, event="message", id=str(number)))
        self._write_chunk(b"")

    def do_OPTIONS(self) -> None:
        """Answer a browser's question before a page of another origin may POST JSON."""
        self.send_response(204)
        self.send_header("Access-Control-Allow-Origin", "*")
        self.send_header("Access-Control-Allow-Methods", "POST")
        self.send_header("Access-Control-Allow-Headers", "Content-Type")
        self.end_headers()

    def _write_chunk(self, data: bytes) -> None:
        # The file is unbuffered: this leaves now, and not with the next event.
        self.wfile.write(b"%x\r\n%b\r\n" % (len(data), data))


def main() -> None:
    parser = argparse.ArgumentParser(description="Answer POST /sse with ten events.")
    parser.add_argument("--port", type=int, default=8766)
    parser.add_argument("--interval", type=float, default=1.0, help="seconds between two events")
    arguments = parser.parse_args()
    Handler.interval = arguments.interval
    with ThreadingHTTPServer(("127.0.0.1", arguments.port), Handler) as server:
        print(f"POST to http://127.0.0.1:{server.server_port}/sse; Ctrl-C ends it", flush=True)
        try:
            server.serve_forever()
        except KeyboardInterrupt:
            print()


if __name__ == "__main__":
    main()
