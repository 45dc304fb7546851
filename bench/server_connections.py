#!/usr/bin/env python3
"""What many connections cost a server: idle, active beside them, and coming and going.

    bench/server_connections.py DATABASE [--idle 1000] [--active 200] [--seconds 10]
                                [--command build/release/bin/dashi]

DATABASE, which is copied first, should have a published release. Needs Debian's
python3-psycopg2 and pgbench (postgresql-contrib). Client and server share the machine.
"""

import argparse
import os
import re
import resource
import shutil
import signal
import subprocess
import tempfile
import time

import psycopg2

TOPK = "\\set n random(1, 100)\nSELECT label FROM topk('dog cable ' || :n, 10);\n"


def status_of(process):
    with open(f"/proc/{process.pid}/status", encoding="utf-8") as file:
        resident = int(re.search(r"VmRSS:\s+(\d+)", file.read()).group(1))
    return resident, len(os.listdir(f"/proc/{process.pid}/fd"))


def pgbench(port, script, clients, seconds, *more):
    output = subprocess.run(
        ["pgbench", "-h", "127.0.0.1", "-p", port, "-U", "ann", "-n", "-M", "prepared", "-c",
         str(clients), "-j", "2", "-T", str(seconds), "-f", script, *more, "w"],
        capture_output=True, text=True, check=True).stdout
    rate = re.search(r"tps = ([\d.]+)", output).group(1)
    latency = re.search(r"latency average = ([\d.]+)", output).group(1)
    failed = re.search(r"failed transactions: (\d+)", output).group(1)
    return f"{float(rate):8.0f}/s, {float(latency):8.3f} ms on average, {failed} failed"


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("database")
    parser.add_argument("--idle", type=int, default=1000)
    parser.add_argument("--active", type=int, default=200)
    parser.add_argument("--seconds", type=int, default=10)
    parser.add_argument("--command", default="build/release/bin/dashi")
    options = parser.parse_args()
    limit = options.idle + options.active + 200
    resource.setrlimit(resource.RLIMIT_NOFILE,
                       (limit, max(limit, resource.getrlimit(resource.RLIMIT_NOFILE)[1])))
    folder = tempfile.mkdtemp(prefix="dashi_connections_")
    database = os.path.join(folder, "c.db")
    shutil.copytree(options.database, database)
    script, nothing = os.path.join(folder, "topk.sql"), os.path.join(folder, "nothing.sql")
    with open(script, "w", encoding="utf-8") as file:
        file.write(TOPK)
    with open(nothing, "w", encoding="utf-8") as file:
        file.write("SELECT 1;\n")
    server = subprocess.Popen(
        [options.command, "serve", database, "--port", "0", "--max-connections", str(limit)],
        stderr=subprocess.PIPE, text=True)
    port = re.search(r"port (\d+)", server.stderr.readline()).group(1)

    for clients in (1, 64):
        print(f"topk, {clients} connections: {pgbench(port, script, clients, options.seconds)}")
    print("a connection for each statement, 16 at a time: "
          f"{pgbench(port, nothing, 16, options.seconds, '-C')}")
    before, descriptors = status_of(server)
    begun = time.monotonic()
    idle = [psycopg2.connect(host="127.0.0.1", port=port, user="ann", dbname="w")
            for _ in range(options.idle)]
    seconds = time.monotonic() - begun
    after, with_idle = status_of(server)
    print(f"{options.idle} idle connections: {(after - before) / options.idle:.1f} KiB each, "
          f"{with_idle - descriptors} descriptors, opened in {seconds:.2f} s")
    print(f"topk, {options.active} connections beside them: "
          f"{pgbench(port, script, options.active, options.seconds)}")
    for connection in idle:
        connection.close()
    time.sleep(2)
    resident, descriptors = status_of(server)
    print(f"after they have gone: {(resident - before) / 1024:+.1f} MiB, {descriptors} descriptors")
    server.send_signal(signal.SIGTERM)
    server.wait(60)
    shutil.rmtree(folder)


if __name__ == "__main__":
    main()
