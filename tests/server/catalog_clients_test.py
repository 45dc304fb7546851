"""What drivers and tools ask PostgreSQL's catalog for: psycopg2, psycopg 3, asyncpg and SQLAlchemy,
against a real server.

Needs DASHI_COMMAND.
"""

import os
import re
import shutil
import subprocess
import tempfile
import unittest

import asyncpg
import psycopg
import psycopg2
import psycopg2.extras
import sqlalchemy
from psycopg.types import TypeInfo

SEED = """
INSERT INTO labels (id, text) VALUES ('L1', 'headphones'), ('L2', 'cables');
ALTER TABLE documents ADD COLUMN year INTEGER;
ALTER TABLE documents ADD COLUMN price REAL DEFAULT 1.5;
ALTER TABLE documents ADD COLUMN active BOOLEAN DEFAULT true;
ALTER TABLE documents ADD COLUMN seen TIMESTAMP;
CREATE INDEX documents_year ON documents (year);
COMMENT ON TABLE documents IS 'what is searched for';
COMMENT ON COLUMN documents.year IS 'of its making';
"""


def setUpModule():
    global FOLDER, SERVER, WHERE
    command = os.environ["DASHI_COMMAND"]
    FOLDER = tempfile.mkdtemp(prefix="dashi_catalog_clients_test_")
    database = os.path.join(FOLDER, "w.db")
    subprocess.run([command, "exec", database], input=SEED, text=True, check=True,
                   capture_output=True)
    SERVER = subprocess.Popen([command, "serve", database, "--port", "0"], text=True,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    port = re.search(r"port (\d+)", SERVER.stdout.readline()).group(1)
    WHERE = {"host": "127.0.0.1", "port": int(port), "user": "dashi"}


def tearDownModule():
    SERVER.terminate()
    SERVER.stdout.read()
    status = SERVER.wait(60)
    SERVER.stdout.close()
    shutil.rmtree(FOLDER)
    assert status == 0, status


ROW = ("SELECT oid, relname, relkind, relhasindex, relnatts, reltuples FROM pg_class "
       "WHERE relname = ")


class Psycopg2Test(unittest.TestCase):
    def setUp(self):
        self.connection = psycopg2.connect(dbname="w", **WHERE)
        self.addCleanup(self.connection.close)
        self.cursor = self.connection.cursor()

    def rows(self, sql, values=None):
        self.cursor.execute(sql, values)
        return self.cursor.fetchall()

    def test_values_of_the_catalog(self):
        row = self.rows(ROW + "%s", ("documents",))[0]
        self.assertEqual(row[1:], ("documents", "r", True, 8, -1.0))
        self.assertEqual([column.type_code for column in self.cursor.description],
                         [26, 19, 18, 16, 21, 700])
        self.assertEqual(self.rows("SELECT conkey, indkey FROM pg_constraint JOIN pg_index "
                                   "ON indexrelid = conindid WHERE conname = 'relevance_pkey'"),
                         [([1, 2], "1 2")])

    def test_arrays(self):
        self.assertEqual(self.rows("SELECT ARRAY[1, 2], ARRAY['a', 'b,c', NULL], ARRAY[true], "
                                   "%s::float8[]", ([1.5, 2.0],)),
                         [([1, 2], ["a", "b,c", None], [True], [1.5, 2.0])])

    def test_types_that_there_are_not(self):
        with self.assertRaises(psycopg2.ProgrammingError):
            psycopg2.extras.register_hstore(self.connection)
        with self.assertRaises(psycopg2.errors.UndefinedTable):
            self.rows("SELECT 'nope'::regclass")
        self.connection.rollback()
        with self.assertRaises(psycopg2.errors.UndefinedObject):
            self.rows("SELECT 'nope'::regtype")


class Psycopg3Test(unittest.TestCase):
    def setUp(self):
        self.connection = psycopg.connect(dbname="w", autocommit=True, **WHERE)
        self.addCleanup(self.connection.close)

    def test_both_formats(self):
        for binary in (False, True):
            def rows(sql, *values):
                return self.connection.cursor(binary=binary).execute(sql, *values).fetchall()
            row = rows(ROW + "%s", ("documents",))[0]
            self.assertEqual(row[1:], ("documents", "r", True, 8, -1.0))
            self.assertEqual(
                rows("SELECT ARRAY[1, 2], ARRAY['a', 'b,c', NULL], ARRAY[true, false], "
                     "ARRAY[]::int[], conkey FROM pg_constraint WHERE conname = 'labels_pkey'"),
                [([1, 2], ["a", "b,c", None], [True, False], [], [1])])
            self.assertEqual(rows("SELECT typname FROM pg_type WHERE oid = ANY (%s) ORDER BY oid",
                                  ([23, 25],)), [("int4",), ("text",)])
            self.assertEqual(rows("SELECT relname FROM pg_class WHERE oid = %s::regclass",
                                  ("labels",)), [("labels",)])

    def test_type_info(self):
        self.assertEqual(TypeInfo.fetch(self.connection, "int8").array_oid, 1016)
        vector = TypeInfo.fetch(self.connection, "vector")
        self.assertGreaterEqual(vector.oid, 16384)
        self.assertIsNone(TypeInfo.fetch(self.connection, "hstore"))


class AsyncpgTest(unittest.IsolatedAsyncioTestCase):
    """Asks for each type that it does not know by a recursive query."""

    async def asyncSetUp(self):
        self.connection = await asyncpg.connect(database="w", **WHERE)
        self.addAsyncCleanup(self.connection.close)

    async def test_introspection(self):
        fetchrow = self.connection.fetchrow
        self.assertEqual(tuple(await fetchrow("SELECT $1::int[], $2::float4[], $3::bool[], "
                                              "ARRAY['a', NULL]", [1, 2], [0.5], [True, None])),
                         ([1, 2], [0.5], [True, None], ["a", None]))
        row = await fetchrow("SELECT indkey, conkey, indclass FROM pg_constraint JOIN pg_index ON "
                             "indexrelid = conindid WHERE conname = 'relevance_pkey'")
        self.assertEqual(tuple(row), ([1, 2], [1, 2], [0, 0]))
        row = await fetchrow("SELECT * FROM pg_type WHERE typname = $1", "int4")
        self.assertEqual((row["oid"], row["typtype"], row["typinput"], row["typlen"]),
                         (23, b"b", "int4in", 4))

    async def test_rows_of_arrays(self):
        rows = await self.connection.fetch(
            "SELECT a, n FROM unnest($1::text[], $2::int[]) AS t(a, n)", ["x", "y"], [1, 2])
        self.assertEqual([tuple(row) for row in rows], [("x", 1), ("y", 2)])

    async def test_codecs_and_resets(self):
        await self.connection.set_type_codec("json", encoder=str, decoder=str, schema="pg_catalog")
        await self.connection.set_type_codec("vector", encoder=str, decoder=str, schema="public",
                                             format="text")
        with self.assertRaises(ValueError):
            await self.connection.set_type_codec("nope", encoder=str, decoder=str)
        await self.connection.reset()
        with self.assertRaises(asyncpg.UndefinedTableError):
            await self.connection.fetch("SELECT 'nope'::regclass")
        self.assertEqual(await self.connection.fetchval("SELECT 'labels'::regclass"), "labels")


class SqlalchemyTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.engine = sqlalchemy.create_engine(
            f"postgresql+psycopg2://dashi@127.0.0.1:{WHERE['port']}/w")

    @classmethod
    def tearDownClass(cls):
        cls.engine.dispose()

    def test_inspector(self):
        inspector = sqlalchemy.inspect(self.engine)
        self.assertEqual(sorted(inspector.get_table_names()),
                         ["anchors", "documents", "edges", "labels", "relevance"])
        self.assertIn("models", inspector.get_view_names())
        self.assertEqual(sorted(inspector.get_schema_names()), ["information_schema", "public"])
        columns = {column["name"]: column for column in inspector.get_columns("documents")}
        self.assertEqual(list(columns), ["id", "text", "split", "updated_at", "year", "price",
                                         "active", "seen"])
        self.assertEqual([type(column["type"]).__name__ for column in columns.values()],
                         ["TEXT", "TEXT", "TEXT", "TIMESTAMP", "BIGINT", "DOUBLE_PRECISION",
                          "BOOLEAN", "TIMESTAMP"])
        self.assertEqual([columns[name]["nullable"] for name in ("id", "text")], [False, True])
        self.assertEqual(columns["active"]["default"], "true")
        self.assertEqual(columns["year"]["comment"], "of its making")
        self.assertEqual(inspector.get_table_comment("documents"),
                         {"text": "what is searched for"})
        self.assertEqual(inspector.get_pk_constraint("relevance"),
                         {"constrained_columns": ["document", "label"], "name": "relevance_pkey"})
        self.assertEqual([(index["name"], index["column_names"], index["unique"])
                          for index in inspector.get_indexes("documents")],
                         [("documents_year", ["year"], False)])
        self.assertEqual([(key["constrained_columns"], key["referred_table"],
                           key["referred_columns"], key["options"])
                          for key in inspector.get_foreign_keys("relevance")],
                         [(["document"], "documents", ["id"], {"ondelete": "CASCADE"}),
                          (["label"], "labels", ["id"], {"ondelete": "CASCADE"})])
        self.assertEqual(inspector.get_unique_constraints("documents"), [])
        self.assertEqual(inspector.get_check_constraints("documents"), [])
        self.assertTrue(inspector.has_table("labels"))
        self.assertFalse(inspector.has_table("nope"))
        self.assertIn("FROM models", inspector.get_view_definition("models"))

    def test_tables(self):
        metadata = sqlalchemy.MetaData()
        metadata.reflect(self.engine)
        documents = metadata.tables["documents"]
        relevance = metadata.tables["relevance"]
        self.assertEqual([column.name for column in documents.primary_key], ["id"])
        self.assertEqual(sorted(key.target_fullname for key in relevance.foreign_keys),
                         ["documents.id", "labels.id"])
        with self.engine.begin() as connection:
            connection.execute(documents.insert(), [{"id": "sa", "text": "x", "active": False}])
            rows = connection.execute(sqlalchemy.select(documents.c.active, documents.c.price)
                                      .where(documents.c.id == "sa")).fetchall()
            self.assertEqual(rows, [(False, 1.5)])
            connection.execute(documents.delete().where(documents.c.id == "sa"))


if __name__ == "__main__":
    unittest.main()
