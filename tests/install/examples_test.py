#!/usr/bin/env python3
"""Runs the examples that were built against the installed package, as their users would.

Usage: examples_test.py --examples FOLDER --dashi COMMAND --source FOLDER --work FOLDER
Any check that fails ends it with a traceback.
"""

import argparse
import http.client
import json
import os
import re
import signal
import subprocess
import time
import urllib.parse

SECONDS_MAX = 300  # Only a test that fails waits so long.


def run(*command, expected=0, stdin=None):
    """Runs a command to its end. Returns what it wrote to stdout, and to stderr."""
    done = subprocess.run(command, input=stdin, capture_output=True, text=True, timeout=SECONDS_MAX,
                          check=False)
    if done.returncode != expected:
        raise AssertionError(f"{command}: status {done.returncode}, want {expected}\n"
                             f"{done.stdout}\n{done.stderr}")
    return done.stdout, done.stderr


def require(condition, what):
    if not condition:
        raise AssertionError(what)


def check_readme(source):
    """The code in README.md is that of the example, so that it is known to compile and run."""
    with open(os.path.join(source, "README.md"), encoding="utf-8") as stream:
        blocks = re.findall(r"```cpp\n(.*?)```", stream.read(), re.DOTALL)
    with open(os.path.join(source, "examples/embedded.cc"), encoding="utf-8") as stream:
        marked = re.search(r"// \[README\]\n(.*?)// \[/README\]", stream.read(), re.DOTALL)
    require(len(blocks) == 1 and marked, "README.md has one block of C++, and the example marks it")
    require(blocks[0] == marked[1], f"README.md differs from examples/embedded.cc:\n{marked[1]}")


class Tests:
    def __init__(self, arguments):
        self.arguments = arguments
        self.database = os.path.join(arguments.work, "example.db")

    def example(self, name):
        return os.path.join(self.arguments.examples, name)

    def path(self, name):
        return os.path.join(self.arguments.work, name)

    def execute(self, database, *statements):
        options = [option for statement in statements for option in ("-c", statement)]
        return run(self.arguments.dashi, "exec", database, *options)[0]

    def check_embedded(self):
        """Returns whether a model could be trained, for which LibTorch must have been installed."""
        shown, errors = run(self.example("embedded"), self.database)
        require("L1: sport earphones, 29.500000\n" in shown, shown)
        require("L3: phone cases, no price\n" in shown, shown)
        require("42P01 at column 16" in shown, shown)
        require("with a limit: deadline exceeded" in shown, shown)
        require("with Cancel: cancelled" in shown, shown)
        if "not trained" in errors:
            return False
        require("serves now: gear@1\n" in shown, shown)
        require("TRAIN MODEL gear" in errors, errors)
        require(re.search(r"^L\d [a-z ]+ -?\d\.\d{3}$", shown, re.MULTILINE), shown)
        return True

    def write(self, name, text):
        with open(self.path(name), "w", encoding="utf-8") as stream:
            stream.write(text)
        return self.path(name)

    def check_import(self):
        database = self.path("import.db")
        program = self.example("custom_import")
        lines = ["# labels first", "label\tA\tshoes", "label\tB\thats", ""]
        lines += [f"document\td{i}\ttext {i}\tA,B" for i in range(2500)]
        path = self.write("rows.txt", "\n".join(lines) + "\n")
        shown, progress = run(program, database, path)
        require(shown == "imported up to line 2504\n", shown)
        require("line 1000, 38 %" in progress and "line 2504, 100 %" in progress, progress)
        count = "SELECT (SELECT count(*) FROM documents) || '/' || (SELECT count(*) FROM relevance)"
        require("2500/5000" in self.execute(database, count), "not all rows are there")
        run(program, database, path)  # Again: the rows are replaced.
        require("2500/5000" in self.execute(database, count), "rows came twice")

        lines[1200] = "document\tdx\ttext"  # A good line, and the last of its transaction is not.
        lines[1300] = "document\tbad\ttext\tA,C"
        path = self.write("bad.txt", "\n".join(lines) + "\n")
        shown, errors = run(program, database, path, expected=1)
        require(shown == "imported up to line 1000\n", shown)
        require(f"{path}:1301: " in errors and "go on with line 1001" in errors, errors)
        require("2500/5000" in self.execute(database, count), "half a transaction is there")
        lines[1300] = ""
        path = self.write("mended.txt", "\n".join(lines) + "\n")
        run(program, database, path, "1001")
        require("2501/5000" in self.execute(database, count), "the rest was not imported")
        _, errors = run(program, database, "-", expected=1, stdin="nonsense\n")
        require("-:1: " in errors, errors)
        self.check_interrupted_import(program)

    def check_interrupted_import(self, program):
        database = self.path("interrupted.db")
        lines = "".join(f"document\tn{i}\ttext\n" for i in range(1500))
        with subprocess.Popen([program, database, "-"], stdin=subprocess.PIPE,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
            process.stdin.write(lines.encode())
            process.stdin.flush()
            # It shows that a thousand lines are committed, then waits for more.
            progress = b""
            while b"line 1000" not in progress:
                byte = process.stderr.read(1)
                require(byte, progress)
                progress += byte
            process.send_signal(signal.SIGINT)
            shown = process.stdout.read().decode()
            require(process.wait(SECONDS_MAX) == 130, f"status {process.returncode}: {shown}")
        require(shown == "imported up to line 1000\n", shown)
        require("1000" in self.execute(database, "SELECT count(*) FROM documents"), "rows are lost")

    def check_service(self):
        with subprocess.Popen([self.example("query_service"), self.database, "gear", "0", "60000"],
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
            require(process.stdout.readline() == "serving gear@1\n", "it does not serve")
            listening = process.stdout.readline()
            port = int(listening.rsplit(":", 1)[1])
            self.check_answers(port)
            # Another process trains and publishes; the service goes over to it by itself.
            self.execute(self.database, "TRAIN MODEL gear", "PUBLISH gear@2")
            require(process.stdout.readline() == "serving gear@2\n", "the release was not noticed")
            status, answer = self.get(port, "/topk?q=earphones&k=3")
            require(status == 200 and answer["release"] == "gear@2", answer)
            self.execute(self.database, "REVERT MODEL gear")
            require(process.stdout.readline() == "serving gear@1\n", "the revert was not noticed")
            require(self.get(port, "/health") == (200, {"release": "gear@1"}), "health")
            process.send_signal(signal.SIGTERM)
            require(process.wait(SECONDS_MAX) == 0, process.stderr.read())
            require("stopped after" in process.stdout.read(), "it did not stop as it should")

    def get(self, port, target):
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=SECONDS_MAX)
        connection.request("GET", target)
        response = connection.getresponse()
        body = json.loads(response.read())
        connection.close()
        return response.status, body

    def check_answers(self, port):
        text = urllib.parse.quote_plus('earphones "for" running & more é')
        status, answer = self.get(port, f"/topk?q={text}&k=2")
        require(status == 200 and answer["release"] == "gear@1", answer)
        require(len(answer["labels"]) == 2, answer)
        require(set(answer["labels"][0]) == {"label", "text", "score"}, answer)
        for target, expected in (("/topk?k=2", 400), ("/topk?q=a&k=x", 400), ("/topk?q=a&k=0", 400),
                                 ("/topk?q=%ff", 400), ("/nothing", 404)):
            status, answer = self.get(port, target)
            require(status == expected and answer["error"], f"{target}: {status} {answer}")

    def check_deadline(self):
        """A deadline of no time is over before the statement begins."""
        with subprocess.Popen([self.example("query_service"), self.database, "gear", "0", "0"],
                              stdout=subprocess.PIPE, text=True) as process:
            process.stdout.readline()
            port = int(process.stdout.readline().rsplit(":", 1)[1])
            status, answer = self.get(port, "/topk?q=a")
            require(status == 504, answer)
            process.send_signal(signal.SIGINT)
            require(process.wait(SECONDS_MAX) == 0, "it did not stop")


def main():
    parser = argparse.ArgumentParser()
    for option in ("examples", "dashi", "source", "work"):
        parser.add_argument("--" + option, required=True)
    arguments = parser.parse_args()
    os.makedirs(arguments.work, exist_ok=True)
    began = time.monotonic()
    check_readme(arguments.source)
    tests = Tests(arguments)
    is_trained = tests.check_embedded()
    tests.check_import()
    if is_trained:
        tests.check_service()
        tests.check_deadline()
    trained = "" if is_trained else ", the service left out: LibTorch is not installed"
    print(f"examples: all well after {time.monotonic() - began:.1f} s{trained}")


if __name__ == "__main__":
    main()
