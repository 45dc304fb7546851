#include "sql/shell/completion.h"

#include <algorithm>
#include <map>
#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace dashi {
namespace {

using Strings = std::vector<std::string>;

class FakeNames final : public NameSource {
 public:
  Strings Names(NameKind kind) override {
    switch (kind) {
      case NameKind::kTable:
        return {"documents", "labels", "my table"};
      case NameKind::kModel:
        return {"ads", "shop"};
      case NameKind::kRelease:
        return {"ads@1", "ads@2"};
      case NameKind::kSetting:
        return {"ann.ef", "ann.exact", "statement_timeout"};
      case NameKind::kJob:
        return {"7"};
      case NameKind::kGraph:
        return {"clicks"};
      case NameKind::kIndex:
        return {"lang_idx"};
    }
    return {};
  }
  Strings ColumnsOf(const std::string& table) override {
    asked.push_back(table);
    return columns[table];
  }

  std::map<std::string, Strings> columns = {{"documents", {"id", "text", "split"}},
                                            {"labels", {"id", "text", "On Sale"}}};
  Strings asked;
};

class CompletionTest : public ::testing::Test {
 protected:
  // `line` has a | where Tab is pressed; the word before it is what has no blank or sign in it.
  Completion At(const std::string& line) {
    const std::size_t cursor = line.find('|');
    const std::string before = line.substr(0, cursor);
    const std::size_t blank = before.find_last_of(" \t\n,;()=<>'\"");
    const std::size_t word = blank == std::string::npos ? 0 : blank + 1;
    const std::string after = line.substr(cursor + 1);
    const Strings commands = {"d", "dt", "timing"};
    return Complete(
        {std::string_view(before).substr(0, word), std::string_view(before).substr(word), after},
        commands, names_);
  }
  Strings Candidates(const std::string& line) { return At(line).candidates; }
  bool Offers(const std::string& line, const std::string& candidate) {
    const Strings found = Candidates(line);
    return std::find(found.begin(), found.end(), candidate) != found.end();
  }

  FakeNames names_;
};

TEST_F(CompletionTest, StatementsBeginWithTheirWords) {
  EXPECT_EQ(Candidates("SEL|"), Strings{"SELECT"});
  EXPECT_EQ(Candidates("sel|"), Strings{"select"}) << "in the case that was begun";
  EXPECT_EQ(Candidates("RE|"),
            (Strings{"REFRESH", "RELEASE", "REPLACE", "RESET", "RESUME", "REVERT"}));
  EXPECT_TRUE(Offers("|", "TRAIN"));
  EXPECT_EQ(Candidates("-- a comment\nTRA|"), Strings{"TRAIN"});
}

TEST_F(CompletionTest, TablesFollowTheirKeywords) {
  EXPECT_EQ(Candidates("SELECT * FROM doc|"), Strings{"documents"});
  EXPECT_EQ(Candidates("SELECT * FROM top|"), (Strings{"topk(", "topk_batch("}));
  EXPECT_EQ(Candidates("SELECT * FROM my|"), Strings{}) << "the name needs quotes";
  EXPECT_TRUE(Offers("SELECT * FROM |", "\"my table\""));
  EXPECT_EQ(Candidates("SELECT 1 FROM documents d\nJOIN LAB|"), Strings{"labels"});
  EXPECT_EQ(Candidates("COPY do|"), Strings{"documents"});
  EXPECT_EQ(Candidates("INSERT INTO la|"), Strings{"labels"});
  EXPECT_EQ(Candidates("UPDATE la|"), Strings{"labels"});
  EXPECT_EQ(Candidates("ALTER TABLE la|"), Strings{"labels"});
}

TEST_F(CompletionTest, ColumnsOfTheTablesOfTheStatement) {
  EXPECT_EQ(Candidates("SELECT spl| FROM documents"), Strings{"split"}) << "it stands behind";
  EXPECT_TRUE(Offers("SELECT id FROM documents WHERE te|", "text"));
  EXPECT_EQ(Candidates("SELECT id, spl|"), Strings{"split"}) << "no table is named yet";
  EXPECT_EQ(Candidates("SELECT sco|"), Strings{"score"});
  EXPECT_EQ(Candidates("SELECT l.te| FROM documents d, labels AS l"), Strings{"l.text"});
  EXPECT_EQ(Candidates("SELECT d.sp| FROM documents d JOIN labels l"), Strings{"d.split"});
  EXPECT_EQ(Candidates("SELECT x.i| FROM documents d"), Strings{});
  EXPECT_TRUE(Offers("SELECT sco| FROM topk('a text', 5) AS t", "score"));
  EXPECT_EQ(Candidates("SELECT t.sc| FROM topk('it''s (', 5) AS t"), Strings{"t.score"});
  EXPECT_EQ(Candidates("INSERT INTO labels (te|"), Strings{"text"});
  EXPECT_TRUE(Offers("INSERT INTO labels (|", "\"On Sale\""));
  EXPECT_EQ(Candidates("COPY documents (sp|"), Strings{"split"});
  EXPECT_EQ(Candidates("CREATE INDEX i ON labels (te|"), Strings{"text"});
  EXPECT_EQ(Candidates("ALTER TABLE labels DROP COLUMN te|"), Strings{"text"});
  EXPECT_TRUE(Offers("UPDATE labels SET te|", "text"));
  EXPECT_TRUE(Offers("DELETE FROM labels WHERE te|", "text"));
}

TEST_F(CompletionTest, ModelsAndReleases) {
  EXPECT_EQ(Candidates("TRAIN MODEL a|"), Strings{"ads"});
  EXPECT_EQ(Candidates("explain train model s|"), Strings{"shop"});
  EXPECT_EQ(Candidates("EVALUATE MODEL a|"), (Strings{"ads", "ads@1", "ads@2"}));
  EXPECT_EQ(Candidates("PUBLISH ads@|"), (Strings{"ads@1", "ads@2"}));
  EXPECT_EQ(Candidates("COMPARE ads@1 WITH ads@2|"), Strings{"ads@2"});
  EXPECT_EQ(Candidates("PIN RELEASE |"), (Strings{"ads@1", "ads@2"}));
  EXPECT_EQ(Candidates("CREATE MODEL m USING |"), (Strings{"ngame", "ramen"}));
  EXPECT_EQ(Candidates("PAUSE JOB |"), Strings{"7"});
  EXPECT_TRUE(Offers("PUBLISH ads@1 |", "WHEN"));
}

TEST_F(CompletionTest, SettingsAndLists) {
  EXPECT_EQ(Candidates("SET ann.e|"), (Strings{"ann.ef", "ann.exact"}));
  EXPECT_EQ(Candidates("SHOW stat|"), Strings{"statement_timeout"});
  EXPECT_EQ(Candidates("SHOW MODE|"), (Strings{"MODEL", "MODELS"}));
  EXPECT_EQ(Candidates("RESET A|"), (Strings{"ALL", "ann.ef", "ann.exact"}));
  EXPECT_EQ(Candidates("DROP INDEX l|"), Strings{"lang_idx"});
  EXPECT_EQ(Candidates("DROP GRAPH c|"), Strings{"clicks"});
}

TEST_F(CompletionTest, OptionsAndTheirValues) {
  EXPECT_EQ(Candidates("COPY labels FROM 'x.csv' WITH (on_|"), Strings{"on_conflict"});
  EXPECT_EQ(Candidates("copy labels from stdin (HEAD|"), Strings{"header"});
  EXPECT_EQ(Candidates("COPY labels FROM 'x' WITH (header, FORMAT t|"), (Strings{"text", "tsv"}));
  EXPECT_EQ(Candidates("COPY labels FROM 'x' (on_conflict = 're|"), Strings{"replace"});
  EXPECT_TRUE(At("COPY labels FROM 'x' (on_conflict = 're|").in_quotes);
  EXPECT_FALSE(At("COPY labels FROM 'x' (on_conflict = 're|").file_names);
  EXPECT_EQ(Candidates("COPY (SELECT id FROM labels) TO STDOUT WITH (|"),
            (Strings{"delimiter", "format", "header", "null"}));
  EXPECT_EQ(Candidates("COPY labels FROM 'x' (delimiter |"), Strings{}) << "no enumeration";
  EXPECT_EQ(Candidates("COPY labels FROM STD|"), Strings{"STDIN"});
  EXPECT_EQ(Candidates("COPY labels (id) TO STD|"), Strings{"STDOUT"});
  EXPECT_EQ(Candidates("CREATE MODEL m USING ngame WITH (dim = 32, classifier_l|"),
            (Strings{"classifier_learning_rate", "classifier_loss"}));
  EXPECT_EQ(Candidates("CREATE MODEL m USING ngame WITH (encoder = b|"), Strings{"bag"});
  EXPECT_EQ(Candidates("TRAIN MODEL m WITH (wa|"),
            (Strings{"wait", "walk_hops", "walk_neighbours", "walk_restart", "warm_start",
                     "warmup_steps"}));
  EXPECT_EQ(Candidates("EXPLAIN TRAIN MODEL m WITH (index = h|"), Strings{"hnsw"});
  EXPECT_EQ(Candidates("ALTER MODEL m SET (ret|"), (Strings{"retain_releases", "retrieval"}));
  EXPECT_EQ(Candidates("EVALUATE MODEL m@1 ON 'test' WITH (sco|"), Strings{"scores"});
  EXPECT_EQ(Candidates("COMPARE m@1 WITH m@2 WITH (rows = |"), (Strings{"documents", "metrics"}));
  EXPECT_EQ(Candidates("CREATE GRAPH g FROM documents TO labels WITH (half|"),
            Strings{"half_life"});
  EXPECT_EQ(Candidates("RESUME JOB 7 WITH (wait = o|"), (Strings{"off", "on"}));
  EXPECT_EQ(Candidates("BACKUP TO 'x' WITH (v|"), Strings{"verify"});
  EXPECT_EQ(Candidates("COPY labels (te|"), Strings{"text"}) << "a column";
  EXPECT_EQ(Candidates("SET ann.exact = |"), (Strings{"off", "on"}));
  EXPECT_EQ(Candidates("SET LOCAL client_min_messages TO w|"), Strings{"warning"});
  EXPECT_EQ(Candidates("SET ann.ef = |"), Strings{});
  EXPECT_EQ(Candidates("SET synchronous_commit |"), (Strings{"=", "TO"}));
  EXPECT_TRUE(Offers("SELECT count(|", "id")) << "other parentheses are others";
}

TEST_F(CompletionTest, FilesWhereStatementsNameThem) {
  EXPECT_TRUE(At("COPY documents FROM 'do|").file_names);
  EXPECT_TRUE(At("COPY documents FROM 'do|").in_quotes);
  EXPECT_TRUE(At("BACKUP TO '|").file_names);
  EXPECT_FALSE(At("SELECT * FROM topk('doc|").file_names);
  EXPECT_EQ(Candidates("SELECT * FROM topk('doc|"), Strings{}) << "a text is nothing to complete";
  EXPECT_EQ(Candidates("EVALUATE MODEL ads@1 ON 'te|"), Strings{"test"});
}

TEST_F(CompletionTest, Commands) {
  EXPECT_EQ(Candidates("\\d|"), (Strings{"\\d", "\\dt"}));
  EXPECT_EQ(Candidates("SELECT 1 \\ti|"), Strings{"\\timing"});
  EXPECT_EQ(Candidates("\\d la|"), Strings{"labels"});
  EXPECT_EQ(Candidates("\\d labels |"), Strings{});
  EXPECT_EQ(Candidates("\\dm |"), (Strings{"ads", "shop"}));
  EXPECT_EQ(Candidates("\\x a|"), Strings{"auto"});
  EXPECT_EQ(Candidates("\\format j|"), (Strings{"json", "jsonl"}));
  EXPECT_TRUE(At("\\i |").file_names);
  EXPECT_TRUE(At("SELECT 1\nFROM labels \\g |").file_names) << "behind a statement";
  EXPECT_EQ(Candidates("SELECT 1 \\copy la|"), Strings{"labels"});
  EXPECT_TRUE(At("\\o |").file_names);
  EXPECT_EQ(Candidates("\\copy la|"), Strings{"labels"});
  EXPECT_TRUE(At("\\copy labels FROM |").file_names);
}

TEST_F(CompletionTest, NothingMakesItStumble) {
  for (const char* line : {"(|",
                           ")|",
                           "'|",
                           "\"|",
                           "\"x|",
                           ";|",
                           ",|",
                           "(((|",
                           ")))|",
                           "FROM|",
                           "FROM FROM |",
                           ". |",
                           "SELECT .|",
                           "SELECT a.b.c|",
                           "\\|",
                           "\\ |",
                           "\\copy |",
                           "ON ( (|",
                           "@|",
                           "-- |",
                           "/* |",
                           "INTO (|",
                           "COPY (|",
                           "TABLE DROP COLUMN |",
                           "SELECT x FROM topk(|",
                           "\xff\xfe|",
                           "SELECT '\xff' FROM \xf0|"}) {
    At(line);
  }
}

}  // namespace
}  // namespace dashi
