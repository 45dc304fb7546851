// PostgreSQL's JDBC driver against the server that jdbc_test.py starts: its address is in the
// environment. Each method below that begins with "test" is a test.

import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.StringReader;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.math.BigDecimal;
import java.nio.charset.StandardCharsets;
import java.sql.BatchUpdateException;
import java.sql.Connection;
import java.sql.Date;
import java.sql.DatabaseMetaData;
import java.sql.DriverManager;
import java.sql.ParameterMetaData;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.ResultSetMetaData;
import java.sql.SQLException;
import java.sql.Savepoint;
import java.sql.Statement;
import java.sql.Time;
import java.sql.Timestamp;
import java.sql.Types;
import java.time.LocalDate;
import java.time.OffsetDateTime;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import java.util.Properties;
import java.util.concurrent.atomic.AtomicBoolean;
import javax.sql.PooledConnection;
import org.postgresql.PGConnection;
import org.postgresql.PGStatement;
import org.postgresql.copy.CopyManager;
import org.postgresql.ds.PGConnectionPoolDataSource;
import org.postgresql.util.PSQLException;

public class JdbcClient {
  static final String ENDLESS = System.getenv("DASHI_ENDLESS");
  static final int PORT = Integer.parseInt(System.getenv("DASHI_PORT"));
  static final String ADDRESS = "jdbc:postgresql://localhost:" + PORT + "/w";
  static final OffsetDateTime NOON = OffsetDateTime.parse("2026-11-28T12:30:00+02:00");

  interface Body {
    void run() throws Exception;
  }

  static void same(Object got, Object want) {
    if (!Objects.deepEquals(got, want)) {
      throw new AssertionError("got " + shown(got) + ", want " + shown(want));
    }
  }

  static void holds(boolean what, String why) {
    if (!what) {
      throw new AssertionError(why);
    }
  }

  static String shown(Object value) {
    return Arrays.deepToString(new Object[] {value});
  }

  static SQLException fails(String sqlstate, Body body) throws Exception {
    try {
      body.run();
    } catch (SQLException error) {
      same(error.getSQLState(), sqlstate);
      return error;
    }
    throw new AssertionError("no error, want " + sqlstate);
  }

  static Connection connect(String... more) throws SQLException {
    Properties properties = new Properties();
    properties.setProperty("user", "ann");
    properties.setProperty("password", "a pencil");
    for (int i = 0; i < more.length; i += 2) {
      properties.setProperty(more[i], more[i + 1]);
    }
    return DriverManager.getConnection(ADDRESS, properties);
  }

  static List<List<Object>> rows(ResultSet results) throws SQLException {
    List<List<Object>> rows = new ArrayList<>();
    int columns = results.getMetaData().getColumnCount();
    while (results.next()) {
      List<Object> row = new ArrayList<>();
      for (int i = 1; i <= columns; ++i) {
        row.add(results.getObject(i));
      }
      rows.add(row);
    }
    results.close();
    return rows;
  }

  static List<List<Object>> query(Connection connection, String sql) throws SQLException {
    try (Statement statement = connection.createStatement()) {
      return rows(statement.executeQuery(sql));
    }
  }

  static int update(Connection connection, String sql) throws SQLException {
    try (Statement statement = connection.createStatement()) {
      return statement.executeUpdate(sql);
    }
  }

  // One column of the rows that metadata consist of.
  static List<String> column(ResultSet results, String name) throws SQLException {
    List<String> values = new ArrayList<>();
    while (results.next()) {
      values.add(results.getString(name));
    }
    results.close();
    return values;
  }

  static void testPasswordsAndTls() throws Exception {
    String certificate = System.getenv("DASHI_CERTIFICATE");
    String[][] ways = {
        {"sslmode", "disable"}, {"sslmode", "require"},
        {"sslmode", "verify-full", "sslrootcert", certificate}};
    for (String[] way : ways) {
      try (Connection connection = connect(way)) {
        same(query(connection, "SELECT 40 + 2"), List.of(List.of(42L)));
      }
    }
    fails("28P01", () -> connect("password", "x"));
    fails("28P01", () -> connect("user", "nobody"));
    fails("08006", () -> connect("sslmode", "verify-full", "sslrootcert",
                                 System.getenv("DASHI_OTHER_CERTIFICATE")));
    try (Connection bob = connect("user", "bob", "password", "a pen")) {
      fails("42501", () -> update(bob, "DELETE FROM labels"));
      same(query(bob, "SELECT count(*) FROM labels"), List.of(List.of(3L)));
    }
  }

  static void setAll(PreparedStatement statement, String id, int i) throws SQLException {
    statement.setString(1, id);
    statement.setString(2, "café 日本");
    statement.setInt(3, i);
    statement.setDouble(4, i / 4.0);
    statement.setBoolean(5, i % 2 == 0);
    statement.setObject(6, NOON);
  }

  static final String INSERT =
      "INSERT INTO documents (id, text, year, price, active, seen) VALUES (?, ?, ?, ?, ?, ?)";

  // From the fifth execution on the statement has a name, then results are binary.
  static void testTypesOfColumns() throws Exception {
    try (Connection connection = connect()) {
      connection.setAutoCommit(false);
      try (PreparedStatement insert = connection.prepareStatement(INSERT);
           PreparedStatement select = connection.prepareStatement(
               "SELECT text, year, price, active, seen, x'00ff', NULL, count(*) OVER () "
               + "FROM documents WHERE id = ?")) {
        for (int i = 0; i < 10; ++i) {
          setAll(insert, "jdbc" + i, i);
          same(insert.executeUpdate(), 1);
          select.setString(1, "jdbc" + i);
          ResultSet row = select.executeQuery();
          holds(row.next(), "a row");
          same(row.getString(1), "café 日本");
          same(row.getInt(2), i);
          same(row.getObject(2), (long) i);
          same(row.getShort(2), (short) i);
          same(row.getDouble(3), i / 4.0);
          same(row.getObject(3), i / 4.0);
          same(row.getBoolean(4), i % 2 == 0);
          same(row.getObject(5, OffsetDateTime.class).toInstant(), NOON.toInstant());
          same(row.getTimestamp(5), Timestamp.from(NOON.toInstant()));
          same(row.getBytes(6), new byte[] {0, -1});
          same(row.getObject(7), null);
          same(row.getLong(8), 1L);
          row.close();
        }
        holds(((PGStatement) select).isUseServerPrepare(), "the statement has no name");
      }
      connection.rollback();
    }
  }

  static void testTypesOfParameters() throws Exception {
    try (Connection connection = connect();
         PreparedStatement statement = connection.prepareStatement(
             "SELECT ?, ?, ?, ?, ?, ?, ?, ?, CAST(? AS bytea), CAST(? AS date), CAST(? AS date), "
             + "CAST(? AS time), CAST(? AS timestamptz)")) {
      for (int i = 0; i < 10; ++i) {
        statement.setShort(1, (short) 7);
        statement.setInt(2, -70000);
        statement.setLong(3, 1L << 40);
        statement.setFloat(4, 0.25f);
        statement.setDouble(5, 2.5);
        statement.setBigDecimal(6, new BigDecimal("1.5"));
        statement.setString(7, "it's");
        statement.setNull(8, Types.VARCHAR);
        statement.setBytes(9, new byte[] {0, -1});
        statement.setDate(10, Date.valueOf("2026-01-02"));
        statement.setObject(11, LocalDate.of(2026, 1, 3));
        statement.setTime(12, Time.valueOf("10:30:00"));
        statement.setTimestamp(13, Timestamp.from(NOON.toInstant()));
        ResultSet row = statement.executeQuery();
        holds(row.next(), "a row");
        same(row.getShort(1), (short) 7);
        same(row.getInt(2), -70000);
        same(row.getLong(3), 1L << 40);
        same(row.getFloat(4), 0.25f);
        same(row.getDouble(5), 2.5);
        same(row.getBigDecimal(6).compareTo(new BigDecimal("1.5")), 0);
        same(row.getString(7), "it's");
        same(row.getString(8), null);
        same(row.getBytes(9), new byte[] {0, -1});
        same(row.getDate(10), Date.valueOf("2026-01-02"));
        same(row.getObject(11, LocalDate.class), LocalDate.of(2026, 1, 3));
        same(row.getTime(12), Time.valueOf("10:30:00"));
        same(row.getTimestamp(13), Timestamp.from(NOON.toInstant()));
        row.close();
      }
    }
  }

  static void testArrays() throws Exception {
    try (Connection connection = connect();
         PreparedStatement statement = connection.prepareStatement(
             "SELECT id FROM labels WHERE id = ANY(?) ORDER BY id")) {
      for (int i = 0; i < 8; ++i) {
        statement.setArray(1, connection.createArrayOf("text",
                                                       new String[] {"L3", null, "a \"b", "L1"}));
        same(rows(statement.executeQuery()), List.of(List.of("L1"), List.of("L3")));
      }
      ResultSet row = connection.createStatement().executeQuery("SELECT ARRAY['a', NULL]");
      holds(row.next(), "a row");
      same(row.getArray(1).getArray(), new String[] {"a", null});
    }
  }

  // Text of simple queries; statements that always or never have names.
  static void testWaysToAsk() throws Exception {
    String[][] ways = {
        {"preferQueryMode", "simple"}, {"preferQueryMode", "extendedForPrepared"},
        {"preferQueryMode", "extendedCacheEverything"}, {"prepareThreshold", "1"},
        {"prepareThreshold", "-1"}, {"prepareThreshold", "0"}, {"binaryTransfer", "false"}};
    for (String[] way : ways) {
      try (Connection connection = connect(way);
           PreparedStatement statement = connection.prepareStatement(
               "SELECT id, ? FROM labels WHERE id > ? ORDER BY id")) {
        for (int i = 0; i < 8; ++i) {
          statement.setLong(1, i);
          statement.setString(2, "L2");
          ResultSet row = statement.executeQuery();
          holds(row.next(), "a row");
          same(row.getString(1), "L3");
          same(row.getLong(2), (long) i);
          row.close();
        }
      }
    }
  }

  static void testTopK() throws Exception {
    try (Connection connection = connect();
         PreparedStatement statement = connection.prepareStatement(
             "SELECT label, score FROM topk(?, 2)")) {
      for (int i = 0; i < 10; ++i) {
        statement.setString(1, "small headphones");
        ResultSet row = statement.executeQuery();
        holds(row.next(), "a row");
        same(row.getString(1), "L1");
        double score = row.getDouble(2);
        holds(row.next() && row.getDouble(2) < score && score <= 1, "scores descend");
        holds(!row.next(), "two rows");
      }
    }
  }

  static void testPortals() throws Exception {
    try (Connection connection = connect();
         PreparedStatement statement = connection.prepareStatement(
             "SELECT n FROM generate_series(1, ?) AS g(n)")) {
      connection.setAutoCommit(false);
      statement.setFetchSize(10);
      for (int round = 0; round < 7; ++round) {
        statement.setInt(1, 25);
        long sum = 0;
        ResultSet results = statement.executeQuery();
        while (results.next()) {
          sum += results.getLong(1);
        }
        same(sum, 325L);
      }
      statement.setInt(1, 1000000);  // of which most are not fetched
      ResultSet results = statement.executeQuery();
      holds(results.next(), "a row");
      results.close();
      statement.setMaxRows(3);
      same(rows(statement.executeQuery()).size(), 3);
      connection.commit();
    }
  }

  static void testBatches() throws Exception {
    for (String rewrite : new String[] {"false", "true"}) {
      try (Connection connection = connect("reWriteBatchedInserts", rewrite);
           PreparedStatement insert = connection.prepareStatement(INSERT)) {
        connection.setAutoCommit(false);
        for (int i = 0; i < 300; ++i) {
          setAll(insert, "batch" + i, i);
          insert.addBatch();
        }
        same(insert.executeBatch().length, 300);
        same(query(connection, "SELECT count(*), sum(year) FROM documents WHERE id LIKE 'batch%'"),
             List.of(List.of(300L, 44850L)));
        for (int i = 299; i < 301; ++i) {
          setAll(insert, "batch" + i, i);
          insert.addBatch();
        }
        fails("23505", () -> {
          try {
            insert.executeBatch();
          } catch (BatchUpdateException error) {
            throw error.getNextException() == null ? error : error.getNextException();
          }
        });
        connection.rollback();
        try (PreparedStatement keys = connection.prepareStatement(
                 "INSERT INTO anchors (id, text) VALUES (?, 'x')", new String[] {"id"})) {
          keys.setString(1, "key");
          same(keys.executeUpdate(), 1);
          same(rows(keys.getGeneratedKeys()), List.of(List.of("key")));
        }
        connection.rollback();
      }
    }
  }

  static void testTransactionsAndErrors() throws Exception {
    try (Connection connection = connect()) {
      String insert = "INSERT INTO anchors (id, text) VALUES ('jdbc tx', 'x')";
      String count = "SELECT count(*) FROM anchors WHERE id = 'jdbc tx'";
      connection.setAutoCommit(false);
      same(update(connection, insert), 1);
      Savepoint savepoint = connection.setSavepoint("one");
      fails("23505", () -> update(connection, insert));
      fails("25P02", () -> query(connection, "SELECT 1"));
      connection.rollback(savepoint);
      same(query(connection, count), List.of(List.of(1L)));
      PSQLException error = (PSQLException) fails(
          "42703", () -> query(connection, "SELECT nope FROM labels"));
      same(error.getServerErrorMessage().getPosition(), 8);
      same(error.getServerErrorMessage().getSeverity(), "ERROR");
      connection.rollback();
      same(query(connection, count), List.of(List.of(0L)));
      update(connection, insert);
      connection.commit();
      connection.setAutoCommit(true);
      same(update(connection, "DELETE FROM anchors WHERE id = 'jdbc tx'"), 1);
    }
    // A savepoint before each statement, to which the driver goes back.
    try (Connection connection = connect("autosave", "always")) {
      connection.setAutoCommit(false);
      query(connection, "SELECT 1");
      fails("22012", () -> query(connection, "SELECT 1 / 0"));
      same(query(connection, "SELECT 1"), List.of(List.of(1L)));
      connection.rollback();
    }
    try (Connection connection = connect()) {
      connection.setReadOnly(true);
      connection.setAutoCommit(false);
      fails("25006", () -> update(connection, "DELETE FROM anchors"));
      connection.rollback();
      same(connection.getTransactionIsolation(), Connection.TRANSACTION_REPEATABLE_READ);
    }
  }

  static void testCopy() throws Exception {
    try (Connection connection = connect()) {
      connection.setAutoCommit(false);
      CopyManager copy = connection.unwrap(PGConnection.class).getCopyAPI();
      String into = "COPY anchors (id, text) FROM STDIN";
      String rows = "COPY (SELECT id, text FROM anchors ORDER BY id) TO STDOUT";
      same(copy.copyIn(into, new StringReader("j1\tx\\ty\nj2\té\n")), 2L);
      same(copy.copyIn(into + " WITH CSV HEADER",
                       new StringReader("id,text\nj3,\"a, \"\"b\"\"\"\n")), 1L);
      ByteArrayOutputStream text = new ByteArrayOutputStream();
      same(copy.copyOut(rows, text), 3L);
      same(text.toString(StandardCharsets.UTF_8), "j1\tx\\ty\nj2\té\nj3\ta, \"b\"\n");
      ByteArrayOutputStream csv = new ByteArrayOutputStream();
      copy.copyOut(rows + " (FORMAT csv)", csv);
      same(csv.toString(StandardCharsets.UTF_8), "j1,x\ty\nj2,é\nj3,\"a, \"\"b\"\"\"\n");
      ByteArrayOutputStream binary = new ByteArrayOutputStream();
      copy.copyOut(rows + " (FORMAT binary)", binary);
      update(connection, "DELETE FROM anchors");
      same(copy.copyIn(into + " (FORMAT binary)",
                       new ByteArrayInputStream(binary.toByteArray())), 3L);
      ByteArrayOutputStream again = new ByteArrayOutputStream();
      copy.copyOut(rows + " (FORMAT binary)", again);
      same(again.toByteArray(), binary.toByteArray());
      Savepoint savepoint = connection.setSavepoint();
      fails("23505", () -> copy.copyIn(into, new StringReader("j1\tagain\n")));
      connection.rollback(savepoint);
      copy.copyIn(into).cancelCopy();
      connection.rollback(savepoint);
      same(query(connection, "SELECT count(*) FROM anchors"), List.of(List.of(3L)));
      connection.rollback();
    }
  }

  static void testCancelling() throws Exception {
    try (Connection connection = connect(); Statement statement = connection.createStatement()) {
      statement.setQueryTimeout(1);
      fails("57014", () -> statement.executeQuery(ENDLESS));
      statement.setQueryTimeout(0);
      AtomicBoolean done = new AtomicBoolean();
      Thread cancelling = new Thread(() -> {
        // One that comes too early is forgotten.
        try {
          while (!done.get()) {
            Thread.sleep(300);
            statement.cancel();
          }
        } catch (InterruptedException | SQLException error) {
          throw new AssertionError(error);
        }
      });
      cancelling.start();
      fails("57014", () -> statement.executeQuery(ENDLESS + " WHERE n > 0"));
      done.set(true);
      cancelling.join();
      update(connection, "SET statement_timeout = '200ms'");
      fails("57014", () -> statement.executeQuery(ENDLESS));
      same(query(connection, "SELECT 1"), List.of(List.of(1L)));
    }
  }

  static void testTables() throws Exception {
    try (Connection connection = connect()) {
      DatabaseMetaData data = connection.getMetaData();
      same(data.getDatabaseProductName(), "PostgreSQL");
      same(data.getDatabaseMajorVersion(), 15);
      same(column(data.getTables(null, "public", "%", new String[] {"TABLE"}), "TABLE_NAME"),
           List.of("anchors", "documents", "edges", "labels", "relevance"));
      holds(column(data.getTables(null, "public", "mod%", new String[] {"VIEW"}), "TABLE_NAME")
                .contains("models"), "models is a view");
      same(column(data.getColumns(null, null, "documents", "%"), "COLUMN_NAME"),
           List.of("id", "text", "split", "updated_at", "year", "price", "active", "seen"));
      same(column(data.getColumns(null, null, "documents", "%"), "TYPE_NAME"),
           List.of("text", "text", "text", "timestamptz", "int8", "float8", "bool",
                   "timestamptz"));
      same(column(data.getColumns(null, null, "documents", "year"), "REMARKS"),
           List.of("of its making"));
      same(column(data.getColumns(null, null, "documents", "price"), "COLUMN_DEF"),
           List.of("1.5"));
      same(column(data.getPrimaryKeys(null, null, "relevance"), "COLUMN_NAME"),
           List.of("document", "label"));
      same(column(data.getImportedKeys(null, null, "relevance"), "PKTABLE_NAME"),
           List.of("documents", "labels"));
      same(column(data.getExportedKeys(null, null, "labels"), "FKTABLE_NAME"),
           List.of("relevance"));
      holds(column(data.getIndexInfo(null, null, "documents", false, true), "INDEX_NAME")
                .containsAll(List.of("documents_pkey", "documents_year")), "indexes");
      same(column(data.getSchemas(), "TABLE_SCHEM"),
           List.of("information_schema", "pg_catalog", "public"));
      holds(column(data.getTypeInfo(), "TYPE_NAME").containsAll(List.of("int8", "text", "bool")),
            "types");
      holds(!column(data.getTableTypes(), "TABLE_TYPE").isEmpty(), "types of tables");
      column(data.getCatalogs(), "TABLE_CAT");
      column(data.getProcedures(null, null, "%"), "PROCEDURE_NAME");
      column(data.getFunctions(null, null, "topk"), "FUNCTION_NAME");
      column(data.getTablePrivileges(null, null, "labels"), "PRIVILEGE");
      same(connection.getSchema(), "public");
    }
  }

  static void testStatementsDescribed() throws Exception {
    try (Connection connection = connect();
         PreparedStatement statement = connection.prepareStatement(
             "SELECT id, year AS y, seen FROM documents WHERE year = ? AND text = ?")) {
      ParameterMetaData parameters = statement.getParameterMetaData();
      same(parameters.getParameterCount(), 2);
      same(parameters.getParameterTypeName(1), "int8");
      same(parameters.getParameterTypeName(2), "text");
      ResultSetMetaData columns = statement.getMetaData();
      same(columns.getColumnLabel(2), "y");
      same(columns.getColumnTypeName(2), "int8");
      same(columns.getColumnClassName(3), "java.sql.Timestamp");
      fails("42703", () -> connection.prepareStatement("SELECT nope FROM labels").getMetaData());
    }
  }

  static void testResets() throws Exception {
    PGConnectionPoolDataSource source = new PGConnectionPoolDataSource();
    source.setServerNames(new String[] {"localhost"});
    source.setPortNumbers(new int[] {PORT});
    source.setDatabaseName("w");
    source.setUser("ann");
    source.setPassword("a pencil");
    source.setSslMode("require");
    PooledConnection pooled = source.getPooledConnection();
    for (int i = 0; i < 3; ++i) {
      try (Connection connection = pooled.getConnection()) {
        holds(connection.isValid(10), "an empty query is answered");
        connection.setClientInfo("ApplicationName", "pooled");
        same(query(connection, "SHOW application_name"), List.of(List.of("pooled")));
        update(connection, "DISCARD ALL");
        try (PreparedStatement statement = connection.prepareStatement("SELECT ?")) {
          statement.setInt(1, i);
          same(rows(statement.executeQuery()).size(), 1);
        }
        connection.setAutoCommit(false);
        update(connection, "INSERT INTO anchors (id, text) VALUES ('pooled', 'x')");
      }  // undone
    }
    pooled.close();
  }

  public static void main(String[] arguments) throws Exception {
    int failed = 0;
    for (Method method : JdbcClient.class.getDeclaredMethods()) {
      if (!method.getName().startsWith("test")
          || arguments.length > 0 && !List.of(arguments).contains(method.getName())) {
        continue;
      }
      try {
        method.invoke(null);
        System.out.println("ok " + method.getName());
      } catch (InvocationTargetException error) {
        ++failed;
        System.out.println("FAILED " + method.getName());
        error.getCause().printStackTrace(System.out);
      }
    }
    System.exit(failed == 0 ? 0 : 1);
  }
}
