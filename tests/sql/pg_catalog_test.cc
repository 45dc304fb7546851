// PostgreSQL's catalog: rows that are looked up are those that a scan finds.

#include <set>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "sql/pg_catalog/catalog_objects.h"
#include "sql/pg_catalog/oid.h"
#include "sql/pg_catalog/system_relations.h"
#include "tests/sql/session_fixture.h"

namespace dashi {
namespace {

class PgCatalogTest : public SessionFixture {
 protected:
  void SetUp() override {
    SessionFixture::SetUp();
    Must("ALTER TABLE documents ADD COLUMN year INTEGER DEFAULT 5");
    Must("CREATE INDEX documents_year ON documents (year)");
    Must("COMMENT ON COLUMN documents.year IS 'of its making'");
  }

  std::vector<Row> RowsOf(const std::string& sql, const std::vector<Value>& values = {}) {
    auto result = session_->Execute(sql, values);
    EXPECT_TRUE(result.ok()) << sql << ": " << result.status().ToString();
    std::vector<Row> rows;
    Row row;
    while (result.ok() && *result->Next(&row)) {
      rows.push_back(row);
    }
    return rows;
  }

  void ExpectLookupsFindWhatScansFind(const std::string& table, const std::string& column) {
    constexpr std::size_t kValuesMax = 12;
    const std::string from = " FROM " + table + " AS t WHERE ";
    std::vector<Row> values =
        RowsOf("SELECT DISTINCT t." + column + " FROM " + table + " AS t LIMIT 12");
    ASSERT_LE(values.size(), kValuesMax);
    values.push_back({Value::Integer(-7)});
    values.push_back({Value::Text("none")});
    values.push_back({Value::Real(11.5)});
    values.push_back({Value::Real(11)});
    values.push_back({Value::Text("11.0")});
    values.push_back({Value::Text(" 11")});
    values.push_back({Value::Bytes("11")});
    values.push_back({Value::Real(15)});  // As a setting has it, "15.0".
    for (const Row& row : values) {
      // As it is, and a number as a text.
      std::vector<Value> given = {row[0]};
      if (row[0].type() == ValueType::kInteger) {
        given.push_back(Value::Text(row[0].ToString()));
      } else if (row[0].type() == ValueType::kText && row[0].text().size() == 1) {
        given.push_back(Value::Integer(1));  // Where it is a digit.
      }
      for (const Value& value : given) {
        const std::string shown = table + "." + column + " = " + value.ToString();
        const std::string count = "SELECT count(*)" + from;
        EXPECT_EQ(RowsOf(count + "t." + column + " = $1", {value}),
                  RowsOf(count + "NOT (t." + column + " <> $1)", {value}))
            << shown;
      }
    }
  }
};

TEST_F(PgCatalogTest, LookupsFindWhatScansFind) {
  for (const char* name :
       {"pg_class", "pg_type", "pg_attribute", "pg_index", "pg_constraint", "pg_namespace",
        "pg_proc", "pg_description", "pg_settings", "pg_tables"}) {
    for (const sql::pg_catalog::CatalogRelation& relation :
         sql::pg_catalog::SystemCatalogRelations()) {
      if (relation.name != name) {
        continue;
      }
      for (const sql::pg_catalog::CatalogColumn& column : relation.columns) {
        ExpectLookupsFindWhatScansFind(relation.name, column.name);
      }
    }
  }
  ExpectLookupsFindWhatScansFind("information_schema.columns", "table_name");
  ExpectLookupsFindWhatScansFind("information_schema.columns", "ordinal_position");
}

TEST_F(PgCatalogTest, JoinsFindWhatNestedScansFind) {
  const std::string joined =
      "SELECT count(*), sum(a.attnum) FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid "
      "JOIN pg_type t ON t.oid = a.atttypid LEFT JOIN pg_index i ON i.indrelid = c.oid";
  const std::string scanned =
      "SELECT count(*), sum(a.attnum) FROM pg_class c JOIN pg_attribute a ON NOT (a.attrelid <> "
      "c.oid) JOIN pg_type t ON NOT (t.oid <> a.atttypid) LEFT JOIN pg_index i ON NOT (i.indrelid "
      "<> c.oid) WHERE c.relnamespace = 2200";
  EXPECT_EQ(RowsOf(joined + " WHERE c.relnamespace = 2200"), RowsOf(scanned));
  EXPECT_GT(RowsOf(joined)[0][0].integer(), 1000);
}

TEST_F(PgCatalogTest, NumbersStayTheSame) {
  const std::string sql = "SELECT oid, relname FROM pg_class WHERE relnamespace = 2200 ORDER BY 1";
  const std::vector<Row> before = RowsOf(sql);
  Must("ALTER TABLE labels ADD COLUMN price REAL");
  Must("CREATE INDEX labels_price ON labels (price)");
  std::vector<Row> after = RowsOf(sql);
  std::erase_if(after, [](const Row& row) { return row[1].text() == "labels_price"; });
  EXPECT_EQ(after, before);
  EXPECT_EQ(sql::pg_catalog::OidOf("table", "labels"), 1'373'112'661U) << "for ever";
  std::set<sql::pg_catalog::Oid> numbers;
  for (const sql::pg_catalog::SystemRelation& relation : sql::pg_catalog::SystemRelations()) {
    EXPECT_TRUE(numbers.insert(relation.oid).second) << relation.name;
    EXPECT_LT(relation.oid, 16'384U) << relation.name;
  }
}

}  // namespace
}  // namespace dashi
