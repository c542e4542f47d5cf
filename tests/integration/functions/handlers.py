"""Handlers for the tests of functions; they run in subprocesses."""

import os
import subprocess
import sys
import time
from decimal import Decimal

calls = 0


def echo(event, context):
    return event


def describe(event, context):
    return {
        "id": context.aws_request_id,
        "name": context.function_name,
        "version": context.function_version,
        "arn": context.invoked_function_arn,
        "left": context.get_remaining_time_in_millis(),
        "custom": context.client_context.custom if context.client_context else None,
        "env": {name: os.environ.get(name) for name in event["env"]},
        "cwd": os.getcwd(),
    }


def count(event, context):
    global calls
    calls += 1
    return {"calls": calls, "pid": os.getpid()}


class OrderRejected(Exception):
    pass


def reject(event, context):
    raise OrderRejected("too expensive")


def leave(event, context):
    sys.exit(3)


def die(event, context):
    os.kill(os.getpid(), 9)


def speak(event, context):
    print("first line")
    print("to stderr", file=sys.stderr)
    os.write(1, b"raw\n")
    return len(event)


def flood(event, context):
    for _ in range(20_000):
        print("x" * 100)
    return "done"


def decimals(event, context):
    return {"price": Decimal("1.5")}


def unwritable(event, context):
    return {1, 2}


def large(event, context):
    return "x" * 7_000_000


def hoard(event, context):
    return len(bytearray(512 * 1_048_576))


def sleep(event, context):
    child = subprocess.Popen(["sleep", "600"])
    with open(event["pids"], "w") as file:
        file.write(f"{os.getpid()} {child.pid}")
    time.sleep(600)


def nap(event, context):
    time.sleep(0.3)


not_callable = 7
