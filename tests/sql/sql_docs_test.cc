// Runs every example of docs/SQL.md and compares the results that stand there.

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <span>
#include <sstream>
#include <string>
#include <unistd.h>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "dashi/database.h"
#include "sql/settings.h"
#include "tests/testing/tiny_database.h"
#include "trainer/model_options.h"

namespace dashi {
namespace {

struct Example {
  std::string sql;
  std::string result;  ///< of the last statement; empty: not compared
  std::size_t line = 0;
};

std::string ReadDocs() {
  const char* root = std::getenv("DASHI_SOURCE_DIR");
  std::ifstream file(std::string(root == nullptr ? "." : root) + "/docs/SQL.md");
  EXPECT_TRUE(file.good()) << "DASHI_SOURCE_DIR has to name the project's folder";
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

std::vector<Example> Examples(const std::string& docs) {
  std::vector<Example> examples;
  std::istringstream lines(docs);
  std::string line;
  std::string* block = nullptr;
  for (std::size_t number = 1; std::getline(lines, line); ++number) {
    if (line == "```sql") {
      examples.push_back({"", "", number});
      block = &examples.back().sql;
    } else if (line == "```text") {
      block = &examples.back().result;
    } else if (line == "```") {
      block = nullptr;
    } else if (block != nullptr) {
      *block += line + "\n";
    }
  }
  return examples;
}

std::string Shown(ResultSet& result) {
  std::string text;
  Row row;
  for (;;) {
    const auto more = result.Next(&row);
    EXPECT_TRUE(more.ok()) << more.status().ToString();
    if (!more.ok() || !*more) {
      return text;
    }
    for (std::size_t i = 0; i < row.size(); ++i) {
      text += (i == 0 ? "" : " | ") + row[i].ToString();
    }
    text += "\n";
  }
}

void WriteFile(const std::string& name, const std::string& content) {
  std::ofstream(name, std::ios::binary) << content;
}

/// Runs the statements of an example with COPY ... FROM STDIN, whose rows follow it up to a line of
/// \. alone, or TO STDOUT, whose rows are its result.
Status RunWithRows(Session& session, const std::string& example, std::string* last) {
  std::istringstream lines(example);
  std::string statement;
  for (std::string line; std::getline(lines, line);) {
    statement += line + "\n";
    if (!line.ends_with(';')) {
      continue;
    }
    last->clear();
    CopyStreams streams;
    streams.read = [&lines](std::span<char> bytes) -> Result<std::size_t> {
      std::string row;
      if (!std::getline(lines, row) || row == "\\.") {
        return std::size_t{0};
      }
      row += "\n";
      std::copy(row.begin(), row.end(), bytes.begin());
      return row.size();
    };
    streams.write = [last](std::string_view row) -> Status {
      *last += row;
      return Status::Ok();
    };
    auto result = session.ExecuteWithStreams(statement, streams);
    if (!result.ok()) {
      return std::move(result).status();
    }
    *last += Shown(*result);
    statement.clear();
  }
  return Status::Ok();
}

// Whether an example trains or waits for a training. TRAIN MODEL m has a stand-in.
bool NeedsTraining(std::string sql) {
  const std::string replaced = "TRAIN MODEL m;";
  for (std::size_t at = sql.find(replaced); at != std::string::npos; at = sql.find(replaced)) {
    sql.erase(at, replaced.size());
  }
  return sql.find("TRAIN MODEL") != std::string::npos || sql.find(" JOB 2") != std::string::npos;
}

class SqlDocsTest : public ::testing::Test {
 protected:
  void SetUp() override {
    before_ = std::filesystem::current_path();
    std::filesystem::current_path(directory_.path());  // The examples name files without folders.
    WriteFile("documents.jsonl", R"({"id": "j1", "text": "a scarf", "price": 3})"
                                 "\n");
    WriteFile("labels.csv", "text;id\nscarves;L4\n");
    WriteFile("relevance.tsv", "j1\tL4\nj1\tmissing\n");
    WriteFile("titles.txt", "first title\nsecond title\n");
    WriteFile("links.tsv", "d2\tL2\nd3\tL3\nd3\tmissing\n");
    WriteFile("clicks.csv",
              "document,label,at,event_id\nd1,L1,2026-03-01,e1\nd1,L1,2026-03-11T00:00:00Z,e2\n"
              "d1,L1,2026-03-11T00:00:00Z,e2\n");
    Open();
  }
  void TearDown() override {
    session_.reset();
    database_.reset();
    std::filesystem::current_path(before_);
  }

  void Open() {
    auto database = Database::Open("docs.db");
    ASSERT_TRUE(database.ok()) << database.status().ToString();
    database_ = std::move(*database);
    session_ = std::move(*database_->NewSession());
  }

  // Where the training module is not built, TRAIN MODEL has to say so; a release of untrained
  // weights takes the place of what it would have made.
  void ReplaceTraining(const Status& status) {
    EXPECT_EQ(status.message().find("libdashi_torch.so") == std::string_view::npos, false)
        << status.ToString();
    session_.reset();
    database_.reset();
    testing::AddRelease(*testing::OpenStore("docs.db"), "m");
    Open();
  }

  testing::TemporaryDirectory directory_;
  std::filesystem::path before_;
  std::unique_ptr<Database> database_;
  std::unique_ptr<Session> session_;
  bool has_training_ = true;
};

TEST_F(SqlDocsTest, EveryExampleRunsAndGivesTheResultThatIsPrinted) {
  const std::vector<Example> examples = Examples(ReadDocs());
  ASSERT_GT(examples.size(), 15U);
  for (const Example& example : examples) {
    SCOPED_TRACE("docs/SQL.md:" + std::to_string(example.line) + "\n" + example.sql);
    std::string last;
    const auto keep = [&](ResultSet& result) {
      last = Shown(result);
      return Status::Ok();
    };
    const bool needs_training = NeedsTraining(example.sql);
    if (!has_training_ && needs_training) {
      std::cout << "not run without the training module: docs/SQL.md:" << example.line << "\n";
      continue;
    }
    const std::size_t train = example.sql.find("TRAIN MODEL m;");
    if (example.sql.find(" STDIN") != std::string::npos) {
      const Status status = RunWithRows(*session_, example.sql, &last);
      ASSERT_TRUE(status.ok()) << status.ToString();
    } else if (train == std::string::npos) {
      const Status status = session_->ExecuteScript(example.sql, keep);
      ASSERT_TRUE(status.ok()) << status.ToString();
    } else {
      const std::size_t after = example.sql.find(';', train) + 1;
      const Status status = session_->ExecuteScript(example.sql.substr(0, after), keep);
      if (!status.ok()) {
        has_training_ = false;
        ReplaceTraining(status);
      }
      const Status rest = session_->ExecuteScript(example.sql.substr(after), keep);
      ASSERT_TRUE(rest.ok()) << rest.ToString();
    }
    if (!example.result.empty()) {
      EXPECT_EQ(last, example.result);
    }
  }
}

TEST_F(SqlDocsTest, EveryModelOptionIsListed) {
  const std::string docs = ReadDocs();
  const auto options = trainer::ListModelOptions("ramen");
  ASSERT_TRUE(options.ok());
  for (const auto& option : *options) {
    EXPECT_NE(docs.find("`" + std::string(option.name) + "`"), std::string::npos) << option.name;
  }
}

TEST_F(SqlDocsTest, EveryColumnOfEveryTableIsListed) {
  const std::string docs = ReadDocs();
  const auto list = [&](ResultSet& tables) {
    Row row;
    while (*tables.Next(&row)) {
      const std::string name(row[0].text());
      auto result = session_->Execute("SELECT * FROM " + name);
      EXPECT_TRUE(result.ok()) << name;
      const std::size_t begin = docs.find("\n| `" + name + "` | ");
      EXPECT_NE(begin, std::string::npos) << name;
      const std::string line = docs.substr(begin + 1, docs.find('\n', begin + 1) - begin);
      for (const Column& column : result->columns()) {
        EXPECT_NE(line.find("`" + column.name + "`"), std::string::npos)
            << name << "." << column.name;
      }
    }
    return Status::Ok();
  };
  EXPECT_TRUE(session_->ExecuteScript("SHOW TABLES", list).ok());
}

}  // namespace
}  // namespace dashi
