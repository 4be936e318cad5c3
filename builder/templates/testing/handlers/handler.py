import os
import sys
import time


def opened(gate):
    while not os.path.exists(os.path.join(os.environ["WORK"], gate)):
        time.sleep(0.005)


def fail(event):
    raise RuntimeError("the anchor is missing")


def wait(event):
    print("waiting")
    opened("wait")
    return "waited"


def meet(event):
    open(os.path.join(os.environ["WORK"], "at-" + event.query["word"]), "w").close()
    for name in ("at-a", "at-b", "at-c"):
        opened(name)
    return event.query["word"]


def say(event):
    word = event.query["word"]
    print(f"{word} says one\n{word} says two")
    opened("say")
    print(f"{word} complains", file=sys.stderr)
    return "said"


def stream(event):
    yield "first\n"
    opened("stream")
    yield "second\n"


# What the contract suite wants of every template, by the path of the call.
ANSWERS = {
    "/about": lambda event: f"{event.method} {event.path} {event.query['word']} {event.headers['X-Colour']}",
    "/echo": lambda event: {"body": event.body, "headers": {"Content-Type": "application/octet-stream"}},
    "/drop": lambda event: "dropped",
    "/fail": fail,
    "/hang": lambda event: opened("never"),
    "/wait": wait,
    "/meet": meet,
    "/say": say,
    "/stream": stream,
}


def handle(event, context):
    return ANSWERS[event.path](event)
