"""PostgreSQL's JDBC driver against a real server: JdbcClient.java has the tests.

Needs DASHI_COMMAND, the programs openssl and java, Debian's package libpostgresql-jdbc-java, and
Eclipse's compiler, package ecj, which is much smaller than a JDK.
"""

import os
import subprocess
import unittest

from served_database import ENDLESS, ServedDatabase

DRIVER = "/usr/share/java/postgresql.jar"


class JdbcTest(unittest.TestCase):
    def test_jdbc(self):
        served = ServedDatabase()
        self.addCleanup(served.stop)
        classes = served.path("classes")
        source = os.path.join(os.path.dirname(os.path.abspath(__file__)), "JdbcClient.java")
        compiled = subprocess.run(
            ["ecj", "-17", "-encoding", "UTF-8", "-proc:none", "-nowarn", "-d", classes, "-cp",
             DRIVER, source], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
            check=False)
        self.assertEqual(compiled.returncode, 0, compiled.stdout)
        ran = subprocess.run(
            ["java", "-Xmx256m", "-Dfile.encoding=UTF-8", "-cp", f"{DRIVER}:{classes}",
             "JdbcClient"], env={**served.environment(), "DASHI_ENDLESS": ENDLESS},
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
        self.assertEqual(ran.returncode, 0, ran.stdout)
        self.assertIn("ok testTypesOfColumns", ran.stdout)


if __name__ == "__main__":
    unittest.main()
