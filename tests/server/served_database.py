"""A database with rows, a model and roles that `dashi serve` answers from, for tests of clients.

Needs DASHI_COMMAND and the program openssl.
"""

import os
import re
import shutil
import subprocess
import tempfile

# Runs until it is cancelled.
ENDLESS = "WITH RECURSIVE r(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM r) SELECT max(n) FROM r"
SEED = """
INSERT INTO labels (id, text) VALUES ('L1', 'headphones'), ('L2', 'cables'), ('L3', 'café 日本');
ALTER TABLE documents ADD COLUMN year INTEGER;
ALTER TABLE documents ADD COLUMN price REAL DEFAULT 1.5;
ALTER TABLE documents ADD COLUMN active BOOLEAN;
ALTER TABLE documents ADD COLUMN seen TIMESTAMP;
CREATE INDEX documents_year ON documents (year);
COMMENT ON COLUMN documents.year IS 'of its making';
INSERT INTO documents (id, text) VALUES ('d1', 'sound on the ears'), ('d2', 'a wire for sound'),
  ('d3', 'coffee house'), ('d4', 'small headphones');
INSERT INTO relevance (document, label) VALUES ('d1', 'L1'), ('d2', 'L2'), ('d3', 'L3'),
  ('d4', 'L1');
CREATE MODEL m USING ngame WITH (seed = 7, threads = 1);
TRAIN MODEL m;
PUBLISH m@1;
CREATE ROLE ann LOGIN PASSWORD 'a pencil';
GRANT admin TO ann;
CREATE ROLE bob LOGIN PASSWORD 'a pen';
GRANT reader TO bob;
"""


class ServedDatabase:
    """Serves a new database at a free port, with TLS for localhost.

    The role ann, with the password 'a pencil', may do everything; bob, 'a pen', may read.
    """

    def __init__(self):
        command = os.environ["DASHI_COMMAND"]
        self.folder = tempfile.mkdtemp(prefix="dashi_clients_test_")
        database = os.path.join(self.folder, "w.db")
        subprocess.run([command, "exec", database], input=SEED, text=True, check=True,
                       capture_output=True)
        self.certificate = self.make_certificate("server")
        self.other_certificate = self.make_certificate("other")
        self.process = subprocess.Popen(
            [command, "serve", database, "--port", "0", "--tls-certificate-file", self.certificate,
             "--tls-key-file", self.path("server.key")],
            text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        port = re.search(r"port (\d+)", self.process.stdout.readline()).group(1)
        self.where = {"host": "localhost", "port": int(port), "user": "ann",
                      "password": "a pencil"}

    def path(self, name):
        return os.path.join(self.folder, name)

    def make_certificate(self, name):
        """Makes a certificate that vouches for itself. Returns its file."""
        certificate, key = self.path(name + ".pem"), self.path(name + ".key")
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
                        "ec_paramgen_curve:P-256", "-nodes", "-days", "2", "-subj",
                        "/CN=localhost", "-addext", "subjectAltName=DNS:localhost", "-keyout", key,
                        "-out", certificate], check=True, capture_output=True)
        os.chmod(key, 0o600)
        return certificate

    def environment(self):
        """What a client in a process of its own is told, beside the environment that there is."""
        return {**os.environ, "DASHI_PORT": str(self.where["port"]),
                "DASHI_CERTIFICATE": self.certificate,
                "DASHI_OTHER_CERTIFICATE": self.other_certificate}

    def stop(self):
        """Ends the server, which must not have failed, and removes the database."""
        self.process.terminate()
        self.process.stdout.read()
        status = self.process.wait(60)
        self.process.stdout.close()
        shutil.rmtree(self.folder)
        assert status == 0, status
