"""How soon the REPL answers a key: types on a pseudo-terminal, and waits for the line to be drawn again.

usage: keys.py ROUNDS JAILSH ARGS...

Prints lines of JSON as the driver does.
"""

import json
import os
import pty
import select
import statistics
import sys
import time

COLUMNS, LINES = 80, 24
# Longest that a key may take, and the silence after which it is answered, in seconds.
PATIENCE, SILENCE = 5.0, 0.02

# What is typed before, the key, and what then is taken away again.
KEYS = [
    ("a letter, at the beginning of a line", b"", b"s"),
    ("a letter that makes it the name of a verb", b"stat", b"s"),
    ("a letter of a jail's name, with its hint", b'stats("jail-49', b"9"),
    ("a letter inside of a spec", b'jail("x", #{ command: ["a"], log: #{ facility', b":"),
    ("Tab, one of all jails", b'stats("jail-49', b"\t"),
    ("Tab, a method of a jail", b"web.sto", b"\t"),
]


def drain(terminal, patience):
    """Reads until nothing comes any more; how long the first bytes took."""
    start, first = time.perf_counter(), None
    while select.select([terminal], [], [], patience if first is None else SILENCE)[0]:
        if not os.read(terminal, 65536):
            break
        first = first or time.perf_counter() - start
    if first is None:
        raise SystemExit("keys: no answer to a key")
    return first


def main():
    rounds, command = int(sys.argv[1]), sys.argv[2:]
    child, terminal = pty.fork()
    if child == 0:
        os.environ.update(TERM="xterm", COLUMNS=str(COLUMNS), LINES=str(LINES), HOME="/nonexistent")
        os.execvp(command[0], command)
    try:
        drain(terminal, PATIENCE)
        os.write(terminal, b'let web = jail("jail-1")\r')
        drain(terminal, PATIENCE)
        taken = {what: [] for what, _, _ in KEYS}
        for _ in range(rounds):
            for what, before, key in KEYS:
                if before:
                    os.write(terminal, before)
                    drain(terminal, PATIENCE)
                os.write(terminal, key)
                taken[what].append(drain(terminal, PATIENCE) * 1000)
                # Ctrl-U: the line is empty again.
                os.write(terminal, b"\x15")
                drain(terminal, PATIENCE)
    finally:
        os.close(terminal)
        os.waitpid(child, 0)
    for what, found in taken.items():
        low, middle, high = statistics.quantiles(found, n=4) if len(found) > 1 else found * 3
        print(json.dumps({"what": what, "rounds": rounds, "median": middle, "least": min(found), "q1": low, "q3": high, "slowest": max(found)}))


if __name__ == "__main__":
    main()
