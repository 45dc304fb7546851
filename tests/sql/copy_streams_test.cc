// COPY ... FROM STDIN and TO STDOUT: the application hands the bytes over and takes them.

#include <algorithm>
#include <fstream>
#include <functional>
#include <optional>
#include <span>
#include <sstream>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "base/random.h"
#include "tests/sql/session_fixture.h"

namespace dashi {
namespace {

/// Gives a text away in pieces, of which piece i has size(i) bytes at most.
class PieceReader {
 public:
  PieceReader(std::string text, std::function<std::size_t()> size)
      : text_(std::move(text)), size_(std::move(size)) {}
  Result<std::size_t> operator()(std::span<char> bytes) {
    const std::size_t size = std::min({size_(), bytes.size(), text_.size() - given_});
    std::copy_n(text_.data() + given_, size, bytes.data());
    given_ += size;
    return size;
  }

 private:
  std::string text_;
  std::function<std::size_t()> size_;
  std::size_t given_ = 0;
};

CopyStreams Input(const std::string& text, std::size_t piece = 1 << 20) {
  CopyStreams streams;
  streams.read = PieceReader(text, [piece] { return piece; });
  return streams;
}

class CopyStreamsTest : public SessionFixture {
 protected:
  Status CopyFrom(const std::string& sql, const CopyStreams& streams) {
    return session_->ExecuteWithStreams(sql, streams).status();
  }
  std::string CopyTo(const std::string& sql) {
    std::string text;
    CopyStreams streams;
    streams.write = [&](std::string_view row) -> Status {
      EXPECT_TRUE(row.ends_with('\n')) << row;
      text += row;
      return Status();
    };
    const auto result = session_->ExecuteWithStreams(sql, streams);
    EXPECT_TRUE(result.ok()) << sql << ": " << result.status().ToString();
    return text;
  }
  std::string Path(const std::string& name) const { return directory_.path() + "/" + name; }
};

TEST_F(CopyStreamsTest, FromInputLoadsAndToOutputWrites) {
  auto loaded =
      session_->ExecuteWithStreams("COPY labels FROM STDIN", Input("a\tone\nb\tt\\two\n"));
  ASSERT_TRUE(loaded.ok()) << loaded.status().ToString();
  EXPECT_EQ(loaded->command_tag(), "COPY 2");
  EXPECT_EQ(CopyTo("COPY (SELECT id, text FROM labels ORDER BY id) TO STDOUT"),
            "a\tone\nb\tt\\two\n");
  EXPECT_TRUE(CopyFrom("copy labels (text, id) from stdin with (format csv, header)",
                       Input("id,text\nc,\"three, \"\"3\"\"\"\n"))
                  .ok());
  EXPECT_TRUE(
      CopyFrom("COPY labels FROM STDIN (FORMAT jsonl)", Input("{\"id\": \"d\", \"text\": \"4\"}"))
          .ok());
  EXPECT_TRUE(CopyFrom("COPY labels FROM STDIN (FORMAT text)", Input("e\tfive\n")).ok());
  EXPECT_EQ(CopyTo("COPY (SELECT id, text FROM labels WHERE id >= 'c' ORDER BY id) TO STDOUT "
                   "WITH CSV HEADER DELIMITER ';'"),
            "id;text\nc;\"three, \"\"3\"\"\"\nd;4\ne;five\n");
  EXPECT_EQ(CopyTo("COPY (SELECT id FROM labels WHERE id = 'a') TO STDOUT (FORMAT jsonl)"),
            "{\"id\":\"a\"}\n");
}

TEST_F(CopyStreamsTest, OtherStatementsDoNotLookAtTheStreams) {
  CopyStreams streams;
  streams.read = [](std::span<char>) -> Result<std::size_t> { throw std::runtime_error("asked"); };
  EXPECT_TRUE(session_
                  ->ExecuteWithStreams("INSERT INTO labels (id, text) VALUES ($1, $1)", streams,
                                       std::vector<Value>{Value::Text("a")})
                  .ok());
  EXPECT_EQ(CountOf(*session_, "labels"), 1);
}

TEST_F(CopyStreamsTest, WithoutStreamsTheyAreRefused) {
  for (const char* sql : {"COPY labels FROM STDIN", "COPY labels TO STDOUT"}) {
    std::vector<Status> outcomes;
    outcomes.push_back(session_->Execute(sql).status());
    outcomes.push_back(session_->ExecuteScript(sql, nullptr));
    outcomes.push_back(session_->ExecuteWithStreams(sql, {}).status());
    auto prepared = session_->Prepare(sql);
    ASSERT_TRUE(prepared.ok());
    outcomes.push_back(prepared->Execute().status());
    for (const Status& status : outcomes) {
      EXPECT_EQ(status.sqlstate(), "0A000") << status.ToString();
      EXPECT_EQ(status.position()->offset, std::string_view(sql).find("STD"));
    }
  }
  // Those of one statement are not the next one's.
  EXPECT_TRUE(CopyFrom("COPY labels FROM STDIN", Input("a\tone\n")).ok());
  EXPECT_EQ(session_->Execute("COPY labels FROM STDIN").status().sqlstate(), "0A000");
}

TEST_F(CopyStreamsTest, FormatsThatAreNoStreamAreRefusedByName) {
  const Status xc = CopyFrom("COPY documents FROM STDIN (FORMAT xc)", Input(""));
  EXPECT_EQ(xc.sqlstate(), "0A000");
  EXPECT_NE(xc.message().find("xc"), std::string_view::npos);
  const Status binary = CopyFrom("COPY documents FROM STDIN (FORMAT binary)", Input(""));
  EXPECT_EQ(binary.sqlstate(), "0A000");
  EXPECT_NE(binary.message().find("binary"), std::string_view::npos);
}

TEST_F(CopyStreamsTest, ABadRowLoadsNothingAndNamesItsLine) {
  const Status status =
      CopyFrom("COPY labels FROM STDIN (FORMAT csv)", Input("a,one\nb,two\nc\nd,four\n"));
  EXPECT_EQ(status.sqlstate(), "22P04") << status.ToString();
  EXPECT_NE(status.message().find("line 3 of standard input"), std::string_view::npos)
      << status.ToString();
  const Status twice = CopyFrom("COPY labels FROM STDIN", Input("a\tone\na\ttwo\n"));
  EXPECT_EQ(twice.sqlstate(), "23505");
  EXPECT_NE(twice.message().find("line 2 of standard input"), std::string_view::npos)
      << twice.ToString();
  EXPECT_EQ(CountOf(*session_, "labels"), 0);
  const auto rejected = session_->ExecuteWithStreams(
      "COPY labels FROM STDIN (FORMAT csv, rejects = '" + Path("bad") + "')",
      Input("a,one\nb\nc,three\n"));
  ASSERT_TRUE(rejected.ok()) << rejected.status().ToString();
  EXPECT_EQ(rejected->command_tag(), "COPY 2");
  std::ifstream file(Path("bad"));
  std::string line;
  std::getline(file, line);
  EXPECT_TRUE(line.starts_with("2\t")) << line;
}

TEST_F(CopyStreamsTest, TheReadersErrorIsTheStatementsAndLoadsNothing) {
  for (const bool with_rejects : {false, true}) {
    CopyStreams streams;
    int calls = 0;
    streams.read = [&calls](std::span<char> bytes) -> Result<std::size_t> {
      if (++calls <= 2) {
        return PieceReader(fmt::format("r{}\ttext\n", calls), [] { return 100; })(bytes);
      }
      return Status::InvalidArgument("the client gave up").WithSqlState("57014");
    };
    const std::string options = with_rejects ? " WITH (rejects = '" + Path("bad") + "')" : "";
    const Status status = CopyFrom("COPY labels FROM STDIN" + options, streams);
    EXPECT_EQ(status.message(), "the client gave up");
    EXPECT_EQ(status.code(), StatusCode::kInvalidArgument);
    EXPECT_EQ(calls, 3);
    EXPECT_EQ(CountOf(*session_, "labels"), 0);
  }
  // The first error is told: the client gives up because the row was bad.
  CopyStreams streams;
  bool was_bad = false;
  streams.read = [&was_bad](std::span<char> bytes) -> Result<std::size_t> {
    if (std::exchange(was_bad, true)) {
      return Status::Cancelled("the client gave up").WithSqlState("57014");
    }
    return PieceReader("a\tone\nbad\n", [] { return 100; })(bytes);
  };
  EXPECT_EQ(CopyFrom("COPY labels FROM STDIN", streams).sqlstate(), "22P04");
  streams.read = [](std::span<char>) -> Result<std::size_t> { throw std::runtime_error("oops"); };
  const Status thrown = CopyFrom("COPY labels FROM STDIN", streams);
  EXPECT_EQ(thrown.code(), StatusCode::kInternal);
  EXPECT_NE(thrown.message().find("oops"), std::string_view::npos);
  streams.read = [](std::span<char> bytes) -> Result<std::size_t> { return bytes.size() + 1; };
  EXPECT_EQ(CopyFrom("COPY labels FROM STDIN", streams).code(), StatusCode::kInternal);
}

TEST_F(CopyStreamsTest, BeginIsToldOnceAndOnlyOfWhatCanStart) {
  std::vector<CopyStart> starts;
  CopyStreams streams = Input("a\tone\ttest\n");
  streams.begin = [&](const CopyStart& start) -> Status {
    starts.push_back(start);
    return Status();
  };
  EXPECT_EQ(CopyFrom("COPY lables FROM STDIN", streams).sqlstate(), "42P01");
  EXPECT_EQ(CopyFrom("COPY labels FROM STDIN (FROMAT csv)", streams).sqlstate(), "22023");
  EXPECT_TRUE(starts.empty());
  EXPECT_TRUE(CopyFrom("COPY documents (id, text, split) FROM STDIN", streams).ok());
  ASSERT_EQ(starts.size(), 1U);
  EXPECT_TRUE(starts[0].from_input);
  EXPECT_EQ(starts[0].format, "tsv");
  EXPECT_EQ(starts[0].columns.size(), 3U);
  streams.write = [](std::string_view) -> Status { return Status::Internal("no row is there"); };
  EXPECT_TRUE(CopyFrom("COPY (SELECT id, text FROM labels) TO STDOUT (FORMAT csv)", streams).ok());
  ASSERT_EQ(starts.size(), 2U);
  EXPECT_FALSE(starts[1].from_input);
  EXPECT_EQ(starts[1].format, "csv");
  EXPECT_EQ(starts[1].columns.size(), 2U);
  streams.begin = [](const CopyStart&) -> Status { return Status::Unavailable("gone"); };
  EXPECT_EQ(CopyFrom("COPY labels FROM STDIN", streams).message(), "gone");
  EXPECT_EQ(CopyFrom("COPY labels TO STDOUT", streams).message(), "gone");
}

TEST_F(CopyStreamsTest, RowsOfValuesGoBothWays) {
  Must("ALTER TABLE labels ADD COLUMN n INTEGER");
  Must("ALTER TABLE labels ADD COLUMN at TIMESTAMP");
  CopyStreams streams;
  CopyStart begun;
  streams.begin = [&](const CopyStart& start) {
    begun = start;
    return Status();
  };
  const std::vector<Row> rows = {
      {Value::Text("v1"), Value::Text("one"), Value::Integer(1), Value::Null()},
      {Value::Text("v2"), Value::Text("two"), Value::Null(),
       Value::Text("2026-11-29 10:00:00.000000+00")}};
  std::size_t next = 0;
  streams.read_row = [&](Row* row) -> Result<bool> {
    if (next == rows.size()) {
      return false;
    }
    *row = rows[next++];
    return true;
  };
  const std::string copy = "COPY labels (id, text, n, at) FROM STDIN (FORMAT binary)";
  const Status copied = CopyFrom(copy, streams);
  ASSERT_TRUE(copied.ok()) << copied.ToString();
  ASSERT_EQ(begun.columns.size(), 4U);
  EXPECT_EQ(begun.format, "binary");
  EXPECT_EQ(begun.columns[2].name, "n");
  EXPECT_EQ(begun.columns[2].sql_type, SqlType::kInteger);
  EXPECT_EQ(begun.columns[3].sql_type, SqlType::kTimestamp);

  std::vector<Row> written;
  streams.write_row = [&](const Row& row) {
    written.push_back(row);
    return Status();
  };
  const std::string out =
      "COPY (SELECT id, text, n, at FROM labels WHERE id LIKE 'v%' ORDER BY id) "
      "TO STDOUT (FORMAT binary)";
  ASSERT_TRUE(CopyFrom(out, streams).ok());
  EXPECT_EQ(written, rows);
}

TEST_F(CopyStreamsTest, BadRowsOfValuesAreToldByTheirNumber) {
  CopyStreams streams;
  int next = 0;
  const auto give = [&](std::vector<Row> rows) {
    next = 0;
    streams.read_row = [&next, rows = std::move(rows)](Row* row) -> Result<bool> {
      if (static_cast<std::size_t>(next) == rows.size()) {
        return false;
      }
      *row = rows[static_cast<std::size_t>(next++)];
      return true;
    };
    return CopyFrom("COPY labels (id, text) FROM STDIN (FORMAT binary)", streams);
  };
  const Row good = {Value::Text("w1"), Value::Text("x")};
  Status status = give({good, {Value::Text("w2")}});
  EXPECT_EQ(status.sqlstate(), "22P04");
  EXPECT_NE(status.message().find("row 2 of standard input"), std::string::npos);
  EXPECT_EQ(give({good, {Value::Text("w2"), Value::Null()}}).sqlstate(), "23502");
  EXPECT_EQ(give({good, good}).sqlstate(), "23505");
  streams.read_row = [](Row* /*row*/) -> Result<bool> { throw std::runtime_error("boom"); };
  status = CopyFrom("COPY labels (id, text) FROM STDIN (FORMAT binary)", streams);
  EXPECT_EQ(status.sqlstate(), "XX000");
  EXPECT_NE(status.message().find("boom"), std::string::npos);
  EXPECT_EQ(CopyFrom("COPY edges FROM STDIN (FORMAT binary)", streams).sqlstate(), "23502");
  EXPECT_EQ(CopyFrom("COPY labels FROM 'x' (FORMAT binary)", streams).sqlstate(), "0A000");
  EXPECT_EQ(CopyFrom("COPY labels FROM STDIN (FORMAT binary)", {}).sqlstate(), "0A000");
  EXPECT_EQ(CopyFrom("COPY labels TO STDOUT (FORMAT binary)", {}).sqlstate(), "0A000");
}

TEST_F(CopyStreamsTest, ALineOfBackslashAndPointEndsText) {
  bool asked_again = false;
  CopyStreams streams;
  streams.read = [&](std::span<char> bytes) -> Result<std::size_t> {
    EXPECT_FALSE(std::exchange(asked_again, true));
    return PieceReader("a\tone\n\\.\nb\ttwo\n", [] { return 100; })(bytes);
  };
  ASSERT_TRUE(CopyFrom("COPY labels FROM STDIN", streams).ok());
  EXPECT_EQ(CountOf(*session_, "labels"), 1);
  ASSERT_TRUE(CopyFrom("COPY labels FROM STDIN (FORMAT csv)", Input("\\.,x\nc,y\n")).ok());
  EXPECT_EQ(CopyTo("COPY (SELECT id FROM labels ORDER BY id) TO STDOUT"), "\\\\.\na\nc\n");
}

TEST_F(CopyStreamsTest, CancelAndTimeEndIt) {
  const auto endless = [](std::span<char> bytes) -> Result<std::size_t> {
    static int number = 0;
    return PieceReader(fmt::format("{}\ttext\n", ++number), [] { return 100; })(bytes);
  };
  CopyStreams streams;
  int calls = 0;
  streams.read = [&](std::span<char> bytes) -> Result<std::size_t> {
    if (++calls == 500) {
      session_->Cancel();
    }
    return endless(bytes);
  };
  EXPECT_EQ(CopyFrom("COPY labels FROM STDIN", streams).sqlstate(), "57014");
  EXPECT_GE(calls, 500);
  streams.read = endless;
  Must("SET statement_timeout = '200ms'");
  EXPECT_EQ(CopyFrom("COPY labels FROM STDIN", streams).code(), StatusCode::kDeadlineExceeded);
  Must("RESET statement_timeout");
  EXPECT_EQ(CountOf(*session_, "labels"), 0);
  // The output too.
  std::string rows;
  for (int i = 0; i < 500; ++i) {
    rows += fmt::format("{}\ttext\n", i);
  }
  ASSERT_TRUE(CopyFrom("COPY labels FROM STDIN", Input(rows)).ok());
  streams.write = [&](std::string_view) -> Status {
    session_->Cancel();
    return Status();
  };
  EXPECT_EQ(CopyFrom("COPY labels TO STDOUT", streams).sqlstate(), "57014");
  streams.write = [](std::string_view) -> Status { return Status::IoError("no room"); };
  EXPECT_EQ(CopyFrom("COPY labels TO STDOUT", streams).message(), "no room");
  streams.write = [](std::string_view) -> Status { throw std::runtime_error("oops"); };
  EXPECT_EQ(CopyFrom("COPY labels TO STDOUT", streams).code(), StatusCode::kInternal);
}

TEST_F(CopyStreamsTest, ItReportsBytesWithoutATotal) {
  std::vector<Progress> reports;
  session_->SetProgressCallback([&](const Progress& progress) { reports.push_back(progress); });
  ASSERT_TRUE(CopyFrom("COPY labels FROM STDIN", Input("a\tone\nb\ttwo\n")).ok());
  session_->SetProgressCallback(nullptr);
  ASSERT_GE(reports.size(), 2U);
  EXPECT_EQ(reports[0].operation, "COPY labels");
  EXPECT_EQ(reports[0].unit, "bytes");
  EXPECT_EQ(reports[0].total, 0U);
  EXPECT_EQ(reports[1].done, 12U);
}

TEST_F(CopyStreamsTest, ATransactionBlockUndoesIt) {
  Must("BEGIN");
  ASSERT_TRUE(CopyFrom("COPY labels FROM STDIN", Input("a\tone\n")).ok());
  EXPECT_EQ(CountOf(*session_, "labels"), 1);
  Must("ROLLBACK");
  EXPECT_EQ(CountOf(*session_, "labels"), 0);
  Must("BEGIN");
  EXPECT_FALSE(CopyFrom("COPY labels FROM STDIN", Input("a\tone\nb\n")).ok());
  EXPECT_EQ(State("SELECT 1"), "25P02");
  Must("ROLLBACK");
  Must("BEGIN READ ONLY");
  EXPECT_EQ(CopyFrom("COPY labels FROM STDIN", Input("a\tone\n")).sqlstate(), "25006");
  Must("ROLLBACK");
}

TEST_F(CopyStreamsTest, TheStreamsCannotUseTheSession) {
  std::vector<std::string> states;
  CopyStreams streams;
  streams.begin = [&](const CopyStart&) -> Status {
    states.push_back(State("SELECT 1"));
    return Status();
  };
  streams.read = [&](std::span<char>) -> Result<std::size_t> {
    states.push_back(State("SELECT 1"));
    return std::size_t{0};
  };
  ASSERT_TRUE(CopyFrom("COPY labels FROM STDIN", streams).ok());
  EXPECT_EQ(states, std::vector<std::string>({"55006", "55006"}));
}

// The first row says the graph, so it is read twice.
TEST_F(CopyStreamsTest, EdgesMayNameTheirGraph) {
  Must("CREATE GRAPH g FROM documents TO labels");
  Must("INSERT INTO documents (id, text) VALUES ('d1', 'a'), ('d2', 'b')");
  Must("INSERT INTO labels (id, text) VALUES ('l1', 'c')");
  ASSERT_TRUE(CopyFrom("COPY edges (graph, source, target) FROM STDIN (FORMAT csv)",
                       Input("g,d1,l1\ng,d2,l1\n", /*piece=*/3))
                  .ok());
  EXPECT_EQ(CountOf(*session_, "edges"), 2);
  EXPECT_EQ(
      CopyFrom("COPY edges (graph, source, target) FROM STDIN (FORMAT csv)", Input("")).sqlstate(),
      "23502");
}

/// What a random COPY loads: fields with all that a format must escape.
std::string RandomText(Random& random, std::size_t words_max) {
  static constexpr const char* kPieces[] = {"a",  "\t", "\\", "\"", ",", "\\N", "\\.", "ü",
                                            "\n", "\r", "'",  ";",  " ", "xyz", "",    "\\\\."};
  std::string text;
  for (std::size_t i = random.Uniform(words_max + 1); i > 0; --i) {
    text += kPieces[random.Uniform(std::size(kPieces))];
  }
  return text;
}

// The naive twin is a file with the same bytes.
TEST_F(CopyStreamsTest, PiecesOfAnySizeAreTheFile) {
  for (std::uint64_t seed = 1; seed <= 30; ++seed) {
    SCOPED_TRACE(fmt::format("seed {}", seed));
    Random random(seed);
    Must("DELETE FROM labels");
    for (std::size_t i = random.Uniform(40); i > 0; --i) {
      auto inserted = Run(*session_, "INSERT INTO labels (id, text) VALUES ($1, $2)",
                          {Value::Text(fmt::format("{}{}", i, RandomText(random, 3))),
                           Value::Text(RandomText(random, 12))});
      ASSERT_TRUE(inserted.ok()) << inserted.status().ToString();
    }
    const std::string format = std::vector<std::string>{"csv", "tsv", "jsonl"}[random.Uniform(3)];
    const bool compressed = random.Uniform(3) == 0;
    const std::string path = Path("rows." + format) + (compressed ? ".gz" : "");
    const std::string select = "COPY (SELECT id, text FROM labels ORDER BY id) TO ";
    const std::string options = " WITH (FORMAT " + format + ")";
    Must(select + "'" + path + "'" + options);
    std::stringstream bytes;
    bytes << std::ifstream(path, std::ios::binary).rdbuf();
    const std::string before = CopyTo(select + "STDOUT" + options);
    if (!compressed) {
      ASSERT_EQ(before, bytes.str());
    }
    Must("DELETE FROM labels");
    const std::size_t piece_max = std::vector<std::size_t>{1, 7, 100, 100'000}[random.Uniform(4)];
    CopyStreams streams;
    streams.read =
        PieceReader(bytes.str(), [&random, piece_max] { return 1 + random.Uniform(piece_max); });
    const Status loaded = CopyFrom("COPY labels FROM STDIN" + options, streams);
    ASSERT_TRUE(loaded.ok()) << loaded.ToString();
    ASSERT_EQ(CopyTo(select + "STDOUT" + options), before);
  }
}

TEST_F(CopyStreamsTest, ManyRowsStream) {
  constexpr int kRows = 50'000;
  std::string text;
  text.reserve(std::size_t{kRows} * 40);
  for (int i = 0; i < kRows; ++i) {
    text += fmt::format("row{}\tthe text of row {}\n", i, i);
  }
  ASSERT_TRUE(CopyFrom("COPY labels FROM STDIN", Input(text, 8192)).ok());
  EXPECT_EQ(CountOf(*session_, "labels"), kRows);
  std::string out = CopyTo("COPY (SELECT id, text FROM labels) TO STDOUT");
  EXPECT_EQ(out.size(), text.size());
}

}  // namespace
}  // namespace dashi
