#include "sql/parser.h"

#include <string>
#include <variant>
#include <vector>

#include <gtest/gtest.h>

#include "sql/lexer.h"

namespace dashi::sql {
namespace {

template <typename Node>
Node Parse(const std::string& sql) {
  auto statement = ParseOne(sql);
  EXPECT_TRUE(statement.ok()) << sql << ": " << statement.status().ToString();
  if (!statement.ok() || !std::holds_alternative<Node>(statement->node)) {
    ADD_FAILURE() << sql;
    return Node();
  }
  return std::get<Node>(statement->node);
}

TEST(ParserTest, ReadsCopy) {
  const auto copy = Parse<CopyFromStatement>(
      "copy Relevance (document, \"label\") FROM 'it''s.tsv' WITH (FORMAT tsv, delimiter = '|', "
      "HEADER, on_conflict 'ignore');");
  EXPECT_EQ(copy.table, "relevance");
  EXPECT_EQ(copy.columns, (std::vector<std::string>{"document", "label"}));
  EXPECT_EQ(copy.path, "it's.tsv");
  ASSERT_EQ(copy.options.size(), 4U);
  EXPECT_EQ(copy.options[0].name, "format");
  EXPECT_EQ(copy.options[0].value, "tsv");
  EXPECT_EQ(copy.options[2].value, "on");
  EXPECT_EQ(copy.options[3].value, "ignore");
}

TEST(ParserTest, ReadsCreateModelWithEveryKindOfValue) {
  const auto create = Parse<CreateModelStatement>(
      "CREATE MODEL IF NOT EXISTS \"Ads\" USING NGAME WITH (dim = 300, rate = -1.5e-3, on = off, "
      "loss = 'softmax', plus = +2)");
  EXPECT_EQ(create.model, "Ads");
  EXPECT_EQ(create.algorithm, "ngame");
  EXPECT_TRUE(create.if_not_exists);
  std::vector<std::string> values;
  for (const OptionNode& option : create.options) {
    values.push_back(option.value);
  }
  EXPECT_EQ(values, (std::vector<std::string>{"300", "-1.5e-3", "off", "softmax", "2"}));
}

TEST(ParserTest, ReadsExportAndImport) {
  const auto exported = Parse<ExportModelStatement>("EXPORT MODEL \"Ads\"@3 TO '/tmp/it''s';");
  EXPECT_EQ(exported.release.model, "Ads");
  EXPECT_EQ(exported.release.release, 3U);
  EXPECT_EQ(exported.path, "/tmp/it's");
  EXPECT_EQ(exported.path_offset, 24U);
  EXPECT_FALSE(Parse<ExportModelStatement>("export model ads to 'x'").release.release.has_value());
  const auto imported = Parse<ImportModelStatement>("IMPORT MODEL ads FROM 'x'");
  EXPECT_EQ(imported.model, "ads");
  EXPECT_EQ(imported.path, "x");
  for (const char* wrong : {"EXPORT ads@1 TO 'x'", "EXPORT MODEL ads@1", "EXPORT MODEL ads@1 TO x",
                            "IMPORT MODEL ads@1 FROM 'x'", "IMPORT MODEL ads FROM 'x' 'y'"}) {
    EXPECT_EQ(ParseOne(wrong).status().sqlstate(), "42601") << wrong;
  }
}

TEST(ParserTest, ReadsReleaseNames) {
  EXPECT_EQ(Parse<PublishStatement>("PUBLISH ads@12").release.release, 12U);
  EXPECT_EQ(Parse<PublishStatement>("PUBLISH LATEST ads").release.model, "ads");
  EXPECT_EQ(Parse<PublishStatement>("PUBLISH latest").release.model, "latest");
  EXPECT_EQ(Parse<PublishStatement>("PUBLISH MODEL ads").release.model, "ads");
  EXPECT_EQ(Parse<PublishStatement>("PUBLISH model@3").release.model, "model");
  const auto evaluate =
      Parse<EvaluateModelStatement>("EVALUATE MODEL m@1 ON 'valid' WITH (k = '1,3')");
  EXPECT_EQ(evaluate.split, "valid");
  EXPECT_EQ(evaluate.options.at(0).value, "1,3");
  EXPECT_FALSE(ParseOne("PUBLISH m@4294967296").ok());
  EXPECT_FALSE(ParseOne("PUBLISH m@0x1").ok());
}

TEST(ParserTest, ReadsTheConditionsOfAPublication) {
  const auto publish = Parse<PublishStatement>(
      "PUBLISH ads@3 WHEN p@1 >= current - 0.002 AND psp@5>=current AND ann_recall@10 > .95 AND "
      "latency_p99 <= '5 ms' AND Size < 1.5 * CURRENT + '10 MB' AND tail.ndcg@3 = current*0.9");
  EXPECT_EQ(publish.release.release, 3U);
  EXPECT_FALSE(publish.split.has_value());
  std::vector<std::string> texts;
  for (const query::PublishCondition& condition : publish.conditions) {
    texts.push_back(condition.Text());
  }
  EXPECT_EQ(texts, (std::vector<std::string>{"p@1 >= current - 0.002", "psp@5 >= current",
                                             "ann_recall@10 > .95", "latency_p99 <= '5 ms'",
                                             "size < 1.5 * current + '10 MB'",
                                             "tail.ndcg@3 = current * 0.9"}));
  const std::vector<double> limits = {0.498, 0.5, 0.95, 5, 10'000'000.75, 0.45};
  for (std::size_t i = 0; i < limits.size(); ++i) {
    EXPECT_DOUBLE_EQ(publish.conditions[i].limit.At(0.5), limits[i]) << texts[i];
  }
  const auto latest = Parse<PublishStatement>("PUBLISH LATEST ads ON 'valid' WHEN size <= 10");
  EXPECT_EQ(latest.split, "valid");
  EXPECT_EQ(latest.release.model, "ads");
  EXPECT_EQ(Parse<PublishStatement>("PUBLISH latest WHEN p@1 > 0").release.model, "latest");
  EXPECT_EQ(Parse<PublishStatement>("PUBLISH model ON 'test' WHEN p@1 > 0").release.model, "model");
}

TEST(ParserTest, ConditionsThatCannotBeReadAreRefusedWhereTheyStand) {
  const std::vector<std::tuple<std::string, std::string, std::size_t>> cases = {
      {"PUBLISH m WHEN", "42601", 14},
      {"PUBLISH m WHEN p@1", "42601", 18},
      {"PUBLISH m WHEN p@1 >=", "42601", 21},
      {"PUBLISH m WHEN p@1 <> 1", "42601", 19},
      {"PUBLISH m WHEN p@1 >= 0 AND", "42601", 27},
      {"PUBLISH m WHEN p@1 >= 0 OR p@3 >= 0", "42601", 24},
      {"PUBLISH m WHEN p@1 >= -1", "42601", 22},
      {"PUBLISH m WHEN p@1 >= current -", "42601", 31},
      {"PUBLISH m WHEN p@1 >= 2 * 3", "42601", 26},
      {"PUBLISH m WHEN p@1 >= '2' * current", "22023", 22},
      {"PUBLISH m WHEN p@1 >= $1", "0A000", 22},
      {"PUBLISH m WHEN p@1 >= 95", "22023", 22},
      {"PUBLISH m WHEN ann_recall@10 >= 95", "22023", 32},
      {"PUBLISH m WHEN pp@1 >= 0", "22023", 15},
      {"PUBLISH m WHEN latency_p99 <= 5", "22023", 30},
      {"PUBLISH m WHEN size <= current + '5 ms'", "22023", 33},
      {"PUBLISH m ON 'test'", "42601", 19},
      {"PUBLISH m ON test WHEN p@1 >= 0", "42601", 13},
  };
  for (const auto& [sql, sqlstate, offset] : cases) {
    const Status status = ParseOne(sql).status();
    EXPECT_EQ(status.sqlstate(), sqlstate) << sql << ": " << status.ToString();
    ASSERT_TRUE(status.position().has_value()) << sql;
    EXPECT_EQ(status.position()->offset, offset) << sql << ": " << status.ToString();
  }
}

TEST(ParserTest, ReadsTheLifeOfReleases) {
  const auto pin = Parse<PinReleaseStatement>("PIN RELEASE ads@3");
  EXPECT_TRUE(pin.pin);
  EXPECT_EQ(pin.release.model, "ads");
  EXPECT_EQ(pin.release.release, 3U);
  EXPECT_FALSE(Parse<PinReleaseStatement>("unpin release ads@3").pin);
  const auto alter = Parse<AlterModelStatement>("ALTER MODEL Ads SET (retain_releases = 0)");
  EXPECT_EQ(alter.model, "ads");
  EXPECT_EQ(alter.model_offset, 12U);
  EXPECT_EQ(alter.options.at(0).name, "retain_releases");
  EXPECT_EQ(alter.options.at(0).value, "0");
  EXPECT_EQ(alter.options.at(0).offset, 21U);
  for (const char* wrong : {"PIN RELEASE ads", "PIN ads@1", "UNPIN RELEASE ads@1 ads@2",
                            "ALTER MODEL ads", "ALTER MODEL ads SET retain_releases = 1",
                            "ALTER MODEL ads SET (a = 1, a = 2)", "ALTER m SET (a = 1)"}) {
    EXPECT_FALSE(ParseOne(wrong).ok()) << wrong;
  }
}

TEST(ParserTest, ReadsTransactionControl) {
  EXPECT_EQ(Parse<BeginStatement>("BEGIN READ ONLY").modes.read_only, true);
  EXPECT_EQ(Parse<BeginStatement>("START TRANSACTION READ WRITE, NOT DEFERRABLE").modes.read_only,
            false);
  Parse<CommitStatement>("END");
  Parse<RollbackStatement>("ROLLBACK AND NO CHAIN");
  EXPECT_EQ(Parse<RollbackToStatement>("ROLLBACK WORK TO S").name, "s");
  EXPECT_TRUE(Parse<SetTransactionStatement>("SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY")
                  .session);
}

TEST(ParserTest, ReadsSettings) {
  EXPECT_EQ(Parse<SetStatement>("SET a.b TO 'x'").name, "a.b");
  EXPECT_EQ(Parse<SetStatement>("SET DateStyle = ISO, MDY").value, "iso, mdy");
  EXPECT_EQ(Parse<SetStatement>("SET x = DEFAULT").value, std::nullopt);
  EXPECT_TRUE(Parse<SetStatement>("SET LOCAL x = 1").local);
  EXPECT_EQ(Parse<SetStatement>("SET local = 1").name, "local");
  EXPECT_EQ(Parse<ResetStatement>("RESET ALL").name, std::nullopt);
}

TEST(ParserTest, ClassifiesWhatSqliteRuns) {
  const std::vector<std::pair<std::string, SqliteVerb>> cases = {
      {"SELECT 1", SqliteVerb::kSelect},
      {"VALUES (1)", SqliteVerb::kSelect},
      {"WITH a AS (SELECT 1) SELECT * FROM a", SqliteVerb::kSelect},
      {"WITH a AS (SELECT 1) INSERT INTO labels SELECT * FROM a", SqliteVerb::kInsert},
      {"REPLACE INTO labels VALUES (1)", SqliteVerb::kInsert},
      {"SELECT replace('a', 'b', 'c')", SqliteVerb::kSelect},
      {"WITH a AS (DELETE FROM x) UPDATE labels SET id = 1", SqliteVerb::kUpdate},
      {"DELETE FROM labels", SqliteVerb::kDelete},
      {"EXPLAIN QUERY PLAN DELETE FROM labels", SqliteVerb::kExplain},
  };
  for (const auto& [sql, verb] : cases) {
    EXPECT_EQ(Parse<SqliteStatement>(sql).verb, verb) << sql;
  }
}

TEST(ParserTest, CountsParameters) {
  auto statement = ParseOne("SELECT $2, '$7', \"$8\" -- $9\n, $1");
  ASSERT_TRUE(statement.ok());
  EXPECT_EQ(statement->num_parameters, 2U);
}

TEST(ParserTest, CutsScriptsAtSemicolonsOutsideOfQuotesAndComments) {
  Parser parser(";; SELECT ';' -- ;\n; /* ; */ SELECT \"a;b\" ;\n\nSELECT 3 -- end");
  std::vector<std::string> texts;
  std::vector<std::size_t> lines;
  for (;;) {
    auto statement = parser.Next();
    ASSERT_TRUE(statement.ok()) << statement.status().ToString();
    if (!*statement) {
      break;
    }
    texts.emplace_back((*statement)->text());
    lines.push_back(PositionAt(*(*statement)->source, (*statement)->begin_offset()).line);
  }
  EXPECT_EQ(texts, (std::vector<std::string>{"SELECT ';'", "SELECT \"a;b\"", "SELECT 3"}));
  EXPECT_EQ(lines, (std::vector<std::size_t>{1, 2, 4}));
}

TEST(ParserTest, HandsOutTheStatementsBeforeAFaultyOne) {
  Parser parser("SELECT 1;\n\nSELCT 2; SELECT 3");
  ASSERT_TRUE(parser.Next().ok());
  const auto faulty = parser.Next();
  ASSERT_FALSE(faulty.ok());
  ASSERT_TRUE(faulty.status().position());
  EXPECT_EQ(faulty.status().position()->line, 3U);
  EXPECT_EQ(faulty.status().position()->column, 1U);
  EXPECT_EQ(faulty.status().position()->offset, 11U);
}

TEST(ParserTest, PositionsCountCodePointsAndLines) {
  const std::string sql = "a\näö\xF0\x9F\x98\x80x";
  const SourcePosition position = PositionAt(sql, sql.size() - 1);
  EXPECT_EQ(position.line, 2U);
  EXPECT_EQ(position.column, 4U);
  EXPECT_EQ(position.offset, sql.size() - 1);
}

TEST(ParserTest, RefusesTextThatIsNotUtf8OrHoldsNul) {
  using namespace std::string_literals;
  for (const std::string& sql : {"SELECT '\xff'"s, "SELECT '\xC3'"s, "SELECT '\xED\xA0\x80'"s,
                                 "SELECT 'a\0b'"s, "SELECT 1\0"s}) {
    const auto statement = ParseOne(sql);
    ASSERT_FALSE(statement.ok());
    EXPECT_EQ(statement.status().sqlstate(), "22021");
    ASSERT_TRUE(statement.status().position());
  }
  EXPECT_EQ(ParseOne("SELECT 'ab\xff'").status().position()->offset, 10U);
}

// Every prefix and every statement with one byte changed must give a result, not a crash.
TEST(ParserTest, SurvivesDamagedStatements) {
  const std::vector<std::string> statements = {
      "COPY t (a, b) FROM 'x' WITH (FORMAT csv, n = -1.5)",
      "CREATE MODEL m USING ngame WITH (a = 'b', c = 1)",
      "EVALUATE MODEL m@1 ON 'test' WITH (k = '1,3')",
      "COMPARE m@1 WITH n@2 ON 'test' WITH (k = '1,3')",
      "RESUME JOB 3 WITH (wait = off)",
      "SELECT $1, x'00ff', \"a\"\"b\", 'c''d', 1.5e-3 /* c */ -- d\n FROM t",
      "BEGIN ISOLATION LEVEL READ COMMITTED, READ ONLY",
      "SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY",
      "PUBLISH LATEST m",
      "PUBLISH m@1 ON 'test' WHEN tail.p@1 >= 0.9 * current - 0.002 AND latency_p99 <= '5 ms'",
      "ALTER MODEL m SET (retain_releases = 1)",
      "UNPIN RELEASE m@1",
  };
  const std::string bytes = std::string("'\"$;(@x0-/*\x80\xff ") + '\0';
  for (const std::string& statement : statements) {
    EXPECT_TRUE(ParseOne(statement).ok()) << statement;
    for (std::size_t i = 0; i < statement.size(); ++i) {
      ParseOne(statement.substr(0, i)).status().IgnoreError("only crashes count");
      for (const char byte : bytes) {
        std::string damaged = statement;
        damaged[i] = byte;
        ParseOne(damaged).status().IgnoreError("only crashes count");
      }
    }
  }
}

}  // namespace
}  // namespace dashi::sql
