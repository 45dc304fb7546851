"""pandas over SQLAlchemy and psycopg2 against a real server: tables read and written.

Needs DASHI_COMMAND and the program openssl.
"""

import datetime
import io
import unittest
import warnings

import pandas
import sqlalchemy

from served_database import ENDLESS, ServedDatabase

# pandas 1.5 calls SQLAlchemy 1.4 in ways that SQLAlchemy 2.0 has no longer.
warnings.filterwarnings("ignore", category=sqlalchemy.exc.RemovedIn20Warning)
NOON = datetime.datetime(2026, 11, 28, 12, 30,
                         tzinfo=datetime.timezone(datetime.timedelta(hours=2)))


def setUpModule():
    global SERVED
    SERVED = ServedDatabase()


def tearDownModule():
    SERVED.stop()


def address(**query):
    where = SERVED.where
    return sqlalchemy.engine.URL.create(
        "postgresql+psycopg2", where["user"], where["password"], where["host"], where["port"], "w",
        query=query)


def copied(table, connection, keys, rows):
    """A `method` of to_sql: COPY, as pandas' own documentation has it."""
    frame = pandas.DataFrame(rows)
    text = io.StringIO(frame.to_csv(index=False, header=False))
    with connection.connection.cursor() as cursor:
        cursor.copy_expert(f"COPY {table.name} ({', '.join(keys)}) FROM STDIN WITH CSV", text)
        return cursor.rowcount


class PandasTest(unittest.TestCase):
    def setUp(self):
        self.engine = sqlalchemy.create_engine(address(sslmode="require"))
        self.addCleanup(self.engine.dispose)
        self.connection = self.engine.connect()
        self.addCleanup(self.connection.close)

    def frame(self, ids):
        return pandas.DataFrame({
            "id": ids, "text": ["x"] * len(ids), "year": list(range(len(ids))),
            "price": [i / 2 for i in range(len(ids))],
            "active": [i % 2 == 0 for i in range(len(ids))],
            "seen": [pandas.Timestamp(NOON).tz_convert("UTC")] * len(ids)})

    def remove(self, pattern):
        self.connection.execute("DELETE FROM documents WHERE id LIKE %s", (pattern,))

    def test_transport_and_certificate(self):
        self.assertTrue(self.connection.connection.dbapi_connection.info.ssl_in_use)
        for query in ({"sslmode": "disable"},
                      {"sslmode": "verify-full", "sslrootcert": SERVED.certificate,
                       "channel_binding": "require"}):
            engine = sqlalchemy.create_engine(address(**query))
            got = pandas.read_sql("SELECT 40 + 2 AS n", engine)
            self.assertEqual(got["n"].tolist(), [42])
            engine.dispose()
        engine = sqlalchemy.create_engine(address(sslmode="verify-full",
                                                  sslrootcert=SERVED.other_certificate))
        with self.assertRaises(sqlalchemy.exc.OperationalError):
            pandas.read_sql("SELECT 1", engine)

    def test_queries_with_parameters(self):
        got = pandas.read_sql("SELECT id, text FROM labels WHERE id > %(id)s ORDER BY id",
                              self.connection, params={"id": "L1"}, index_col="id")
        self.assertEqual(got.index.tolist(), ["L2", "L3"])
        self.assertEqual(got.loc["L3", "text"], "café 日本")
        got = pandas.read_sql(sqlalchemy.text("SELECT label, score FROM topk(:q, 2)"),
                              self.connection, params={"q": "small headphones"})
        self.assertEqual(got["label"][0], "L1")
        self.assertEqual(got.dtypes["score"], "float64")
        self.assertEqual(got["score"].tolist(), sorted(got["score"], reverse=True))

    def test_to_sql_appends_and_types_come_back(self):
        for method in (None, "multi", copied):
            written = self.frame([f"pandas{i:03}" for i in range(100)])
            written.to_sql("documents", self.connection, if_exists="append", index=False,
                           method=method, chunksize=40)
            got = pandas.read_sql("SELECT id, text, year, price, active, seen FROM documents "
                                  "WHERE id LIKE 'pandas%%' ORDER BY id", self.connection)
            got["seen"] = got["seen"].dt.tz_convert("UTC")
            pandas.testing.assert_frame_equal(got, written)
            self.remove("pandas%")

    def test_missing_values(self):
        self.frame(["null0", "null1"]).assign(
            year=[None, 7], price=[None, 0.5], active=[True, None], seen=[pandas.NaT, NOON]
        ).to_sql("documents", self.connection, if_exists="append", index=False)
        got = pandas.read_sql("SELECT year, price, active, seen FROM documents "
                              "WHERE id LIKE 'null%%' ORDER BY id", self.connection)
        self.assertEqual(got.isna().values.tolist(), [[True, True, False, True],
                                                      [False, False, True, False]])
        self.assertEqual(got["seen"][1], pandas.Timestamp(NOON))
        self.remove("null%")

    def test_whole_tables_by_reflection(self):
        got = pandas.read_sql_table("labels", self.connection, columns=["id", "text"])
        self.assertEqual(sorted(got["id"]), ["L1", "L2", "L3"])
        got = pandas.read_sql_table("documents", self.connection, index_col="id",
                                    columns=["text", "seen"])
        self.assertEqual(got.loc["d4", "text"], "small headphones")
        self.assertEqual(str(got.dtypes["seen"]), "datetime64[ns, UTC]")
        with self.assertRaises(ValueError):
            pandas.read_sql_table("nope", self.connection)

    def test_chunks_of_a_cursor_of_the_server(self):
        streaming = self.connection.execution_options(stream_results=True, max_row_buffer=10)
        with streaming.begin():
            chunks = [chunk["n"].tolist() for chunk in pandas.read_sql(
                "SELECT n FROM generate_series(1, 25) AS g(n)", streaming, chunksize=10)]
        self.assertEqual(chunks, [list(range(1, 11)), list(range(11, 21)), list(range(21, 26))])

    def test_transactions_and_errors(self):
        transaction = self.connection.begin()
        self.frame(["undone"]).to_sql("documents", self.connection, if_exists="append",
                                      index=False)
        transaction.rollback()
        got = pandas.read_sql("SELECT count(*) AS n FROM documents WHERE id = 'undone'",
                              self.connection)
        self.assertEqual(got["n"].tolist(), [0])
        with self.assertRaisesRegex(sqlalchemy.exc.ProgrammingError, "nope"):
            pandas.read_sql("SELECT nope FROM labels", self.connection)
        with self.assertRaises(sqlalchemy.exc.IntegrityError):  # of two rows neither is there
            self.frame(["fresh", "d1"]).to_sql("documents", self.connection, if_exists="append",
                                               index=False)
        got = pandas.read_sql("SELECT id FROM documents WHERE id = 'fresh'", self.connection)
        self.assertEqual(len(got), 0)

    def test_what_is_refused(self):
        with self.assertRaises(sqlalchemy.exc.NotSupportedError):  # CREATE TABLE
            self.frame(["d9"]).to_sql("a_new_table", self.connection, index=False)

    def test_statement_timeouts(self):
        self.connection.execute("SET statement_timeout = '200ms'")
        with self.assertRaisesRegex(sqlalchemy.exc.OperationalError, "statement_timeout"):
            pandas.read_sql(ENDLESS, self.connection)
        self.connection.execute("RESET statement_timeout")
        self.assertEqual(pandas.read_sql("SELECT 1 AS n", self.connection)["n"].tolist(), [1])


if __name__ == "__main__":
    unittest.main()
