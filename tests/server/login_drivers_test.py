"""Passwords and TLS with the real drivers psycopg2, psycopg 3 and asyncpg.

Needs DASHI_COMMAND and the program openssl.
"""

import asyncio
import os
import re
import shutil
import ssl
import subprocess
import tempfile
import unittest

import asyncpg
import psycopg
import psycopg2

SEED = """
CREATE ROLE ann LOGIN PASSWORD 'a pencil'; GRANT admin TO ann;
CREATE ROLE bob LOGIN PASSWORD 'a pen'; GRANT reader TO bob;
"""


def setUpModule():
    global FOLDER, SERVER, WHERE
    command = os.environ["DASHI_COMMAND"]
    FOLDER = tempfile.mkdtemp(prefix="dashi_login_drivers_test_")
    database = os.path.join(FOLDER, "w.db")
    subprocess.run([command, "exec", database], input=SEED, text=True, check=True,
                   capture_output=True)
    certificate, key = (os.path.join(FOLDER, name) for name in ("server.pem", "server.key"))
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
                    "ec_paramgen_curve:P-256", "-nodes", "-days", "2", "-subj", "/CN=localhost",
                    "-addext", "subjectAltName=DNS:localhost", "-keyout", key, "-out",
                    certificate], check=True, capture_output=True)
    os.chmod(key, 0o600)
    SERVER = subprocess.Popen([command, "serve", database, "--port", "0",
                               "--tls-certificate-file", certificate, "--tls-key-file", key],
                              text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    port = re.search(r"port (\d+)", SERVER.stdout.readline()).group(1)
    WHERE = {"host": "localhost", "port": int(port), "user": "ann", "password": "a pencil"}


def tearDownModule():
    SERVER.terminate()
    SERVER.stdout.read()
    status = SERVER.wait(60)
    SERVER.stdout.close()
    shutil.rmtree(FOLDER)
    assert status == 0, status


def verified():
    return {"sslmode": "verify-full", "sslrootcert": os.path.join(FOLDER, "server.pem"),
            "channel_binding": "require"}


class LibpqTest(unittest.TestCase):
    def test_password_with_and_without_tls(self):
        for connect in (psycopg.connect, psycopg2.connect):
            for more in ({"sslmode": "disable"}, verified()):
                connection = connect(**WHERE, dbname="w", **more)
                cursor = connection.cursor()
                cursor.execute("SELECT 40 + 2")
                self.assertEqual(cursor.fetchone(), (42,))
                connection.close()

    def test_wrong_passwords(self):
        for user in ("ann", "nobody"):
            with self.assertRaisesRegex(psycopg.OperationalError,
                                        f'password authentication failed for user "{user}"'):
                psycopg.connect(**{**WHERE, "user": user, "password": "x"}, dbname="w",
                                sslmode="require")

    def test_rights(self):
        with psycopg.connect(**{**WHERE, "user": "bob", "password": "a pen"}, dbname="w",
                             autocommit=True) as connection:
            with self.assertRaises(psycopg.errors.InsufficientPrivilege):
                connection.execute("DELETE FROM labels")
            self.assertEqual(connection.execute("SELECT count(*) FROM labels").fetchone(), (0,))


class AsyncpgTest(unittest.TestCase):
    def test_password_with_and_without_tls(self):
        async def ask(**more):
            connection = await asyncpg.connect(**WHERE, database="w", **more)
            try:
                return await connection.fetchval("SELECT 40 + 2")
            finally:
                await connection.close()

        context = ssl.create_default_context(cafile=os.path.join(FOLDER, "server.pem"))
        self.assertEqual(asyncio.run(ask(ssl=context)), 42)
        self.assertEqual(asyncio.run(ask(ssl=False)), 42)

    def test_wrong_password(self):
        async def connect():
            await asyncpg.connect(**{**WHERE, "password": "x"}, database="w", ssl=False)

        with self.assertRaises(asyncpg.InvalidPasswordError):
            asyncio.run(connect())


if __name__ == "__main__":
    unittest.main()
