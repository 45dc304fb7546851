// COPY through a session: progress, an end before the end, bad rows.

#include <fcntl.h>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <unistd.h>
#include <vector>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "tests/sql/session_fixture.h"

namespace dashi {
namespace {

class SessionCopyTest : public SessionFixture {};

TEST_F(SessionCopyTest, CopyReportsProgressAndCanBeCancelled) {
  const std::string path = directory_.path() + "/labels.csv";
  {
    std::ofstream file(path);
    for (int i = 0; i < 1000; ++i) {
      file << i << ",label " << i << "\n";
    }
  }
  const std::string copy = "COPY labels FROM '" + path + "'";
  session_->SetProgressCallback([&](const Progress&) { session_->Cancel(); });
  EXPECT_EQ(State(copy), "57014");
  EXPECT_EQ(CountOf(*session_, "labels"), 0);
  std::vector<Progress> reports;
  session_->SetProgressCallback([&](const Progress& progress) { reports.push_back(progress); });
  Must(copy);
  ASSERT_GE(reports.size(), 2U);
  EXPECT_EQ(reports.front().operation, "COPY labels");
  EXPECT_EQ(reports.front().phase, "reading");
  EXPECT_EQ(reports.front().unit, "bytes");
  EXPECT_GT(reports.front().total, 10'000U);
  EXPECT_EQ(CountOf(*session_, "labels"), 1000);
}

// A process that dies while COPY TO writes leaves nothing, where the file system has files without
// names.
TEST_F(SessionCopyTest, CopyToWritesWithoutAName) {
  const int unnamed = ::open(directory_.path().c_str(), O_TMPFILE | O_WRONLY | O_CLOEXEC, 0644);
  if (unnamed < 0) {
    GTEST_SKIP() << "the file system of the tests has no files without names";
  }
  ::close(unnamed);
  Must("INSERT INTO labels (id, text) VALUES ('a', 'one'), ('b', 'two')");
  const std::filesystem::path folder = directory_.path() + "/out";
  std::filesystem::create_directory(folder);
  const auto names = [&folder] {
    std::vector<std::string> found;
    for (const auto& entry : std::filesystem::directory_iterator(folder)) {
      found.push_back(entry.path().filename());
    }
    return found;
  };
  using Names = std::vector<std::string>;
  const std::string path = folder / "labels.tsv";
  for (const Names& before : {Names(), Names({"labels.tsv"})}) {
    std::vector<Names> during;
    session_->SetProgressCallback([&](const Progress& progress) {
      if (progress.done == 0) {
        during.push_back(names());
      }
    });
    Must("COPY labels TO '" + path + "'");
    session_->SetProgressCallback(nullptr);
    ASSERT_FALSE(during.empty());
    EXPECT_EQ(during.front(), before);
    EXPECT_EQ(names(), Names({"labels.tsv"}));
    std::stringstream content;
    content << std::ifstream(path).rdbuf();
    EXPECT_EQ(content.str(), "a\tone\nb\ttwo\n");
  }
}

// Edges are added many at a time; bad rows are told in the order of the file all the same.
TEST_F(SessionCopyTest, BadRowsAmongManyEdgesKeepTheirLinesAndOrder) {
  ASSERT_TRUE(Run(*session_, "CREATE GRAPH g FROM documents TO labels").ok());
  ASSERT_TRUE(Run(*session_, "INSERT INTO labels (id, text) VALUES ('a', 'A')").ok());
  std::string values;
  for (int i = 1; i <= 700; ++i) {
    values += fmt::format("{}('d{}', 'text')", i == 1 ? "" : ", ", i);
  }
  ASSERT_TRUE(Run(*session_, "INSERT INTO documents (id, text) VALUES " + values).ok());
  std::ofstream file(directory_.path() + "/edges.tsv");
  for (int i = 1; i <= 700; ++i) {
    const bool is_unknown = i == 200 || i == 202 || i == 699;
    const char* weight = i == 201 ? "much" : i == 300 ? "-1" : "1";
    file << fmt::format("{}{}\ta\t{}{}\n", is_unknown ? "nobody" : "d", i, weight,
                        i == 203 ? "\textra" : "");
  }
  file.close();
  const std::string copy = "COPY edges (source, target, weight) FROM '" + directory_.path() +
                           "/edges.tsv' WITH (FORMAT tsv, graph = 'g'";
  const auto stopped = Run(*session_, copy + ")");
  EXPECT_EQ(stopped.status().sqlstate(), "23503");
  EXPECT_NE(stopped.status().message().find("line 200:"), std::string::npos)
      << stopped.status().ToString();
  ASSERT_TRUE(Run(*session_, copy + ", rejects = '" + directory_.path() + "/bad.txt')").ok());
  std::ifstream rejects(directory_.path() + "/bad.txt");
  std::vector<std::string> lines;
  for (std::string line; std::getline(rejects, line);) {
    lines.push_back(line.substr(0, line.find('\t')));
  }
  EXPECT_EQ(lines, std::vector<std::string>({"200", "201", "202", "203", "300", "699"}));
  const auto edges = Run(*session_, "SELECT count(*) FROM edges");
  ASSERT_TRUE(edges.ok());
  EXPECT_EQ(edges->front(), Value::Integer(694));
}

TEST_F(SessionCopyTest, BytesThatAreNotUtf8AreABadRow) {
  const std::string path = directory_.path() + "/bad.csv";
  std::ofstream(path, std::ios::binary) << "a,good\nb,b\xff"
                                        << "d\n";
  const auto result = Run(*session_, "COPY labels FROM '" + path + "'");
  EXPECT_EQ(result.status().sqlstate(), "22021");
  EXPECT_NE(result.status().message().find("line 2"), std::string_view::npos);
  EXPECT_EQ(CountOf(*session_, "labels"), 0);
}

}  // namespace
}  // namespace dashi
