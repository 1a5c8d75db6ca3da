"""Private names of requests, urllib3 and http.client are used in one folder only."""

from __future__ import annotations

import ast
from pathlib import Path

TRANSPORT = Path(__file__).parent.parent / "chatsdk" / "transport"

# Attributes of a response, a connection or a pool that no documentation promises.
PRIVATE = {
    *("_fp", "_fp_bytes_read", "_connection", "_original_response", "_error_catcher"),
    *("_decoder", "_decoders", "_decoded_buffer", "_decode", "_init_decoder", "_obj"),
    *("_put_conn", "_get_conn", "_new_conn", "_container", "_dns_host", "_content_consumed"),
    *("_HTTPConnection__response", "_safe_read", "_close_conn", "_read_status"),
}


def test_one_folder_knows_them():
    """Another version of urllib3 can only break the files in http1."""
    found = []
    for path in sorted(TRANSPORT.glob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            name = node.attr if isinstance(node, ast.Attribute) else None
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                name = node.value
            if name in PRIVATE:
                found.append(f"{path.name}:{node.lineno}: {name}")
    assert found == []
