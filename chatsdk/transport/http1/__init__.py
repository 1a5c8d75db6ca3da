"""Everything that uses private names of urllib3 and http.client."""

from __future__ import annotations

__all__: list[str] = []
