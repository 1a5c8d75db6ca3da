"""`ChatClient.map`: many prompts at once."""

from __future__ import annotations

import contextvars
import gc
import pickle
import re
import sys
import threading
import time
import tracemalloc

import attrs
import pytest

from chatsdk import Cancel, ChatClient, HTTPStatusError, Outcome, OutputError, Retry, Timeout
from chatsdk.client.outcomes import SLOW_SECONDS, TICK_SECONDS
from chatsdk.client.progress import bar_for
from chatsdk.client.prompt_outcome import PromptOutcome
from chatsdk.testing import ChatServer, EmbeddedServer
from chatsdk.testing.answers import AnswerScript, answer_parts
from chatsdk.testing.response import Reply

# Longest wait for a fact, in seconds.
WAIT = 20.0

# Six dialects, with what their requests need.
SIX = {
    "openai": {"model": "m"},
    "anthropic": {"model": "m", "max_tokens": 10},
    "gemini": {},
    "ollama": {"model": "m"},
    "dify": {"user": "u"},
    "fastgpt": {},
}


def client_of(server, dialect="openai", **options):
    options.setdefault("defaults", {"model": "m"})
    return ChatClient(f"{server.url}/v1/chat/completions", dialect=dialect, **options)


def prompt_in(request) -> str:
    return request.json["messages"][-1]["content"]


def echo(request):
    """An answer that repeats the prompt."""
    return AnswerScript("openai", answer_parts(prompt_in(request)))


@pytest.fixture
def server():
    with ChatServer(echo) as server:
        yield server


@pytest.fixture
def client(server):
    with client_of(server) as client:
        yield client


class Gate:
    """A handler whose answers wait until a test lets them through, by prompt."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._open: set[str] = set()
        self.arrived: list[str] = []

    def __call__(self, request):
        prompt = prompt_in(request)
        with self._changed:
            self.arrived.append(prompt)
            self._changed.notify_all()
            assert self._changed.wait_for(lambda: prompt in self._open, WAIT)
        return echo(request)

    def let(self, *prompts: str) -> None:
        with self._changed:
            self._open.update(prompts)
            self._changed.notify_all()

    def wait_for(self, count: int) -> None:
        with self._changed:
            assert self._changed.wait_for(lambda: len(self.arrived) >= count, WAIT)


@pytest.fixture
def gate():
    return Gate()


# Arguments ----------------------------------------------------------------------------------


@pytest.mark.parametrize("dialect", SIX)
def test_outcomes_are_in_order_and_name_their_prompt(dialect):
    """Each outcome has the index and the prompt that it belongs to, in every dialect."""
    prompts = [f"Number {number}?" for number in range(12)]
    with EmbeddedServer(dialect, pace=0) as server:
        with ChatClient(f"{server.url}/chat", dialect=dialect, defaults=SIX[dialect]) as client:
            outcomes = list(client.map(prompts, workers=4))
    assert [(item.index, item.prompt) for item in outcomes] == list(enumerate(prompts))
    assert all(item.prompt in item.answer.text for item in outcomes)
    assert {item.reason for item in outcomes} == {"finished"}


def test_an_outcome_is_an_outcome(client):
    """It can be compared, pickled and shown, and is an `Outcome`."""
    (outcome,) = client.map(["Hi"])
    assert isinstance(outcome, PromptOutcome)
    assert isinstance(outcome, Outcome)
    assert bool(outcome)
    assert (outcome.value, outcome.error, outcome.end) == (None, None, "marker")
    assert "index=0, prompt='Hi'" in repr(outcome)
    assert outcome == outcome._replace()
    assert outcome != outcome._replace(index=1)
    server_stop = outcome._replace(_server_stop=str)
    assert pickle.loads(pickle.dumps(server_stop)) == outcome


def test_prompts_are_as_in_ask(client):
    """A prompt may be a list of messages, and options go to every request."""
    prompts = [
        "Hi",
        [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Yo"}],
    ]
    outcomes = list(client.map(prompts, temperature=0.5, workers=1))
    assert [item.answer.text for item in outcomes] == ["Hi", "Yo"]
    assert outcomes[1].prompt is prompts[1]


def test_options_reach_every_request(server, client):
    """The options of `map` are fields of each body."""
    list(client.map(["a", "b"], temperature=0.5))
    assert [request.json["temperature"] for request in server.requests] == [0.5, 0.5]


def test_as_they_arrive(gate):
    """With ``ordered=False`` a quick answer does not wait for a slow one."""
    with ChatServer(gate) as server, client_of(server) as client:
        outcomes = client.map(["slow", "quick"], workers=2, ordered=False)
        gate.let("quick")
        assert next(outcomes).prompt == "quick"
        gate.let("slow")
        assert [item.prompt for item in outcomes] == ["slow"]


def test_in_order(gate):
    """With ``ordered=True`` a quick answer waits for a slow one before it."""
    with ChatServer(gate) as server, client_of(server) as client:
        outcomes = client.map(["slow", "quick"], workers=2)
        gate.let("quick")
        waiting = threading.Timer(0.05, gate.let, ("slow",))
        waiting.start()
        assert [item.prompt for item in outcomes] == ["slow", "quick"]
        waiting.join()


def test_no_prompts(client):
    """Without prompts there are no outcomes."""
    assert list(client.map([])) == []
    assert list(client.map(iter(()))) == []


def test_not_more_than_four_for_each_worker_ahead(client):
    """A generator is read at most four prompts for each worker ahead of what was given out."""
    taken = 0

    def endless():
        nonlocal taken
        while True:
            taken += 1
            yield f"Number {taken}"

    outcomes = client.map(endless(), workers=3)
    for given in range(1, 30):
        next(outcomes)
        assert taken - given <= 4 * 3
    outcomes.close()
    assert list(outcomes) == []


def until_done(outcomes, count: int) -> None:
    """Wait until so many results have come back from the workers."""
    deadline = time.monotonic() + WAIT
    while outcomes._workers.done.qsize() < count:
        assert time.monotonic() < deadline, "the prompts are not answered"
        threading.Event().wait(0.01)


def test_a_slow_source_does_not_hold_back_what_is_done(client):
    """A finished outcome is given out before the next prompt of a slow source is taken."""
    given = threading.Event()

    def prompts():
        yield "one"
        # Longer than a quick source takes.
        threading.Event().wait(2 * SLOW_SECONDS)
        until_done(outcomes, 1)
        yield "two"
        assert given.is_set(), "the first outcome was held back"
        yield "three"

    outcomes = client.map(prompts(), workers=2)
    assert next(outcomes).prompt == "one"
    given.set()
    assert [item.prompt for item in outcomes] == ["two", "three"]


def test_prompts_are_taken_on_the_thread_that_iterates(client):
    """A database cursor may be the source, because no other thread touches it."""
    threads = set()

    def prompts():
        for number in range(20):
            threads.add(threading.get_ident())
            yield str(number)

    assert len(list(client.map(prompts()))) == 20
    assert threads == {threading.get_ident()}


class ForgetfulServer(ChatServer):
    """Keeps none but the latest request."""

    kept = 1


def test_memory_does_not_grow():
    """The memory after many prompts is that after a few: nothing given out is kept."""
    with ForgetfulServer(echo) as server, client_of(server) as client:

        def traced(count):
            last = None
            gc.collect()
            tracemalloc.start()
            for outcome in client.map(("x" * 5000 for _ in range(count)), workers=2):
                last = outcome.index
            del outcome
            gc.collect()
            size, _ = tracemalloc.get_traced_memory()
            tracemalloc.stop()
            assert last == count - 1
            return size

        traced(20)
        # Each prompt has 5,000 characters, and so has its answer.
        assert traced(220) - traced(20) < 200 * 2500


@attrs.define
class Numbered:
    """An answer with a shape."""

    number: int


def test_objects():
    """With `output=` each outcome has its object, and one that does not fit is an error."""
    pytest.importorskip("cattrs")
    pytest.importorskip("jiter")

    def answer(request):
        number = "7" if prompt_in(request).startswith("good") else '"seven"'
        return AnswerScript("openai", answer_parts(f'{{"number": {number}}}'))

    with ChatServer(answer) as server, client_of(server) as client:
        good, bad = client.map(["good", "bad"], output=Numbered)
    assert good.value == Numbered(7)
    assert isinstance(bad.error, OutputError)
    assert bad.answer.text == '{"number": "seven"}'


# Failures -----------------------------------------------------------------------------------


def test_a_failed_prompt_is_kept(server, client):
    """A failure is an outcome with the error and the partial text, and the others go on."""
    frame = b'data: {"choices":[{"index":0,"delta":{"content":"Half"}}]}\n\n'
    server.cut_after(len(frame), frame * 2)
    outcomes = list(client.map(["a", "b", "c"], workers=1))
    assert [item.reason for item in outcomes] == ["error", "finished", "finished"]
    assert outcomes[0].answer.text == "Half"
    assert outcomes[0].error.answer.text == "Half"
    assert outcomes[0].prompt == "a"


def test_raise(server, client):
    """With ``on_error="raise"`` the first error is raised, and ends the iteration."""
    server.reply(400, json={"error": {"message": "no"}})
    outcomes = client.map(["a", "b", "c"], workers=1, on_error="raise")
    with pytest.raises(HTTPStatusError):
        next(outcomes)
    assert list(outcomes) == []


def test_another_exception_comes_out_as_itself(server):
    """The exception of a caller's function is raised as it is, and ends the threads."""

    class Mine(Exception):
        pass

    def token():
        raise Mine

    with client_of(server, token=token) as client:
        outcomes = client.map(["a"] * 100)
        with pytest.raises(Mine):
            next(outcomes)
    assert list(outcomes) == []
    assert not running()


def test_the_exception_of_the_source(client):
    """Exceptions of the iterable are raised, after the outcomes before them."""

    def prompts():
        yield "one"
        raise LookupError("no more")

    outcomes = client.map(prompts(), workers=1)
    with pytest.raises(LookupError, match="no more"):
        for _ in outcomes:
            pass
    assert not running()


def test_the_source_fails_while_answers_are_under_way(gate):
    """The answers under way are given out first, then the exception is raised once."""

    def prompts():
        yield from ("slow", "quick")
        gate.let("quick", "slow")
        raise LookupError("no more")

    with ChatServer(gate) as server, client_of(server) as client:
        outcomes = client.map(prompts())
        assert [next(outcomes).prompt, next(outcomes).prompt] == ["slow", "quick"]
        with pytest.raises(LookupError, match="no more"):
            next(outcomes)
        assert list(outcomes) == []
        assert not running()


def test_a_prompt_that_cannot_be_sent(client):
    """A prompt of a wrong type is a TypeError."""
    with pytest.raises(TypeError):
        list(client.map(["a", 3]))


@pytest.mark.parametrize(
    ("arguments", "options", "message"),
    [
        (("Hi",), {}, "to ask one prompt, use ask"),
        (({"role": "user", "content": "Hi"},), {}, "to ask one prompt, use ask"),
        ((3,), {}, "an iterable of prompts"),
        ((["Hi"],), {"workers": 0}, "workers is a number from 1"),
        ((["Hi"],), {"workers": "8"}, "workers is a whole number"),
        ((["Hi"],), {"on_error": "ignore"}, "on_error is 'keep' or 'raise'"),
        ((["Hi"],), {"progress": "yes"}, "progress is True, False or 'always'"),
        ((["Hi"],), {"cancel": True}, "cancel is a chatsdk.Cancel"),
        ((["Hi"],), {"idempotency_key": "k"}, "a key of its own"),
        ((["Hi"],), {"max_workers": 2}, "'max_workers': use workers=..."),
        ((["Hi"],), {"worker": 2}, "'worker': use workers=..."),
        ((["Hi"],), {"timeout": 2}, r"map\(\) has no option 'timeout'"),
    ],
)
def test_wrong_arguments(server, client, arguments, options, message):
    """A wrong argument is an error at once, before anything is sent."""
    with pytest.raises((TypeError, ValueError), match=message):
        client.map(*arguments, **options)
    assert server.requests == []


# The shared pause ---------------------------------------------------------------------------


def busy(seconds="0.2"):
    return Reply(429, json={"error": {"message": "slow down"}}, headers=[("Retry-After", seconds)])


def test_one_pause_for_all(server, client):
    """After a 429 no worker sends before the time that the backend asked for."""
    times = []
    refused = threading.Event()
    lock = threading.Lock()

    def answer(request):
        with lock:
            times.append(time.monotonic())
            if not refused.is_set():
                refused.set()
                return busy("0.5")
        return echo(request)

    with ChatServer(answer) as server, client_of(server) as client:
        outcomes = list(client.map([str(number) for number in range(8)], workers=1))
    assert {item.reason for item in outcomes} == {"finished"}
    assert len(times) == 9
    assert times[1] - times[0] >= 0.5


def test_many_refusals_are_asked_again(server):
    """Every prompt that was refused for now is answered after the pause."""
    # Fewer than the pauses after which a prompt fails, should one worker meet them all.
    left = [3]
    lock = threading.Lock()

    def answer(request):
        with lock:
            left[0] -= 1
            if left[0] >= 0:
                return busy("0.05")
        return echo(request)

    with ChatServer(answer) as server, client_of(server) as client:
        outcomes = list(client.map([str(number) for number in range(40)], workers=5))
        assert [item.answer.text for item in outcomes] == [str(number) for number in range(40)]
        assert len(server.requests) == 43


def test_a_backend_that_only_refuses(server):
    """After five pauses in vain the prompts fail with the backend's error."""
    with ChatServer(lambda request: busy("0.01")) as server, client_of(server) as client:
        (outcome,) = client.map(["a"])
        assert isinstance(outcome.error, HTTPStatusError)
        assert outcome.error.status == 429
        assert len(server.requests) == 5


@pytest.mark.parametrize(
    ("retry", "headers", "least", "most"),
    [
        (Retry(), [("Retry-After", "3600")], 300, 300),
        (Retry(max_wait=900), [("Retry-After", "3600")], 900, 900),
        (Retry(attempts=1), [("Retry-After", "60")], 60, 60),
        (Retry(attempts=1), [("Retry-After", "3600")], 300, 300),
        (Retry(attempts=1, backoff=200, max_wait=200), [], 100, 200),
    ],
)
def test_a_refusal_that_fails_its_prompt_pauses_the_others(caplog, retry, headers, least, most):
    """A prompt that is not asked again fails, and the next is not sent before the pause ends."""
    caplog.set_level("INFO", "chatsdk")
    refusal = Reply(429, json={"error": {"message": "slow down"}}, headers=headers)
    with ChatServer(lambda request: refusal) as server, client_of(server, retry=retry) as client:
        outcomes = client.map(["a", "b", "c"], workers=1)
        assert next(outcomes).error.status == 429
        outcomes.stop()
        assert list(outcomes) == []
        assert len(server.requests) == 1
    (seconds,) = re.findall(r"all workers pause for ([0-9.]+) s", caplog.text)
    assert least <= float(seconds) <= most


def test_prompts_after_one_that_failed_are_answered():
    """With ``Retry(attempts=1)`` the refused prompt fails, and the others wait and are answered."""
    refused = threading.Event()

    def answer(request):
        if refused.is_set():
            return echo(request)
        refused.set()
        return busy("0.01")

    with ChatServer(answer) as server, client_of(server, retry=Retry(attempts=1)) as client:
        outcomes = list(client.map(["a", "b", "c"], workers=1))
    assert [item.reason for item in outcomes] == ["error", "finished", "finished"]


def test_attempts_of_one(server):
    """``Retry(attempts=1)`` sends no prompt again."""
    with ChatServer(lambda request: busy("0.01")) as server:
        with client_of(server, retry=Retry(attempts=1)) as client:
            assert [item.reason for item in client.map(["a", "b"])] == ["error"] * 2
        assert len(server.requests) == 2


@pytest.mark.parametrize(("key", "requests"), [(None, 1), (lambda: "key", 2)])
def test_another_refusal_with_a_time(key, requests):
    """A 500 with ``Retry-After`` pauses all, and is asked again only with a key."""
    with ChatServer(echo) as server:
        server.reply(500, json={"error": {"message": "no"}}, headers=[("Retry-After", "0.05")])
        with client_of(server, retry=Retry(idempotency_key=key)) as client:
            (outcome,) = client.map(["a"])
        assert (outcome.error is None) is (requests == 2)
        assert len(server.requests) == requests


def test_a_used_up_quota(server):
    """A 429 for an exhausted quota is neither asked again nor waited for."""
    refusal = Reply(
        429,
        json={"error": {"code": "insufficient_quota", "message": "pay"}},
        headers=[("Retry-After", "3600")],
    )
    with ChatServer(lambda request: refusal) as server, client_of(server) as client:
        codes = [item.error.code for item in client.map(["a", "b"], workers=1)]
        assert codes == ["insufficient_quota"] * 2
        assert len(server.requests) == 2


# Ending early -------------------------------------------------------------------------------


def running() -> list[str]:
    """The names of the workers' threads that have not ended."""
    deadline = time.monotonic() + WAIT
    while True:
        alive = [item.name for item in threading.enumerate() if item.name.startswith("chatsdk-map")]
        if not alive or time.monotonic() > deadline:
            return alive
        threading.Event().wait(0.01)


def test_close_ends_streams_and_threads():
    """Closing the iterator ends the answers under way, and every thread."""
    with ChatServer() as server, client_of(server) as client:
        scripts = [server.answer("openai") for _ in range(4)]
        outcomes = client.map((str(number) for number in range(100)), workers=4)
        first = threading.Thread(target=next, args=(outcomes, None), daemon=True)
        first.start()
        for _ in scripts:
            server.wait_for_request()
        outcomes.close()
        for script in scripts:
            script.wait_for_disconnect()
        first.join(WAIT)
        assert not first.is_alive()
        assert len(server.requests) == 4
        assert not running()
        outcomes.close()


def test_dropping_it_closes_it(gate):
    """An iterator that is dropped halfway leaves no thread."""
    with ChatServer(gate) as server, client_of(server) as client:
        gate.let("0")
        outcomes = client.map((str(number) for number in range(100)), workers=2)
        assert next(outcomes).index == 0
        gate.wait_for(2)
        del outcomes
        gate.let(*map(str, range(100)))
        assert not running()


def test_a_with_block(client):
    """Leaving a with block closes it."""
    with client.map(["a", "b", "c"]) as outcomes:
        next(outcomes)
    assert list(outcomes) == []


def test_stop_gives_what_is_done(gate):
    """After `stop` the finished answers are given, then those that were stopped, and no others."""
    with ChatServer(gate) as server, client_of(server) as client:
        outcomes = client.map((str(number) for number in range(100)), workers=2)
        gate.let("0")
        assert next(outcomes).index == 0
        gate.wait_for(3)
        outcomes.stop()
        rest = list(outcomes)
        gate.let(*map(str, range(100)))
    assert [item.index for item in rest] == list(range(1, len(rest) + 1))
    assert {item.reason for item in rest} == {"stopped"}
    assert len(rest) == 2


def test_cancel(gate):
    """A `Cancel` ends it like `stop`, also one that was set before."""
    cancel = Cancel()
    with ChatServer(gate) as server, client_of(server) as client:
        outcomes = client.map((str(number) for number in range(100)), workers=2, cancel=cancel)
        gate.let("0")
        assert next(outcomes).index == 0
        gate.wait_for(3)
        cancel.set()
        assert {item.reason for item in outcomes} == {"stopped"}
        assert list(client.map(["a"], cancel=cancel)) == []
        gate.let(*map(str, range(100)))


def test_an_interrupt_keeps_what_is_done(gate):
    """After Ctrl-C the iterator still gives the answers that were finished out of turn."""
    with ChatServer(gate) as server, client_of(server) as client:

        def prompts():
            yield "slow"
            yield "quick"
            gate.let("quick")
            until_done(outcomes, 1)
            raise KeyboardInterrupt

        outcomes = client.map(prompts(), workers=2)
        with pytest.raises(KeyboardInterrupt):
            next(outcomes)
        rest = {item.prompt: item.reason for item in outcomes}
        gate.let("slow")
    assert rest["quick"] == "finished"
    assert rest.get("slow", "stopped") == "stopped"


def test_a_pause_ends_with_the_iterator():
    """Closing does not wait for the end of a pause."""
    with ChatServer(lambda request: busy("250")) as server, client_of(server) as client:
        outcomes = client.map(["a"], workers=1)
        first = threading.Thread(target=next, args=(outcomes, None), daemon=True)
        first.start()
        server.wait_for_request()
        outcomes.stop()
        first.join(WAIT)
        assert not first.is_alive()
        outcomes.close()
        assert not running()


def test_time_limits_hold_for_each_prompt():
    """A backend that is silent fails the prompt after `first_event`, as in `ask`."""
    with ChatServer() as server:
        server.silent()
        with client_of(server, timeout=Timeout(first_event=0.2)) as client:
            (outcome,) = client.map(["a"])
    assert outcome.error.phase == "first_event"


# Context, and the bar -----------------------------------------------------------------------


def test_the_context_of_the_caller(server):
    """The workers see the caller's context variables, such as the span of a tracer."""
    variable = contextvars.ContextVar("variable", default="none")
    seen = []

    def token():
        seen.append(variable.get())
        return "key"

    with client_of(server, token=token) as client:
        variable.set("caller's")
        list(client.map(["a", "b"]))
    assert seen == ["caller's"] * 2


def test_the_bar(client, capsys):
    """The bar counts prompts, tokens and failures."""
    pytest.importorskip("tqdm")
    assert len(list(client.map(["a", "b"], progress="always"))) == 2
    shown = capsys.readouterr().err
    assert "2/2" in shown
    assert "prompts/s" in shown


def test_the_bar_during_a_pause(capsys):
    """The bar shows that the backend is busy, and for how long."""
    pytest.importorskip("tqdm")
    refused = threading.Event()

    def answer(request):
        if refused.is_set():
            return echo(request)
        refused.set()
        # Longer than it takes until the bar is drawn again.
        return busy(str(4 * TICK_SECONDS))

    with ChatServer(answer) as server, client_of(server) as client:
        assert len(list(client.map(["a"], progress="always"))) == 1
    assert "the backend is busy" in capsys.readouterr().err


def test_no_bar_without_a_terminal(client, capsys):
    """Nothing is drawn if stderr is not a terminal."""
    list(client.map(["a", "b"]))
    assert capsys.readouterr().err == ""


def test_no_bar_without_tqdm(client, capsys, monkeypatch):
    """Without tqdm there is no bar and no error."""
    monkeypatch.setitem(sys.modules, "tqdm", None)
    assert bar_for("always", 3) is None
    assert len(list(client.map(["a"], progress="always"))) == 1
    assert capsys.readouterr().err == ""


def test_a_bar_that_cannot_be_drawn(client, monkeypatch):
    """A closed stderr does not disturb the work."""
    pytest.importorskip("tqdm")

    class Gone:
        encoding = "utf-8"

        def write(self, text):
            raise BrokenPipeError

        def flush(self):
            raise BrokenPipeError

        def isatty(self):
            return True

    monkeypatch.setattr(sys, "stderr", Gone())
    assert len(list(client.map(["a", "b"]))) == 2


@pytest.mark.slow
def test_eight_workers_are_six_times_as_fast_as_one():
    """On a backend that takes a second, eight workers need at most a sixth of the time of one."""

    def slow(request):
        time.sleep(1.0)
        return echo(request)

    def seconds(workers):
        with ChatServer(slow) as server, client_of(server) as client:
            began = time.monotonic()
            outcomes = list(client.map([str(number) for number in range(16)], workers=workers))
            assert {item.reason for item in outcomes} == {"finished"}
            return time.monotonic() - began

    assert seconds(1) / seconds(8) >= 6
