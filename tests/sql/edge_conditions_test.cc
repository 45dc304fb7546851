// Random conditions on edges, each held against its naive twin: the same condition over columns
// with a + before them, which no plan of the table can use, so that all edges are scanned once.

#include <algorithm>
#include <string>
#include <vector>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "base/random.h"
#include "tests/sql/session_fixture.h"

namespace dashi {
namespace {

class EdgeConditionsTest : public SessionFixture {
 protected:
  static constexpr int kDocuments = 6;
  static constexpr int kLabels = 5;

  void SetUp() override {
    SessionFixture::SetUp();
    Must("CREATE GRAPH g FROM documents TO labels");
    Must("CREATE GRAPH h FROM documents, labels TO labels");
    for (int i = 0; i < kDocuments; ++i) {
      Must(fmt::format("INSERT INTO documents (id, text) VALUES ('n{0}', 'document {0}')", i));
    }
    for (int i = 0; i < kLabels; ++i) {  // Some ids are those of documents, too.
      Must(fmt::format("INSERT INTO labels (id, text) VALUES ('n{0}', 'label {0}')", i + 3));
    }
  }

  void FillEdges(Random& random) {
    Must("DELETE FROM edges");
    for (std::uint64_t i = 5 + random.Uniform(30); i > 0; --i) {
      Must(
          fmt::format("INSERT OR REPLACE INTO edges (graph, source, target, weight) VALUES ('{}', "
                      "'n{}', 'n{}', {})",
                      random.Uniform(2) == 0 ? "g" : "h", random.Uniform(kDocuments),
                      3 + random.Uniform(kLabels), 1 + random.Uniform(4)));
    }
  }

  /// `plus` stands before each column.
  static std::string Condition(Random& random, const std::string& plus, int depth) {
    if (depth > 0 && random.Uniform(3) > 0) {
      const char* word = random.Uniform(3) > 0 ? "OR" : "AND";
      const std::string left = Condition(random, plus, depth - 1);
      const std::string right = Condition(random, plus, depth - 1);
      return fmt::format("({} {} {})", left, word, right);
    }
    switch (random.Uniform(4)) {
      case 0:
        return fmt::format("{}graph = '{}'", plus, random.Uniform(2) == 0 ? "g" : "h");
      case 1:
        return fmt::format("{}source = 'n{}'", plus, random.Uniform(kDocuments + 1));
      case 2:
        return fmt::format("{}target = 'n{}'", plus, 3 + random.Uniform(kLabels + 1));
      default:
        return fmt::format("{}weight > {}", plus, random.Uniform(4));
    }
  }

  std::vector<std::string> Rows(const std::string& sql) {
    std::vector<std::string> rows;
    const auto values = Run(*session_, sql);
    EXPECT_TRUE(values.ok()) << sql << ": " << values.status().ToString();
    for (const Value& value : values.ok() ? *values : std::vector<Value>()) {
      rows.emplace_back(value.text());
    }
    std::sort(rows.begin(), rows.end());
    return rows;
  }
};

TEST_F(EdgeConditionsTest, PlansReadAndWriteEachEdgeOnce) {
  const std::string edge = "graph || ' ' || source || ' ' || target || ' ' || source_table AS edge";
  for (std::uint64_t seed = 1; seed <= 25; ++seed) {
    SCOPED_TRACE(fmt::format("seed {}", seed));
    Random random(seed);
    FillEdges(random);
    for (int i = 0; i < 8; ++i) {
      Random same = random;
      const std::string planned = Condition(random, "", 3);
      const std::string naive = Condition(same, "+", 3);
      const std::vector<std::string> want = Rows("SELECT " + edge + " FROM edges WHERE " + naive);
      ASSERT_EQ(Rows("SELECT " + edge + " FROM edges WHERE " + planned), want) << planned;
      ASSERT_EQ(
          Rows("UPDATE edges SET clicks = clicks + 1 WHERE " + planned + " RETURNING " + edge),
          want)
          << planned;
      // One addition to each, however often a plan met it.
      ASSERT_EQ(Rows("SELECT " + edge + " FROM edges WHERE clicks > 0"), want) << planned;
      ASSERT_TRUE(Rows("SELECT " + edge + " FROM edges WHERE clicks > 1").empty()) << planned;
      Must("UPDATE edges SET clicks = 0");
      Must("BEGIN");
      ASSERT_EQ(Rows("DELETE FROM edges WHERE " + planned + " RETURNING " + edge), want) << planned;
      ASSERT_TRUE(Rows("SELECT " + edge + " FROM edges WHERE " + naive).empty());
      Must("ROLLBACK");
    }
  }
}

}  // namespace
}  // namespace dashi
