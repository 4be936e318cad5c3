"""The HTTP server of the python3-http template: loads function/handler.py and answers with what handle() returns.

Only the standard library, because starting quickly is what a cold start is made of. It listens on the unix socket named
by WHERRY_LISTEN, else on TCP port 8080, with one thread per connection.
"""

import contextvars
import importlib.util
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
from urllib.parse import parse_qsl, unquote, urlsplit

HERE = os.path.dirname(os.path.abspath(__file__))
MAX_BODY_BYTES = 256 * 1024 * 1024
CALL_ID = contextvars.ContextVar("call_id", default="")


class MarkedStream:
    """Makes every line written while a call is handled carry the call's id: RS, id, US, text."""

    def __init__(self, stream):
        self._stream = stream
        self._lock = threading.Lock()
        self._is_line_start = True

    def write(self, text):
        call_id = CALL_ID.get()
        mark = f"\x1e{call_id}\x1f" if call_id else ""
        with self._lock:
            marked = re.sub(r"\n(?=.)", lambda _: "\n" + mark, text, flags=re.DOTALL) if mark else text
            self._stream.write((mark if self._is_line_start and text else "") + marked)
            self._stream.flush()
            if text:
                self._is_line_start = text.endswith("\n")
        return len(text)

    def __getattr__(self, name):
        return getattr(self._stream, name)


def go_duration(text, default):
    """Seconds from a whole number of seconds or a Go duration such as 1m30s; `default` when it cannot be read."""
    if not text:
        return default
    if text.isdigit():
        return float(text)
    units = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}
    parts = re.findall(r"(\d+(?:\.\d+)?)(ms|h|m|s)", text)
    if not parts or "".join(value + unit for value, unit in parts) != text:
        return default
    return sum(float(value) * units[unit] for value, unit in parts)


EXEC_TIMEOUT = go_duration(os.environ.get("exec_timeout"), 0.0)
MAX_IN_FLIGHT = int(os.environ.get("max_inflight") or 0)


class Event:
    """What a handler is given: the raw body and the parts of the request."""

    def __init__(self, body, headers, method, path, query):
        self.body = body
        self.headers = headers
        self.method = method
        self.path = path
        self.query = query


class Context:
    def __init__(self):
        self.hostname = os.environ.get("HOSTNAME", "localhost")


class State:
    def __init__(self):
        self.lock = threading.Lock()
        self.in_flight = 0
        self.is_stopping = False

    def enter(self):
        with self.lock:
            if MAX_IN_FLIGHT and self.in_flight >= MAX_IN_FLIGHT:
                return False
            self.in_flight += 1
            return True

    def leave(self):
        with self.lock:
            self.in_flight -= 1
            is_last = self.is_stopping and self.in_flight == 0
        if is_last:
            os._exit(0)

    def stop(self):
        with self.lock:
            self.is_stopping = True
            is_idle = self.in_flight == 0
        if is_idle:
            os._exit(0)


STATE = State()


def load_handler():
    function = os.path.join(HERE, "function")
    # The handler's own folder first, so that it can import its neighbours; then its packages.
    sys.path[:0] = [HERE, function, os.path.join(HERE, "python")]
    spec = importlib.util.spec_from_file_location("function.handler", os.path.join(function, "handler.py"))
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    handle = getattr(module, "handle", None)
    if not callable(handle):
        print("handler.py must define: def handle(event, context): …", file=sys.stderr)
        sys.exit(1)
    return handle


class Server(ThreadingMixIn, TCPServer):
    daemon_threads = True
    allow_reuse_address = True
    request_queue_size = 1024

    def handle_error(self, request, client_address):
        # A client that went away is no event; anything else was already told by the handler's own traceback.
        pass


class UnixServer(Server):
    address_family = socket.AF_UNIX


class RequestHandler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_version = "wherry-python"
    sys_version = ""
    disable_nagle_algorithm = False
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
        if not STATE.enter():
            text = f"Concurrent request limit exceeded. Max concurrent requests: {MAX_IN_FLIGHT}"
            self.close_connection = True
            return self.reply(429, text, {"Content-Type": "text/plain", "X-OpenFaaS-Internal": "faas-middleware"})
        token = CALL_ID.set(self.headers.get("X-Call-Id", ""))
        started = time.monotonic()
        try:
            status, headers, body = self.call()
            headers.setdefault("X-Duration-Seconds", f"{time.monotonic() - started:.6f}")
            self.reply(status, body, headers)
        finally:
            CALL_ID.reset(token)
            STATE.leave()

    def answer_health(self):
        if self.command != "GET":
            return self.reply(405, "Method not allowed", {})
        if STATE.is_stopping:
            return self.reply(503, "Stopping", {})
        if self.path == "/_/ready" and MAX_IN_FLIGHT and STATE.in_flight >= MAX_IN_FLIGHT:
            return self.reply(429, "Busy", {})
        return self.reply(200, "OK", {"Content-Type": "text/plain"})

    def call(self):
        try:
            body = self.read_body()
        except ValueError as problem:
            self.close_connection = True
            return 413, {"Content-Type": "text/plain"}, str(problem)
        url = urlsplit(self.path)
        event = Event(body, self.headers, self.command, unquote(url.path), dict(parse_qsl(url.query, keep_blank_values=True)))
        outcome = self.run(event)
        if outcome is None:
            print(f"The handler did not answer within {EXEC_TIMEOUT:g} s (exec_timeout).", file=sys.stderr)
            text = f"The function did not answer within {EXEC_TIMEOUT:g} s."
            return 504, {"Content-Type": "text/plain", "X-OpenFaaS-Internal": "of-watchdog"}, text
        return outcome

    def run(self, event):
        """The handler's answer, or None when exec_timeout passed first. A thread cannot be ended: it goes on unheard."""
        if EXEC_TIMEOUT <= 0:
            return self.run_handler(event)
        result = []
        context = contextvars.copy_context()
        thread = threading.Thread(target=lambda: result.append(context.run(self.run_handler, event)), daemon=True)
        thread.start()
        thread.join(EXEC_TIMEOUT)
        return result[0] if result else None

    def run_handler(self, event):
        try:
            return to_response(type(self).handle_function(event, Context()))
        except Exception:
            traceback.print_exc()
            return 500, {"Content-Type": "text/plain"}, "The handler failed. Its log tells why."

    def read_body(self):
        if "chunked" in self.headers.get("Transfer-Encoding", "").lower():
            return self.read_chunked()
        length = int(self.headers.get("Content-Length") or 0)
        if length > MAX_BODY_BYTES:
            raise ValueError(f"The body is larger than {MAX_BODY_BYTES} bytes.")
        return self.rfile.read(length) if length else b""

    def read_chunked(self):
        chunks, total = [], 0
        while True:
            size = int(self.rfile.readline(64).split(b";")[0], 16)
            if size == 0:
                while self.rfile.readline(8192) not in (b"\r\n", b"\n", b""):
                    pass
                return b"".join(chunks)
            total += size
            if total > MAX_BODY_BYTES:
                raise ValueError(f"The body is larger than {MAX_BODY_BYTES} bytes.")
            chunks.append(self.rfile.read(size))
            self.rfile.readline(8)

    def reply(self, status, body, headers):
        self.send_response_only(status)
        has_length = False
        for name, value in headers.items():
            has_length = has_length or name.lower() == "content-length"
            for single in value if isinstance(value, (list, tuple)) else [value]:
                self.send_header(name, re.sub(r"[\r\n]", " ", str(single)))
        if isinstance(body, str):
            body = body.encode()
        if isinstance(body, (bytes, bytearray)):
            if not has_length:
                self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(body)
            return
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        for chunk in body:
            data = chunk.encode() if isinstance(chunk, str) else bytes(chunk)
            if data:
                self.wfile.write(f"{len(data):x}\r\n".encode() + data + b"\r\n")
                self.wfile.flush()
        self.wfile.write(b"0\r\n\r\n")


def to_response(value):
    """(status, headers, body) of what a handler returned: a dict of statusCode, headers and body, or a plain value."""
    if not isinstance(value, dict) or not ({"statusCode", "body", "headers"} & value.keys()):
        return 200, {}, to_body(value, {})
    status = int(value.get("statusCode") or 200)
    if not 100 <= status <= 599:
        raise ValueError(f"The handler answered with the status {status}, which is none.")
    headers = dict(value.get("headers") or {})
    return status, headers, to_body(value.get("body"), headers)


def to_body(body, headers):
    if body is None:
        return b""
    if isinstance(body, (str, bytes, bytearray)):
        return body
    if isinstance(body, (dict, list, tuple, int, float, bool)):
        if not any(name.lower() == "content-type" for name in headers):
            headers["Content-Type"] = "application/json"
        return json.dumps(body)
    if hasattr(body, "__iter__"):
        return body
    return str(body)


def main():
    sys.stdout = MarkedStream(sys.stdout)
    sys.stderr = MarkedStream(sys.stderr)
    handle = load_handler()
    RequestHandler.handle_function = staticmethod(handle)
    path = os.environ.get("WHERRY_LISTEN")
    if path:
        if os.path.exists(path):
            os.unlink(path)
        server = UnixServer(path, RequestHandler)
        os.chmod(path, 0o660)
    else:
        server = Server(("", int(os.environ.get("port", "8080"))), RequestHandler)
    signal.signal(signal.SIGTERM, lambda *_: threading.Thread(target=STATE.stop).start())
    server.serve_forever()


main()
