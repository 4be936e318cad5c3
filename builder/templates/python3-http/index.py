"""The HTTP server of the python3-http template: loads function/handler.py and answers with what handle() returns.

Only the standard library, because starting quickly is what a cold start is made of. It listens on the unix socket or
the TCP port named by WHERRY_LISTEN, else on TCP port 8080, with one thread per connection.
"""

import atexit
import contextvars
import importlib
import json
import os
import re
import signal
import socket
import sys
import threading
import time
import traceback
from http.server import BaseHTTPRequestHandler
from socketserver import TCPServer, ThreadingMixIn
from urllib.parse import parse_qsl, unquote

HERE = os.path.dirname(os.path.abspath(__file__))
CALL_ID = contextvars.ContextVar("call_id", default="")
HEADER_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")


def seconds_of(text, default):
    """Seconds from a whole number of seconds or a Go duration such as 1m30s; `default` when it cannot be read."""
    if not text:
        return default
    if text.isdecimal():
        return float(text)
    units = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}
    parts = re.findall(r"(\d+(?:\.\d+)?)(ms|h|m|s)", text)
    if not parts or "".join(value + unit for value, unit in parts) != text:
        return default
    return sum(float(value) * units[unit] for value, unit in parts)


def bytes_of(text, default):
    """Bytes from a number with an optional unit, such as 100kb or 5mb; `default` when it cannot be read."""
    match = re.fullmatch(r"(\d+)\s*(b|kb|mb)?", text or "", re.IGNORECASE)
    return int(match[1]) * {"b": 1, "kb": 1024, "mb": 1024**2}[(match[2] or "b").lower()] if match else default


EXEC_TIMEOUT = seconds_of(os.environ.get("exec_timeout"), 0.0)
GRACE = seconds_of(os.environ.get("healthcheck_interval"), 0.0)
MAX_BODY_BYTES = bytes_of(os.environ.get("MAX_RAW_SIZE"), 64 * 1024**2)
MAX_IN_FLIGHT = int(seconds_of(os.environ.get("max_inflight"), 0.0))


# Longest piece of a line that waits for its end: what the platform keeps of a line.
MAX_HELD = 16 * 1024


class MarkedStream:
    """Makes lines carry what the platform finds them by: RS, GS on standard error, the call's id, US, text.

    print() writes a text and its line break one after the other. So each thread's line is held until it is whole, and
    lines of calls side by side do not mix.
    """

    def __init__(self, stream, is_error):
        self._stream = stream
        self._error = "\x1d" if is_error else ""
        self._lock = threading.Lock()
        # By thread, not by its number: the number of one that ended is given to another.
        self._held = {}

    def write(self, text):
        thread, call_id = threading.current_thread(), CALL_ID.get()
        mark = f"\x1e{self._error}{call_id}\x1f" if call_id or self._error else ""
        with self._lock:
            held = self._held.pop(thread, (mark, ""))
            ended = [held] if held[0] != mark else []
            lines = (text if ended else held[1] + text).split("\n")
            rest = lines.pop()
            if len(rest) > MAX_HELD:
                lines.append(rest)
            elif rest:
                self._held[thread] = mark, rest
            self._write(ended + [(mark, line) for line in lines])
        return len(text)

    def writelines(self, lines):
        for line in lines:
            self.write(line)

    def end_line(self):
        """Writes what this thread has left without a line break, and what threads have that ended since."""
        own = threading.current_thread()
        with self._lock:
            over = [thread for thread in self._held if thread is own or not thread.is_alive()]
            self._write([self._held.pop(thread) for thread in over])

    def end_lines(self):
        """The same for all threads, before the process ends. Waits no longer than a second for one that writes now."""
        if self._lock.acquire(timeout=1):
            held, self._held = list(self._held.values()), {}
            self._write(held)
            self._lock.release()

    def _write(self, lines):
        if lines:
            self._stream.write("".join(f"{mark}{line}\n" for mark, line in lines))
            self._stream.flush()

    def __getattr__(self, name):
        return getattr(self._stream, name)


def log_streams():
    # A handler may have put something else in their place for a while.
    return [stream for stream in (sys.stdout, sys.stderr) if isinstance(stream, MarkedStream)]


def end_line():
    for stream in log_streams():
        stream.end_line()


def end_lines():
    for stream in log_streams():
        stream.end_lines()


class Query(dict):
    """Names to their first values; `getlist` tells all of them."""

    def __init__(self, text):
        self._lists = {}
        for name, value in parse_qsl(text, keep_blank_values=True):
            self._lists.setdefault(name, []).append(value)
        super().__init__((name, values[0]) for name, values in self._lists.items())

    def getlist(self, name):
        return list(self._lists.get(name, []))


class Event:
    """What a handler is given: the body as bytes, and the parts of the request. `headers` ignores case."""

    def __init__(self, body, headers, method, path, query):
        self.body = body
        self.headers = headers
        self.method = method
        self.path = path
        self.query = query


class Context:
    def __init__(self):
        self.hostname = os.environ.get("HOSTNAME", "localhost")


class Calls:
    """Counts the calls in flight, and ends the process when it shall stop and none is left."""

    def __init__(self):
        self._lock = threading.Lock()
        self._is_draining = False
        self.in_flight = 0
        self.is_stopping = False

    @property
    def is_full(self):
        return 0 < MAX_IN_FLIGHT <= self.in_flight

    def enter(self):
        with self._lock:
            if self.is_full:
                return False
            self.in_flight += 1
            return True

    def leave(self):
        with self._lock:
            self.in_flight -= 1
            self._end_when_idle()

    def stop(self):
        if self.is_stopping:
            return
        self.is_stopping = True
        time.sleep(GRACE)
        with self._lock:
            self._is_draining = True
            self._end_when_idle()

    def _end_when_idle(self):
        # Not sys.exit: threads that the handler started must not keep the process.
        if self._is_draining and self.in_flight == 0:
            end_lines()
            os._exit(0)


CALLS = Calls()


class TooLarge(Exception):
    pass


class Server(ThreadingMixIn, TCPServer):
    daemon_threads = True
    allow_reuse_address = True
    request_queue_size = 1024

    def handle_error(self, request, client_address):
        # A caller that went away is no event; handlers' own errors were told before.
        if not isinstance(sys.exc_info()[1], ConnectionError):
            traceback.print_exc()


class UnixServer(Server):
    address_family = socket.AF_UNIX


class RequestHandler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_version = "wherry-python"
    sys_version = ""
    handle_function = None

    def address_string(self):
        return "gateway"

    def log_message(self, format, *args):
        pass

    def __getattr__(self, name):
        # http.server looks for do_GET, do_POST and so on: every method reaches the function.
        if name.startswith("do_"):
            return self.answer
        raise AttributeError(name)

    def answer(self):
        if self.path in ("/_/health", "/_/ready"):
            return self.answer_health()
        if not CALLS.enter():
            self.close_connection = True  # The body has not been read.
            text = f"Concurrent request limit exceeded. Max concurrent requests: {MAX_IN_FLIGHT}"
            return self.reply(*refusal(429, text, "faas-middleware"))
        token = CALL_ID.set(self.headers.get("X-Call-Id", ""))
        started = time.monotonic()
        try:
            status, headers, body = self.call()
            headers["X-Duration-Seconds"] = f"{time.monotonic() - started:.6f}"
            self.reply(status, headers, body)
        finally:
            end_line()  # A generator prints while it is read.
            CALL_ID.reset(token)
            CALLS.leave()

    def answer_health(self):
        if self.command != "GET":
            return self.reply(405, {}, "Method not allowed")
        if CALLS.is_stopping:
            return self.reply(503, {}, "Stopping")
        if self.path == "/_/ready":
            return self.reply(429 if CALLS.is_full else 200, {}, "")
        return self.reply(200, {"Content-Type": "text/plain"}, "OK")

    def call(self):
        """(status, headers, body) of the answer, whatever becomes of the call."""
        try:
            body = self.read_body()
        except TooLarge:
            return refusal(413, f"The body is larger than {MAX_BODY_BYTES} bytes, the limit that MAX_RAW_SIZE sets.")
        except ValueError:
            self.close_connection = True
            return refusal(400, "The body is not sent as HTTP/1.1 wants it.")
        path, _, query = self.path.partition("?")
        event = Event(body, self.headers, self.command, unquote(path), Query(query))
        return self.run(event, self.timeout_seconds())

    def timeout_seconds(self):
        """A caller's X-Timeout may make the time of its call shorter, never longer. 0: no limit."""
        wanted = seconds_of(self.headers.get("X-Timeout"), 0.0)
        return min(wanted, EXEC_TIMEOUT) if wanted and EXEC_TIMEOUT else wanted or EXEC_TIMEOUT

    def run(self, event, timeout):
        """The handler's answer. A thread cannot be ended: one that takes too long goes on unheard."""
        if timeout <= 0:
            return self.run_handler(event)
        result = []
        context = contextvars.copy_context()
        thread = threading.Thread(target=lambda: result.append(context.run(self.run_handler, event)), daemon=True)
        thread.start()
        thread.join(timeout)
        if result:
            return result[0]
        print(f"The handler did not answer within {timeout:g} s (exec_timeout).", file=sys.stderr)
        return refusal(504, f"The function did not answer within {timeout:g} s.")

    def run_handler(self, event):
        try:
            return to_response(type(self).handle_function(event, Context()))
        except SystemExit as exit:
            # In a thread this ends nothing but the thread, and nobody would be answered.
            print(f"The handler ended itself with exit code {exit.code} instead of answering.", file=sys.stderr)
            return refusal(500, "The handler ended itself instead of answering. Its log tells more.")
        except BaseException:
            print(f"The handler failed: {traceback.format_exc()}", end="", file=sys.stderr)
            return refusal(500, "The handler failed. Its log tells why.")
        finally:
            end_line()

    def read_body(self):
        if "chunked" in self.headers.get("Transfer-Encoding", "").lower():
            return self.read_chunked()
        length = int(self.headers.get("Content-Length") or 0)
        if length <= MAX_BODY_BYTES:
            body = self.rfile.read(length) if length > 0 else b""
            if len(body) < length:
                raise ValueError("The body was cut off.")
            return body
        # Read to its end and dropped: a caller that still sends would not see the answer.
        while length > 0:
            length -= len(self.rfile.read(min(length, 65536))) or length
        raise TooLarge

    def read_chunked(self):
        chunks, total = [], 0
        while True:
            size = int(self.rfile.readline(1024).split(b";")[0], 16)
            if size < 0:
                raise ValueError("A chunk has a negative size.")
            if size == 0:
                while self.rfile.readline(8192) not in (b"\r\n", b"\n", b""):
                    pass
                break
            total += size
            while size > 0:
                piece = self.rfile.read(min(size, 65536))
                if not piece:
                    raise ValueError("The body was cut off.")
                size -= len(piece)
                if total <= MAX_BODY_BYTES:
                    chunks.append(piece)
            self.rfile.readline(8)
        if total > MAX_BODY_BYTES:
            raise TooLarge
        return b"".join(chunks)

    def reply(self, status, headers, body):
        is_stream = not isinstance(body, (str, bytes, bytearray))
        data = body.encode() if isinstance(body, str) else body
        has_body = self.command != "HEAD" and status not in (204, 304)
        self.send_response_only(status)
        for name, value in headers.items():
            for single in value if isinstance(value, (list, tuple)) else [value]:
                self.send_header(name, single)
        if is_stream:
            self.send_header("Transfer-Encoding", "chunked")
        elif status != 204 and not has_header(headers, "content-length"):
            self.send_header("Content-Length", str(len(data)))
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()
        if has_body and is_stream:
            self.send_stream(data)
        elif has_body:
            self.wfile.write(data)

    def send_stream(self, chunks):
        try:
            for chunk in chunks:
                data = chunk.encode() if isinstance(chunk, str) else chunk
                if not isinstance(data, (bytes, bytearray)):
                    raise TypeError(f"The answer's parts must be str or bytes, not {type(chunk).__name__}.")
                if data:
                    self.wfile.write(b"%x\r\n%b\r\n" % (len(data), data))
            self.wfile.write(b"0\r\n\r\n")
        except ConnectionError:
            raise
        except BaseException:
            # The status has been sent: only a cut connection can tell the caller that the reply is not whole.
            self.close_connection = True
            print(f"The answer broke off: {traceback.format_exc()}", end="", file=sys.stderr)


def refusal(status, text, component="of-watchdog"):
    """An answer that the handler did not make."""
    return status, {"Content-Type": "text/plain; charset=utf-8", "X-OpenFaaS-Internal": component}, text


def to_response(value):
    """(status, headers, body) of what a handler returned: a dict of statusCode, headers and body, or a plain value.

    Raises TypeError or ValueError for what cannot be sent.
    """
    if not isinstance(value, dict) or not ({"statusCode", "body", "headers"} & value.keys()):
        value = {"body": value}
    status = int(value.get("statusCode") or 200)
    if not 200 <= status <= 599:
        raise ValueError(f"{status} is no HTTP status.")
    headers = to_headers(value.get("headers") or {})
    return status, headers, to_body(value.get("body"), headers)


def to_headers(headers):
    checked = {}
    for name, value in dict(headers).items():
        if not HEADER_NAME.fullmatch(str(name)):
            raise ValueError(f"{name!r} is no name of a header.")
        values = [str(single) for single in (value if isinstance(value, (list, tuple)) else [value])]
        for single in values:
            if re.search(r"[\r\n\0]", single):
                raise ValueError(f"The header {name} has a line break.")
            single.encode("latin-1")
        if str(name).lower() not in ("transfer-encoding", "connection"):
            checked[str(name)] = values
    return checked


def has_header(headers, name):
    return any(one.lower() == name for one in headers)


def to_body(body, headers):
    if body is None:
        return b""
    default_type = None
    if isinstance(body, str):
        default_type = "text/html; charset=utf-8"
    elif isinstance(body, (dict, list, tuple, int, float)):
        default_type, body = "application/json", json.dumps(body)
    elif isinstance(body, (bytes, bytearray)) or hasattr(body, "__next__"):
        pass
    else:
        raise TypeError(f"A {type(body).__name__} is no answer. Return a str, bytes, a dict, a list or a generator.")
    if default_type and not has_header(headers, "content-type"):
        headers["Content-Type"] = default_type
    return body


def load_handler():
    function = os.path.join(HERE, "function")
    # The handler's own folder first, so that it can import its neighbours; then its packages.
    sys.path[:0] = [function, HERE, os.path.join(HERE, "python")]
    try:
        module = importlib.import_module("function.handler")
    except BaseException:
        print(f"The handler cannot be loaded: {traceback.format_exc()}", end="", file=sys.stderr)
        sys.exit(1)
    handle = getattr(module, "handle", None)
    if not callable(handle):
        print("The handler cannot be loaded: handler.py must define: def handle(event, context): …", file=sys.stderr)
        sys.exit(1)
    return handle


def main():
    sys.stdout = MarkedStream(sys.stdout, False)
    sys.stderr = MarkedStream(sys.stderr, True)
    atexit.register(end_lines)
    RequestHandler.handle_function = staticmethod(load_handler())
    path = os.environ.get("WHERRY_LISTEN")
    if path and not path.isdecimal():
        if os.path.exists(path):
            os.unlink(path)
        server = UnixServer(path, RequestHandler)
        os.chmod(path, 0o660)
    else:
        server = Server(("", int(path or os.environ.get("port") or 8080)), RequestHandler)
    signal.signal(signal.SIGTERM, lambda *_: threading.Thread(target=CALLS.stop).start())
    server.serve_forever()


main()
