"""The real drivers psycopg2, psycopg 3 and asyncpg against a real server.

Needs DASHI_COMMAND. Each test connects to one server over one database; what a test writes has ids
of its own.
"""

import asyncio
import datetime
import decimal
import io
import os
import re
import shutil
import subprocess
import tempfile
import threading
import unittest
import uuid

import asyncpg
import psycopg
import psycopg2
import psycopg2.extras
import psycopg2.pool
import psycopg.rows

LONG = "WITH RECURSIVE r(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM r) SELECT max(n) FROM r"
SEED = """
INSERT INTO labels (id, text) VALUES ('L1', 'headphones'), ('L2', 'cables'), ('L3', 'café 日本');
ALTER TABLE documents ADD COLUMN year INTEGER;
ALTER TABLE documents ADD COLUMN price REAL;
ALTER TABLE documents ADD COLUMN active BOOLEAN;
ALTER TABLE documents ADD COLUMN seen TIMESTAMP;
"""
INSERT = "INSERT INTO documents (id, text, year, price, active, seen) VALUES "
NOON = datetime.datetime(2026, 11, 28, 12, 30,
                         tzinfo=datetime.timezone(datetime.timedelta(hours=2)))
NOON_SHOWN = "2026-11-28 10:30:00.000000+00"


def setUpModule():
    global FOLDER, SERVER, WHERE
    command = os.environ["DASHI_COMMAND"]
    FOLDER = tempfile.mkdtemp(prefix="dashi_drivers_test_")
    database = os.path.join(FOLDER, "w.db")
    subprocess.run([command, "exec", database], input=SEED, text=True, check=True,
                   capture_output=True)
    SERVER = subprocess.Popen([command, "serve", database, "--port", "0"], text=True,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    port = re.search(r"port (\d+)", SERVER.stdout.readline()).group(1)
    WHERE = {"host": "127.0.0.1", "port": int(port), "user": "ann"}


def tearDownModule():
    SERVER.terminate()
    SERVER.stdout.read()
    status = SERVER.wait(60)
    SERVER.stdout.close()
    shutil.rmtree(FOLDER)
    assert status == 0, status


class Cancelling:
    """Cancels what a connection runs, again and again: one that comes too early is forgotten."""

    def __init__(self, connection):
        self.connection = connection
        self.done = threading.Event()
        self.thread = threading.Thread(target=self.cancel)

    def cancel(self):
        while not self.done.wait(0.3):
            self.connection.cancel()

    def __enter__(self):
        self.thread.start()

    def __exit__(self, *_):
        self.done.set()
        self.thread.join()


class Psycopg2Test(unittest.TestCase):
    """Simple queries; parameters are put into the text by the driver."""

    def setUp(self):
        self.connection = psycopg2.connect(dbname="w", **WHERE)
        self.addCleanup(self.connection.close)
        self.cursor = self.connection.cursor()

    def rows(self, sql, values=None):
        self.cursor.execute(sql, values)
        return self.cursor.fetchall()

    def test_parameters(self):
        self.assertEqual(self.rows("SELECT %s, %s, %s, %s", (1, None, "it's", 2.5)),
                         [(1, None, "it's", 2.5)])
        self.assertEqual(self.rows("SELECT text FROM labels WHERE id = %(id)s", {"id": "L3"}),
                         [("café 日本",)])
        self.cursor.execute(INSERT + "(%s, %s, %s, %s, %s, %s)",
                            ("two1", "x", 7, 0.5, True, NOON))
        self.assertEqual(self.rows("SELECT year, price, active, seen FROM documents "
                                   "WHERE id = 'two1'"), [(7, 0.5, True, NOON)])
        self.connection.rollback()
        self.assertEqual(self.rows("SELECT count(*) FROM documents WHERE id = 'two1'"), [(0,)])

    def test_lists_patterns_and_backslashes(self):
        self.assertEqual(self.rows("SELECT id FROM labels WHERE id = ANY(%s) ORDER BY id",
                                   (["L3", "L1", "it's"],)), [("L1",), ("L3",)])
        self.assertEqual(self.rows("SELECT id FROM labels WHERE text ~* %s", ("^CAB\\w+$",)),
                         [("L2",)])
        self.assertEqual(self.rows("SELECT %s, length(%s)", ("a\\b", "\\n\n")),
                         [("a\\b", 3)])

    def test_batches(self):
        psycopg2.extras.execute_batch(
            self.cursor, "INSERT INTO anchors (id, text) VALUES (%s, %s)",
            [(f"batch{i}", "x") for i in range(10)])
        psycopg2.extras.execute_values(
            self.cursor, "INSERT INTO anchors (id, text) VALUES %s",
            [(f"values{i}", "x") for i in range(10)])
        self.assertEqual(self.cursor.rowcount, 10)
        self.connection.rollback()

    def test_server_cursors(self):
        cursor = self.connection.cursor("named")
        cursor.itersize = 2
        cursor.execute("SELECT id FROM labels ORDER BY id")
        self.assertEqual([row[0] for row in cursor], ["L1", "L2", "L3"])
        cursor.close()
        cursor = self.connection.cursor("skips")
        cursor.execute("SELECT id FROM labels ORDER BY id")
        cursor.scroll(1)
        self.assertEqual(cursor.fetchone(), ("L2",))
        cursor.close()
        held = self.connection.cursor("held", withhold=True)
        held.execute("SELECT id FROM labels ORDER BY id")
        self.connection.commit()
        self.assertEqual(held.fetchall(), [("L1",), ("L2",), ("L3",)])
        held.close()

    def test_copy(self):
        self.cursor.copy_expert("COPY anchors (id, text) FROM STDIN WITH CSV HEADER",
                                io.StringIO('id,text\ncsv1,"a, ""b"""\ncsv2,\u00e9\n'))
        self.assertEqual(self.cursor.rowcount, 2)
        self.cursor.copy_from(io.StringIO("tab1\tx\ty\n".replace("x\ty", "x\\ty")), "anchors",
                              columns=("id", "text"))
        got = io.StringIO()
        self.cursor.copy_expert("COPY (SELECT id, text FROM anchors ORDER BY id) TO STDOUT", got)
        self.assertEqual(got.getvalue(), 'csv1\ta, "b"\ncsv2\t\u00e9\ntab1\tx\\ty\n')
        got = io.StringIO()
        self.cursor.copy_expert("COPY (SELECT id, text FROM anchors ORDER BY id) TO STDOUT CSV",
                                got)
        self.assertEqual(got.getvalue(), 'csv1,"a, ""b"""\ncsv2,\u00e9\ntab1,x\ty\n')
        binary, again = io.BytesIO(), io.BytesIO()
        out = "COPY (SELECT id, text FROM anchors ORDER BY id) TO STDOUT (FORMAT binary)"
        self.cursor.copy_expert(out, binary)
        self.cursor.execute("DELETE FROM anchors")
        binary.seek(0)
        self.cursor.copy_expert("COPY anchors (id, text) FROM STDIN (FORMAT binary)", binary)
        self.cursor.copy_expert(out, again)
        self.assertEqual(again.getvalue(), binary.getvalue())
        with self.assertRaises(psycopg2.errors.UniqueViolation):
            self.cursor.copy_from(io.StringIO("csv1\tx\n"), "anchors", columns=("id", "text"))
        self.connection.rollback()
        self.assertEqual(self.rows("SELECT count(*) FROM anchors WHERE id LIKE 'csv%'"), [(0,)])

    def test_errors_in_transactions(self):
        with self.assertRaises(psycopg2.errors.UndefinedColumn) as caught:
            self.rows("SELECT nope FROM labels")
        self.assertEqual(caught.exception.diag.statement_position, "8")
        with self.assertRaises(psycopg2.errors.InFailedSqlTransaction):
            self.rows("SELECT 1")
        self.connection.rollback()
        self.assertEqual(self.rows("SELECT 1"), [(1,)])
        with self.assertRaises(psycopg2.errors.UniqueViolation):
            self.rows("INSERT INTO labels (id, text) VALUES ('L1', 'again')")

    def test_autocommit_and_reset(self):
        self.connection.autocommit = True
        self.assertEqual(self.rows("SHOW transaction isolation level"), [("repeatable read",)])
        self.cursor.execute("SET application_name = 'tests'")
        self.assertEqual(self.connection.get_parameter_status("application_name"), "tests")
        self.connection.reset()
        self.assertEqual(self.connection.encoding, "UTF8")
        self.assertEqual(self.rows("SELECT 1"), [(1,)])

    def test_pool(self):
        pool = psycopg2.pool.SimpleConnectionPool(1, 2, dbname="w", **WHERE)
        for _ in range(3):
            connection = pool.getconn()
            with connection.cursor() as cursor:
                cursor.execute("SELECT count(*) FROM labels")
                self.assertEqual(cursor.fetchone(), (3,))
            pool.putconn(connection)
        pool.closeall()

    def test_cancel(self):
        with Cancelling(self.connection), self.assertRaises(psycopg2.errors.QueryCanceled):
            self.rows(LONG)
        self.connection.rollback()
        self.assertEqual(self.rows("SELECT 1"), [(1,)])


class PsycopgTest(unittest.TestCase):
    """The extended protocol: parameters apart, as text and binary, with their types."""

    def setUp(self):
        self.connection = psycopg.connect(dbname="w", **WHERE)
        self.addCleanup(self.connection.close)

    def rows(self, sql, values=None, **options):
        return self.connection.execute(sql, values, **options).fetchall()

    def test_parameters(self):
        values = (1, -70_000, 2**40, 2.5, "it's", None, b"\0\xff")
        for binary in (False, True):
            sql = "SELECT %s, %s, %s, %s, %s, %s, %s"
            self.assertEqual(self.rows(sql, values, binary=binary), [values])
        self.assertEqual(self.rows("SELECT %t, %b", ("text", 5)), [("text", 5)])
        self.assertEqual(self.rows("SELECT %s, %s", (True, False)), [(1, 0)])
        values = (decimal.Decimal("1.50"), datetime.date(2026, 1, 2))
        self.assertEqual(self.rows("SELECT %s, %s", values), [(1.5, "2026-01-02")])
        self.assertEqual(self.rows("SELECT %b, %b", values), [(1.5, "2026-01-02")])
        for placeholder in ("%s", "%b"):
            self.assertEqual(self.rows(f"SELECT {placeholder}, {placeholder}", (NOON, [0.5, 1.5])),
                             [(NOON_SHOWN, "[0.5,1.5]")])
        number = uuid.UUID("12345678-1234-5678-1234-567812345678")
        self.assertEqual(self.rows("SELECT %s, %b", (number, number)), [(str(number),) * 2])
        with self.assertRaises(psycopg.errors.FeatureNotSupported):
            self.rows("SELECT %b", (float("nan"),))

    def test_lists_and_patterns(self):
        wanted = "SELECT id FROM labels WHERE id = ANY(%s) ORDER BY id"
        for binary in (False, True):
            for ids in (["L3", "L1", 'a "b", c'], ["L3", None, "L1"]):
                self.assertEqual(self.rows(wanted, (ids,), binary=binary), [("L1",), ("L3",)])
            self.assertEqual(self.rows(wanted, ([],), binary=binary), [])
            self.assertEqual(
                self.rows("SELECT n FROM generate_series(1, 9) AS g(n) WHERE n = ANY(%s)",
                          ([2, 7, 100_000],), binary=binary), [(2,), (7,)])
        self.assertEqual(self.rows("SELECT id FROM labels WHERE text ~* %s", ("^CAB\\w+$",)),
                         [("L2",)])

    def test_types_of_columns(self):
        with self.connection.transaction(force_rollback=True):
            self.connection.execute(INSERT + "(%s, %s, %s, %s, %s, %s)",
                                    ("three1", "x", 7, 0.5, True, NOON))
            for binary in (False, True):
                cursor = self.connection.execute(
                    "SELECT year, price, active, seen, x'00ff', count(*) OVER () "
                    "FROM documents WHERE id = %s", ("three1",), binary=binary)
                self.assertEqual(cursor.fetchone(), (7, 0.5, True, NOON, b"\0\xff", 1))
                self.assertEqual([column.type_code for column in cursor.description],
                                 [20, 701, 16, 1184, 17, 20])
                row = self.rows("SELECT DATE '2026-01-02', TIME '01:02:03.5', 1 < 2, "
                                "INTERVAL '1 day 2 hours', %s::timestamptz", (NOON,),
                                binary=binary)
                self.assertEqual(row, [(datetime.date(2026, 1, 2),
                                        datetime.time(1, 2, 3, 500_000), True,
                                        datetime.timedelta(days=1, hours=2), NOON)])

    def test_prepared_statements(self):
        for i in range(12):  # from the sixth on it has a name
            self.assertEqual(self.rows("SELECT id FROM labels WHERE id = %s", (f"L{i % 3 + 1}",)),
                             [(f"L{i % 3 + 1}",)])
        cursor = self.connection.execute("SELECT %s", (1,), prepare=True)
        self.assertEqual(cursor.fetchone(), (1,))
        self.connection.prepared_max = 2
        for i in range(8):
            self.rows(f"SELECT {i}, %s", (i,), prepare=True)  # deallocates those before

    def test_many(self):
        with self.connection.cursor() as cursor:
            cursor.executemany(INSERT + "(%s, %s, %s, %s, %s, %s)",
                               [(f"many{i}", "x", i, i / 2, i % 2 == 0, NOON) for i in range(500)])
            self.assertEqual(cursor.rowcount, 500)
            cursor.executemany("SELECT id FROM labels WHERE id = %s", [("L1",), ("L2",)],
                               returning=True)
            self.assertEqual(cursor.fetchone(), ("L1",))
            self.assertTrue(cursor.nextset())
            self.assertEqual(cursor.fetchone(), ("L2",))
        self.connection.rollback()

    def test_pipelines(self):
        self.connection.autocommit = True
        with self.connection.pipeline():
            first = self.connection.execute("INSERT INTO anchors (id, text) VALUES ('pipe', 'x')")
            second = self.connection.execute("SELECT %s", ("z",))
        self.assertEqual((first.rowcount, second.fetchall()), (1, [("z",)]))
        with self.assertRaises(psycopg.errors.UndefinedColumn):
            with self.connection.pipeline():
                self.connection.execute("DELETE FROM anchors WHERE id = 'pipe'")
                self.connection.execute("SELECT nope FROM labels")
                self.connection.execute("SELECT 1")
        self.assertEqual(self.rows("SELECT id FROM anchors WHERE id = 'pipe'"), [("pipe",)])
        with self.connection.pipeline() as pipeline:
            self.connection.execute("DELETE FROM anchors WHERE id = 'pipe'")
            pipeline.sync()
            cursor = self.connection.execute("SELECT count(*) FROM anchors WHERE id = 'pipe'")
            self.assertEqual(cursor.fetchone(), (0,))

    def test_transactions(self):
        with self.assertRaises(psycopg.errors.UndefinedColumn):
            with self.connection.transaction():
                self.connection.execute("INSERT INTO anchors (id, text) VALUES ('tx', 'x')")
                self.connection.execute("SELECT nope FROM labels")
        self.assertEqual(self.rows("SELECT id FROM anchors WHERE id = 'tx'"), [])
        with self.connection.transaction(force_rollback=True):
            self.connection.execute("INSERT INTO anchors (id, text) VALUES ('outer', 'x')")
            with self.assertRaises(psycopg.errors.DivisionByZero):
                with self.connection.transaction():  # a savepoint
                    self.connection.execute("INSERT INTO anchors (id, text) VALUES ('in', 'x')")
                    self.connection.execute("SELECT 1 / 0")
            self.assertEqual(self.rows("SELECT id FROM anchors WHERE id IN ('outer', 'in')"),
                             [("outer",)])
        with self.assertRaises(psycopg.errors.UndefinedColumn):
            self.rows("SELECT nope FROM labels WHERE id = %s", ("L1",))
        with self.assertRaises(psycopg.errors.InFailedSqlTransaction):
            self.rows("SELECT %s", (1,))
        self.connection.rollback()
        self.assertEqual(self.rows("SELECT %s", (1,)), [(1,)])

    def test_server_cursors(self):
        for binary in (False, True):
            with self.connection.cursor("named", binary=binary) as cursor:
                cursor.itersize = 2
                cursor.execute("SELECT id, length(id) FROM labels WHERE id >= %s ORDER BY id",
                               ("L1",))
                self.assertEqual([column.name for column in cursor.description],
                                 ["id", "length(id)"])
                self.assertEqual(cursor.fetchone(), ("L1", 2))
                # Rows of a cursor are those of its beginning, whatever is written meanwhile.
                self.connection.execute("DELETE FROM labels WHERE id = 'L3'")
                self.assertEqual(cursor.fetchmany(1), [("L2", 2)])
                self.assertEqual(list(cursor), [("L3", 2)])
            self.connection.rollback()
        with self.connection.cursor("held", withhold=True) as cursor:
            cursor.execute("SELECT id FROM labels ORDER BY id")
            self.connection.commit()
            self.assertEqual(len(cursor.fetchall()), 3)

    def test_copy(self):
        with self.connection.cursor() as cursor:
            with self.assertRaisesRegex(psycopg.errors.NotNullViolation, "line 1000"):
                with cursor.copy("COPY anchors (id, text) FROM STDIN") as copy:
                    for i in range(1000):
                        copy.write_row((f"copied{i:04}", None if i == 999 else "x\ty"))
            self.connection.rollback()
            with cursor.copy("COPY anchors (id, text) FROM STDIN") as copy:
                for i in range(1000):
                    copy.write_row((f"copied{i:04}", "x\ty"))
            with cursor.copy("COPY (SELECT id, text FROM anchors WHERE id LIKE 'copied%' "
                             "ORDER BY id) TO STDOUT") as copy:
                rows = list(copy.rows())
            self.assertEqual((len(rows), rows[7]), (1000, ("copied0007", "x\ty")))
            with cursor.copy("COPY anchors (id, text) FROM STDIN (FORMAT csv)") as copy:
                copy.write('csv1,"a, ""b"""\n')
            with cursor.copy("COPY (SELECT id, text FROM anchors WHERE id = 'csv1') TO STDOUT "
                             "(FORMAT csv, HEADER)") as copy:
                self.assertEqual(b"".join(copy), b'id,text\ncsv1,"a, ""b"""\n')
            with cursor.copy("COPY documents (id, text, year, price, active, seen) FROM STDIN "
                             "(FORMAT binary)") as copy:
                copy.set_types(["text", "text", "int8", "float8", "bool", "timestamptz"])
                copy.write_row(("binary1", "x", 2026, 1.5, True, NOON))
                copy.write_row(("binary2", "x", None, None, None, None))
            with cursor.copy("COPY (SELECT id, year, price, active, seen FROM documents WHERE id "
                             "LIKE 'binary%' ORDER BY id) TO STDOUT (FORMAT binary)") as copy:
                copy.set_types(["text", "int8", "float8", "bool", "timestamptz"])
                self.assertEqual(list(copy.rows()), [("binary1", 2026, 1.5, True, NOON),
                                                     ("binary2", None, None, None, None)])
            with self.assertRaisesRegex(psycopg.errors.QueryCanceled, "error from Python"):
                with cursor.copy("COPY anchors (id, text) FROM STDIN") as copy:
                    copy.write_row(("given up", "x"))
                    raise KeyError("no more")
        self.connection.rollback()

    def test_own_statements(self):
        self.connection.autocommit = True
        for sql in ("SHOW TABLES", "DESCRIBE labels", "CHECK DATABASE", "EXPLAIN SELECT 1",
                    "SHOW BACKUPS '/nowhere'", "CREATE MODEL IF NOT EXISTS m USING ngame",
                    "SHOW MODEL m", "DROP MODEL m", "SET ann.exact = on", "SHOW ann.exact"):
            try:
                simple = self.connection.execute(sql)
                simple = simple.fetchall() if simple.description else None
            except psycopg.Error as error:
                simple = error.sqlstate
            if sql.startswith("DROP"):
                self.connection.execute("CREATE MODEL m USING ngame")
            try:
                prepared = self.connection.execute(sql, prepare=True)
                prepared = prepared.fetchall() if prepared.description else None
            except psycopg.Error as error:
                prepared = error.sqlstate
            self.assertEqual(prepared, simple, sql)

    def test_streams(self):
        cursor = self.connection.cursor()
        self.assertEqual(list(cursor.stream("SELECT id FROM labels WHERE id > %s ORDER BY id",
                                            ("L1",))), [("L2",), ("L3",)])

    def test_cancel(self):
        with Cancelling(self.connection), self.assertRaises(psycopg.errors.QueryCanceled):
            self.rows(LONG + " WHERE n > %s", (0,))
        self.connection.rollback()
        self.connection.autocommit = True
        self.connection.execute("SET statement_timeout = '200ms'")
        with self.assertRaises(psycopg.errors.QueryCanceled):
            self.rows(LONG + " WHERE n > %s", (0,))

    def test_resets_of_pools(self):
        self.rows("SELECT %s", (1,), prepare=True)
        self.connection.commit()
        self.connection.autocommit = True
        self.connection.execute("DISCARD ALL")
        with self.assertRaises(psycopg.errors.InvalidSqlStatementName):
            self.rows("SELECT %s", (1,), prepare=True)  # the driver thinks that it is there


class AsyncpgTest(unittest.IsolatedAsyncioTestCase):
    """Statements are described before they run; every value is binary."""

    async def asyncSetUp(self):
        self.connection = await asyncpg.connect(database="w", **WHERE)
        self.addAsyncCleanup(self.connection.close)

    async def test_parameters_and_columns(self):
        connection = self.connection
        self.assertEqual(
            [tuple(row) for row in await connection.fetch(
                "SELECT id, text FROM labels WHERE id > $1 ORDER BY id", "L1")],
            [("L2", "cables"), ("L3", "café 日本")])
        self.assertEqual(await connection.fetchval("SELECT $1", "é"), "é")
        row = await connection.fetchrow("SELECT count(*), avg(length(id)), 1.5, id::text "
                                        "FROM labels GROUP BY id LIMIT 1")
        self.assertEqual(tuple(row), (1, 2.0, 1.5, "L1"))
        transaction = connection.transaction()
        await transaction.start()
        values = ("async1", "x", 7, 0.5, True, NOON)
        await connection.execute(INSERT + "($1, $2, $3, $4, $5, $6)", *values)
        row = await connection.fetchrow(
            "SELECT id, text, year, price, active, seen FROM documents "
            "WHERE year = $1 AND seen > $2 AND active = $3 LIMIT $4",
            7, NOON - datetime.timedelta(days=1), True, 1)
        self.assertEqual(tuple(row), values)
        row = await connection.fetchrow("SELECT DATE '2026-01-02', TIME '01:02:03.5', 1 < 2, "
                                        "INTERVAL '1 day 2 hours', x'00ff'")
        self.assertEqual(tuple(row), (datetime.date(2026, 1, 2),
                                      datetime.time(1, 2, 3, 500_000), True,
                                      datetime.timedelta(days=1, hours=2), b"\0\xff"))
        await transaction.rollback()

    async def test_lists(self):
        for ids in (["L3", "L1", 'a "b", c'], ["L3", None, "L1"]):
            rows = await self.connection.fetch(
                "SELECT id FROM labels WHERE id = ANY($1) ORDER BY id", ids)
            self.assertEqual([row[0] for row in rows], ["L1", "L3"])
        # It would look for the array of another type in pg_catalog.
        rows = await self.connection.fetch(
            "SELECT n::int FROM generate_series(1, 9) AS g(n) WHERE n = ANY($1::text[])",
            ["2", "7"])
        self.assertEqual([row[0] for row in rows], [2, 7])

    async def test_statements(self):
        statement = await self.connection.prepare("SELECT text FROM labels WHERE id = $1")
        for _ in range(3):
            self.assertEqual(await statement.fetchval("L1"), "headphones")
        self.assertEqual([attribute.type.name for attribute in statement.get_attributes()],
                         ["text"])
        await self.connection.executemany("INSERT INTO anchors (id, text) VALUES ($1, $2)",
                                          [(f"async{i}", "x") for i in range(200)])
        self.assertEqual(await self.connection.execute(
            "DELETE FROM anchors WHERE id LIKE 'async%'"), "DELETE 200")

    async def test_executemany_is_atomic(self):
        with self.assertRaises(asyncpg.UniqueViolationError):
            await self.connection.executemany("INSERT INTO anchors (id, text) VALUES ($1, $2)",
                                              [("twice", "x"), ("twice", "x")])
        self.assertEqual(await self.connection.fetch("SELECT id FROM anchors "
                                                     "WHERE id = 'twice'"), [])

    async def test_cursors(self):
        async with self.connection.transaction():
            ids = [row["id"] async for row in
                   self.connection.cursor("SELECT id FROM labels ORDER BY id", prefetch=2)]
            self.assertEqual(ids, ["L1", "L2", "L3"])
            cursor = await self.connection.cursor("SELECT id FROM labels ORDER BY id")
            await cursor.forward(1)
            self.assertEqual((await cursor.fetchrow())["id"], "L2")

    async def test_copy(self):
        rows = [f"async{i}\tx{i}\n".encode() for i in range(100)]

        async def source():
            for row in rows:
                yield row
        transaction = self.connection.transaction()
        await transaction.start()
        self.assertEqual(await self.connection.copy_to_table(
            "anchors", source=source(), columns=["id", "text"]), "COPY 100")
        out = io.BytesIO()
        await self.connection.copy_from_query(
            "SELECT id, text FROM anchors WHERE id LIKE 'async%' ORDER BY rowid", output=out)
        self.assertEqual(out.getvalue(), b"".join(rows))
        records = [(f"record{i}", "x", i, 0.5, i % 2 == 0, NOON) for i in range(1000)]
        await self.connection.copy_records_to_table(
            "documents", records=records,
            columns=["id", "text", "year", "price", "active", "seen"])
        rows = await self.connection.fetch(
            "SELECT id, text, year, price, active, seen FROM documents WHERE id LIKE 'record%' "
            "ORDER BY rowid")
        self.assertEqual([tuple(row) for row in rows], records)
        for kind in ("csv", "binary"):
            out = io.BytesIO()
            await self.connection.copy_from_table("anchors", columns=["id", "text"], output=out,
                                                  format=kind)
            await self.connection.execute("DELETE FROM anchors")
            out.seek(0)
            self.assertEqual(await self.connection.copy_to_table(
                "anchors", source=out, columns=["id", "text"], format=kind), "COPY 100")
        await transaction.rollback()

    async def test_errors(self):
        with self.assertRaises(asyncpg.UndefinedColumnError):
            await self.connection.fetch("SELECT nope FROM labels")
        self.assertEqual(await self.connection.fetchval("SELECT id FROM labels LIMIT 1"), "L1")
        with self.assertRaises(asyncpg.UndefinedColumnError):
            async with self.connection.transaction():
                await self.connection.execute("INSERT INTO anchors (id, text) VALUES ('e', 'x')")
                await self.connection.fetch("SELECT nope FROM labels")
        self.assertEqual(await self.connection.fetch("SELECT id FROM anchors WHERE id = 'e'"), [])

    async def test_timeouts_cancel(self):
        await self.connection.execute("SET statement_timeout = '60s'")  # were the cancel lost
        with self.assertRaises(asyncio.TimeoutError):
            await self.connection.fetch(LONG, timeout=0.3)
        self.assertEqual(await self.connection.fetchval("SELECT id FROM labels LIMIT 1"), "L1")

    async def test_changed_tables_are_prepared_again(self):
        sql = "SELECT * FROM documents WHERE id = 'none'"
        before = len((await self.connection.prepare(sql)).get_attributes())
        await self.connection.fetch(sql)
        other = await asyncpg.connect(database="w", **WHERE)
        await other.execute("ALTER TABLE documents ADD COLUMN more INTEGER")
        await other.close()
        await self.connection.fetch(sql)  # fails inside, and is prepared again
        after = len((await self.connection.prepare(sql)).get_attributes())
        self.assertEqual(after, before + 1)

    async def test_pools(self):
        async with asyncpg.create_pool(database="w", min_size=1, max_size=2, **WHERE) as pool:
            async def look():
                async with pool.acquire() as connection:
                    return await connection.fetchval("SELECT text FROM labels WHERE id = $1", "L2")
            self.assertEqual(await asyncio.gather(*(look() for _ in range(8))), ["cables"] * 8)


if __name__ == "__main__":
    unittest.main()
