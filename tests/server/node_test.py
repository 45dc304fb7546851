"""node-postgres against a real server: node_client.js has the tests.

Needs DASHI_COMMAND, the programs openssl and node, and Debian's package node-pg, installed or
unpacked into the folder DASHI_UNPACKED.
"""

import os
import subprocess
import unittest

from served_database import ENDLESS, ServedDatabase

MODULES = "/usr/share/nodejs"


class NodeTest(unittest.TestCase):
    def test_node_postgres(self):
        served = ServedDatabase()
        self.addCleanup(served.stop)
        unpacked = os.environ.get("DASHI_UNPACKED", "") + MODULES
        ran = subprocess.run(
            ["node", os.path.join(os.path.dirname(os.path.abspath(__file__)), "node_client.js")],
            env={**served.environment(), "DASHI_ENDLESS": ENDLESS,
                 "NODE_PATH": f"{unpacked}:{MODULES}"},
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
        self.assertEqual(ran.returncode, 0, ran.stdout)
        self.assertIn("# fail 0", ran.stdout)
        self.assertIn("# skipped 0", ran.stdout)


if __name__ == "__main__":
    unittest.main()
