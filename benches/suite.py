"""Measures jailsh against its peers and prints a line of JSON for each result; scripts/bench prepares what it needs.

usage: suite.py BIN WORK ROUNDS LIVES SCALE [GROUP]...
"""

import json
import os
import pathlib
import shlex
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import time

SLEEP = "/usr/bin/busybox sleep 1000000"
# A peer that does not answer is given up on, in seconds.
PATIENCE = 300
# What a jail does to its neighbours, and what holds it over the landlock body; tests/neighbours.rs has them over both.
HOGS = [
    ("fork bomb", "processes", "bomb() { bomb | bomb & }; while :; do bomb; sleep 0.2; done"),
    ("memory hog", "memory", "while :; do head -c 500M /dev/zero | tail >/dev/null; done"),
    ("CPU burner", "cpu, cpu_weight", "while :; do :; done & while :; do :; done & while :; do :; done"),
    ("descriptor leak", "RLIMIT_NOFILE, processes", "while :; do for n in $(seq 200); do exec {f}</etc/passwd || break; done 2>/dev/null; sleep 0.1; done"),
    ("disk filler", "the file system alone", "while :; do head -c 30M /dev/zero >/srv/full; rm -f /srv/full; done"),
    ("log flooder", "cpu, the log's own bounds", "while :; do echo flood flood flood flood; done"),
]


class Suite:
    def __init__(self, binaries, work, rounds, lives, scale):
        self.bin, self.work = pathlib.Path(binaries), pathlib.Path(work)
        self.rounds, self.lives, self.scale = rounds, lives, scale
        self.data = str(self.work / "data")
        self.root, self.bundle = self.work / "root", self.work / "bundle"
        for directory in (self.root / "bin", self.root / "proc", self.bundle):
            directory.mkdir(parents=True)
        shutil.copy(self.work / "true", self.root / "bin/true")
        config = {
            "ociVersion": "1.0.2",
            "process": {"user": {"uid": 0, "gid": 0}, "args": ["/bin/true"], "cwd": "/"},
            "mounts": [{"destination": "/proc", "type": "proc", "source": "proc"}],
            "root": {"path": str(self.root), "readonly": True},
            "linux": {"namespaces": [{"type": "mount"}, {"type": "pid"}]},
        }
        (self.bundle / "config.json").write_text(json.dumps(config))

    def ours(self, tool, *words, data=None):
        return [str(self.bin / tool), "--data-dir", data or self.data, *words]

    def run(self, tool, *words, data=None):
        return subprocess.run(self.ours(tool, *words, data=data), check=True, capture_output=True, timeout=PATIENCE).stdout

    def jail(self, name, up=True):
        self.run("jailmgr", "create", "-x", SLEEP, "-l", "medium", name)
        shutil.copy(self.work / "true", f"{self.data}/jails/{name}/data/opt/true")
        shutil.copy(self.work / "calls", f"{self.data}/jails/{name}/data/opt/calls")
        if up:
            self.run("jailmgr", "start", name)

    def gone(self, name):
        self.run("jailmgr", "stop", name)
        self.run("jailmgr", "destroy", name)

    def say(self, group, **result):
        print(json.dumps({"group": group, **result}), flush=True)

    def drive(self, group, rounds, commands):
        """In turns; a peer that is not installed is said."""
        present = [(what, argv) for what, argv in commands if shutil.which(argv[0])]
        listed = self.work / "commands"
        listed.write_text("".join("\t".join([what, *argv]) + "\n" for what, argv in present))
        driven = subprocess.run([str(self.work / "driver"), str(rounds), str(listed)], check=True, capture_output=True, timeout=PATIENCE)
        for line in driven.stdout.splitlines():
            self.say(group, **json.loads(line))
        for what, argv in commands:
            if not shutil.which(argv[0]):
                self.say(group, what=what, failed="not installed")

    def exec(self):
        self.jail("bench-exec")
        true, root = str(self.work / "true"), str(self.root)
        self.drive("exec", self.rounds, [
            ("jailctl --version (the client, doing nothing)", [str(self.bin / "jailctl"), "--version"]),
            ("jailctl exec NAME true", self.ours("jailctl", "exec", "bench-exec", "/opt/true")),
            ("fork+exec of a static true", [true]),
            ("bwrap --ro-bind / / true", ["bwrap", "--ro-bind", "/", "/", true]),
            ("unshare -m chroot ROOT true", ["unshare", "-m", "chroot", root, "/bin/true"]),
            ("firejail --noprofile true", ["firejail", "--quiet", "--noprofile", true]),
        ])
        self.gone("bench-exec")

    def life(self):
        script = self.work / "life"
        verbs = [["create", "-x", SLEEP, "-l", "medium"], ["start"], ["stop"], ["destroy"]]
        line = lambda verb, name: " ".join(f"'{word}'" for word in self.ours("jailmgr", *verb, name))
        script.write_text("set -e\n" + "\n".join(line(verb, "bench-life") for verb in verbs))
        again = self.work / "again"
        again.write_text("set -e\n" + "\n".join(line(verb, "bench-again") for verb in verbs[1:3]))
        rhai = self.work / "life.rhai"
        words = ", ".join(f'"{word}"' for word in SLEEP.split())
        rhai.write_text(f'let one = jail("bench-life", #{{ command: [{words}], profile: "medium" }});\n'
                        "one.create();\none.start();\none.stop();\none.destroy();\n")
        self.jail("bench-again", up=False)
        oci = lambda tool: [tool, "--root", str(self.work / tool), "run", "--bundle", str(self.bundle), "bench-oci"]
        self.drive("life", self.lives, [
            ("runc run of a static true", oci("runc")),
            ("create, start, stop, destroy: four commands", ["sh", str(script)]),
            ("the same, one script of jailsh", self.ours("jailsh", str(rhai))),
            ("start, stop of a jail that is there: two commands", ["sh", str(again)]),
            ("crun run of a static true", oci("crun")),
            ("systemd-nspawn of a static true", ["systemd-nspawn", "-q", "--register=no", "--keep-unit", "-D", str(self.root), "/bin/true"]),
        ])
        self.run("jailmgr", "destroy", "bench-again")

    def script(self):
        library = self.work / "import.rhai"
        library.write_text('import "std/profiles" as profiles;\n')
        jailsh = str(self.bin / "jailsh")
        self.drive("script", self.rounds, [
            ("lua -e 1", ["lua5.4", "-e", "local a = 1"]),
            ("jailsh -e 1", [jailsh, "-e", "1"]),
            ("jailsh, a script that imports std/profiles", [jailsh, str(library)]),
            ("python3 -c 1", ["python3", "-c", "1"]),
        ])

    def key(self):
        many = self.work / "many"
        for at in range(500):
            (many / f"jails/jail-{at}").mkdir(parents=True, mode=0o700)
        os.chmod(many, 0o755)
        command = [sys.executable, "benches/keys.py", str(min(self.rounds, 100)), str(self.bin / "jailsh"), "--kernel", "sim", "--data-dir", str(many)]
        for line in subprocess.run(command, check=True, capture_output=True, timeout=PATIENCE).stdout.splitlines():
            self.say("key", **json.loads(line))

    def memory(self):
        """Private memory in KiB of one of two that run: what they have in common is the program. And what that takes on disk."""
        jails = ("bench-memory", "bench-memory2")
        for name in jails:
            self.jail(name)
        for what, word in (("supervisor of a jail", "supervise"), ("its keeper (landlock)", "keep")):
            found = titled(f"jailctl: {word} jail=bench-memory ")
            if found:
                self.say("memory", what=what, kib=private(found[0]))
        for name in jails:
            self.gone(name)
        runtime = self.work / "runtime"
        # It is asked to create a container, and writes the pid of one.
        runtime.write_text('#!/bin/sh\nwhile [ $# -gt 0 ]; do [ "$1" = --pid-file ] && file=$2; shift; done\n'
                           'sleep 1000 >/dev/null 2>&1 &\n[ -z "$file" ] || echo $! >"$file"\n')
        runtime.chmod(0o755)
        runsv, conmon = [], []
        for number in ("1", "2"):
            service = self.work / f"service{number}"
            service.mkdir()
            (service / "run").write_text("#!/bin/sh\nexec sleep 1000\n")
            (service / "run").chmod(0o755)
            runsv.append(["runsv", str(service)])
            # It listens in the bundle's directory.
            bundle = self.work / f"bundle{number}"
            bundle.mkdir()
            conmon.append(["conmon", "-c", f"bench{number}", "-u", f"bench{number}", "-r", str(runtime), "-b", str(bundle), "-s",
                           "-p", f"{self.work}/pid{number}", "-l", f"k8s-file:{self.work}/log{number}", "--sync", "--full-attach"])
        self.peers("runsv", runsv)
        self.peers("conmon", conmon)
        self.say("memory", what="jailsh, the program", kib=(self.bin / "jailsh").stat().st_size // 1024)

    def peers(self, what, commands):
        if not shutil.which(commands[0][0]):
            self.say("memory", what=what, failed="not installed")
            return
        quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, "start_new_session": True}
        processes = [subprocess.Popen(argv, **quiet) for argv in commands]
        time.sleep(0.5)
        try:
            ended = [process.returncode for process in processes if process.poll() is not None]
            if ended:
                self.say("memory", what=what, failed=f"exit status {ended[0]}")
            else:
                self.say("memory", what=what, kib=private(processes[0].pid))
        finally:
            for process in processes:
                if process.poll() is None:
                    os.killpg(process.pid, signal.SIGKILL)
                process.wait()

    def calls(self):
        """What calls take on the host and in a jail of the body at hand."""
        self.jail("bench-calls")
        count = str(max(200, self.rounds * 40))
        # The same file by a name of one part: the walk to it is not the jail's.
        etc = f"{self.data}/jails/bench-calls/data/etc"
        for _ in range(7):
            taken("calls", "host", [str(self.work / "calls"), count, "passwd"], self.say, cwd=etc)
            taken("calls", "jailed", self.ours("jailctl", "exec", "-w", "/etc", "bench-calls", "/opt/calls", count, "passwd"), self.say)
        self.gone("bench-calls")

    def scale_up(self):
        """Many supervised jails: what all of them take, at a quarter, a half and the whole of them."""
        data = str(self.work / "scale")
        words = ", ".join(f'"{word}"' for word in SLEEP.split())
        made = 0
        try:
            for count in sorted({max(1, self.scale // 4), max(1, self.scale // 2), self.scale}):
                create = self.work / "create.rhai"
                create.write_text(f'for i in {made}..{count} {{ jail(`bench-s${{i}}`, #{{ command: [{words}], profile: "medium", autostart: true }}).create(); }}\n')
                begun = time.monotonic()
                self.run("jailsh", str(create), data=data)
                created = (time.monotonic() - begun) / (count - made)
                made = count
                free = available()
                begun = time.monotonic()
                self.run("jailmgr", "start", "--all", data=data)
                started = time.monotonic() - begun
                used = free - available()
                looks = {"stats": self.ours("jailctl", "stats", data=data), "scrape": self.ours("jailctl", "metrics", data=data), "ps": ["ps", "ax"]}
                times = {what: [] for what in looks}
                for _ in range(7):
                    for what, argv in looks.items():
                        begun = time.monotonic()
                        subprocess.run(argv, check=True, stdout=subprocess.DEVNULL, timeout=PATIENCE)
                        times[what].append((time.monotonic() - begun) * 1000)
                some = titled("jailctl: supervise jail=bench-s")[:20]
                sizes = [size for size in map(private, some) if size]
                shares = [share for share in map(family, some) if share]
                begun = time.monotonic()
                self.run("jailmgr", "stop", "--all", data=data)
                self.say("scale", jails=count, create=created * 1000, start=started, stop=time.monotonic() - begun, kib=used // count,
                         supervisor=statistics.median(sizes) if sizes else None, pss=statistics.median(shares) if shares else None,
                         **{what: statistics.median(taken) for what, taken in times.items()})
        finally:
            subprocess.run(self.ours("jailmgr", "stop", "*", data=data), capture_output=True)
            subprocess.run(self.ours("jailmgr", "destroy", "*", data=data), capture_output=True)

    def neighbours(self):
        """How soon a server answers while another jail takes all it may, each beside the same at rest."""
        port = free_port()
        words = ["/usr/bin/python3", "-m", "http.server", "--bind", "127.0.0.1", "--directory", "/srv", str(port)]
        self.run("jailmgr", "create", "-x", " ".join(words), "-l", "medium", "bench-quiet")
        self.run("jailmgr", "start", "bench-quiet")
        try:
            while answer(port) is None:
                time.sleep(0.05)
            limits = ["--cpu", "20%", "--cpu-weight", "10", "--memory", "64M", "--swap", "0", "--processes", "40"]
            for what, held, does in HOGS:
                self.run("jailmgr", "create", "-x", shlex.join(["/bin/bash", "-c", does]), *limits, "bench-hog")
                idle, beside = [], []
                for _ in range(3):
                    idle += self.answers(port)
                    self.run("jailmgr", "start", "bench-hog")
                    time.sleep(0.3)
                    beside += self.answers(port)
                    self.run("jailmgr", "stop", "bench-hog")
                self.run("jailmgr", "destroy", "bench-hog")
                self.say("neighbours", what=what, held=held, answers=len(beside), idle=statistics.median(idle) * 1000,
                         beside=statistics.median(beside) * 1000)
        finally:
            for name in ("bench-hog", "bench-quiet"):
                for verb in ("stop", "destroy"):
                    subprocess.run(self.ours("jailmgr", verb, name), capture_output=True)

    def answers(self, port):
        taken = [answer(port) for _ in range(max(20, self.rounds // 2))]
        if None in taken:
            raise RuntimeError("the server did not answer beside another jail")
        return taken

    def module(self):
        """What the guest measured, if it ran."""
        found = self.work / "module"
        for line in found.read_text().splitlines() if found.exists() else []:
            where, what, ns = line.split("\t")
            self.say("module", where=where, what=what, ns=float(ns))


def taken(group, where, argv, say, cwd=None):
    for line in subprocess.run(argv, check=True, capture_output=True, text=True, timeout=PATIENCE, cwd=cwd).stdout.splitlines():
        what, ns = line.split("\t")
        say(group, where=where, what=what, ns=float(ns))


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def answer(port):
    """Seconds until the server has answered; `None`: it does not."""
    begun = time.monotonic()
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=10) as server:
            server.sendall(b"GET / HTTP/1.0\r\n\r\n")
            text = b"".join(iter(lambda: server.recv(65536), b""))
    except OSError:
        return None
    taken = time.monotonic() - begun
    time.sleep(0.005)
    return taken if b" 200 OK" in text else None


def titled(title):
    found = []
    for entry in pathlib.Path("/proc").iterdir():
        try:
            if entry.name.isdigit() and (entry / "cmdline").read_bytes().startswith(title.encode()):
                found.append(int(entry.name))
        except OSError:
            pass  # It ended meanwhile.
    return found


def private(pid):
    """KiB; `None` of one that ended."""
    return summed(pid, ("Private_Clean:", "Private_Dirty:"))


def family(pid):
    """A supervisor's share of memory with its keeper and its service, KiB: what several have in common is divided by them."""
    try:
        children = pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    except OSError:
        return None
    shares = [summed(one, ("Pss:",)) for one in [pid, *children]]
    return None if None in shares else sum(shares)


def summed(pid, words):
    try:
        lines = pathlib.Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except OSError:
        return None
    return sum(int(line.split()[1]) for line in lines if line.startswith(words))


def available():
    lines = pathlib.Path("/proc/meminfo").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("MemAvailable:"))


def main():
    binaries, work, rounds, lives, scale = sys.argv[1:6]
    suite = Suite(binaries, work, int(rounds), int(lives), int(scale))
    doctor = subprocess.run([suite.bin / "jailsh", "doctor", "--json"], capture_output=True, text=True).stdout
    model = next((line.split(":")[1].strip() for line in open("/proc/cpuinfo") if line.startswith("model name")), os.uname().machine)
    suite.say("machine", model=model, processors=os.cpu_count(), kernel=os.uname().release,
              date=time.strftime("%Y-%m-%d", time.gmtime()), body=json.loads(doctor)["body"], load=os.getloadavg()[0])
    groups = {"exec": suite.exec, "life": suite.life, "script": suite.script, "key": suite.key, "memory": suite.memory,
              "calls": suite.calls, "neighbours": suite.neighbours, "scale": suite.scale_up, "module": suite.module}
    for name, group in groups.items():
        if not sys.argv[6:] or name in sys.argv[6:]:
            begun = time.monotonic()
            group()
            print(f"bench: {name} took {time.monotonic() - begun:.0f} s", file=sys.stderr)


if __name__ == "__main__":
    main()
