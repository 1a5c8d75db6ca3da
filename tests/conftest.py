from __future__ import annotations

import os
import signal

from hypothesis import HealthCheck, settings

# A developer's network settings in the shell would decide what a test on the loopback
# sees: proxies, certificates and passwords are named by the tests themselves.
for _name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
    os.environ.pop(_name, None)
    os.environ.pop(_name.upper(), None)
for _name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):
    os.environ.pop(_name, None)
os.environ["NETRC"] = os.devnull

# A shell without job control starts background jobs that ignore Ctrl-C, and so would the programs
# that the tests interrupt.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

# The machine may be busy, so no example has a deadline; pytest-timeout bounds the whole test.
_RELAXED = {"deadline": None, "suppress_health_check": [HealthCheck.too_slow]}

# The same examples each time: a run that fails, fails for everybody.
settings.register_profile("default", max_examples=100, derandomize=True, **_RELAXED)
# New examples each time, and ten times as many.
settings.register_profile("fuzz", max_examples=1000, **_RELAXED)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "default"))
