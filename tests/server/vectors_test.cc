// Columns of vectors as clients of the server see them.

#include <bit>
#include <cmath>
#include <cstdint>
#include <filesystem>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <unistd.h>
#include <vector>

#include <gtest/gtest.h>

#include "base/byte_codec.h"
#include "dashi/database.h"
#include "server/server.h"
#include "server/vector_array.h"
#include "sql/shell/session_runner.h"
#include "tests/server/wire_client.h"

namespace dashi {
namespace {

using std::string_literals::operator""s;

constexpr std::uint32_t kFloat4 = 700;
constexpr std::uint32_t kFloat8 = 701;
constexpr std::uint32_t kFloat4Array = 1021;
constexpr std::uint32_t kFloat8Array = 1022;
constexpr std::uint32_t kVector = 16384;  // what pg_type has of pgvector's type

std::string Int(std::uint64_t value, std::size_t size) {
  std::string bytes;
  AppendBigEndian64(&bytes, value);
  return bytes.substr(8 - size);
}

std::string Float(float value) { return Int(std::bit_cast<std::uint32_t>(value), 4); }

/// An array of one dimension in binary format; nullopt is NULL.
std::string ArrayBytes(const std::vector<std::optional<float>>& numbers,
                       std::uint32_t type = kFloat4) {
  std::string bytes = Int(1, 4) + Int(0, 4) + Int(type, 4) + Int(numbers.size(), 4) + Int(1, 4);
  for (const std::optional<float>& number : numbers) {
    if (!number) {
      bytes += Int(0xFFFFFFFF, 4);
    } else if (type == kFloat8) {
      bytes += Int(8, 4) + Int(std::bit_cast<std::uint64_t>(static_cast<double>(*number)), 8);
    } else {
      bytes += Int(4, 4) + Float(*number);
    }
  }
  return bytes;
}

std::string Field(std::string_view bytes) { return Int(bytes.size(), 4) + std::string(bytes); }

const std::string kCopyHeader = "PGCOPY\n\377\r\n\0\0\0\0\0\0\0\0\0"s;

class ServerVectorsTest : public ::testing::Test {
 protected:
  ServerVectorsTest()
      : folder_(std::filesystem::path(::testing::TempDir()) /
                ("server_vectors_test_" + std::to_string(::getpid()))) {
    std::filesystem::remove_all(folder_);
  }
  ~ServerVectorsTest() override {
    server_.reset();
    database_.reset();
    std::filesystem::remove_all(folder_);
  }

  void SetUp() override {
    auto database = Database::Open((folder_ / "v.db").string());
    ASSERT_TRUE(database.ok()) << database.status().ToString();
    database_ = std::move(*database);
    const auto make_runner = [this]() -> Result<std::unique_ptr<StatementRunner>> {
      auto session = database_->NewSession();
      if (!session.ok()) {
        return session.status();
      }
      return std::unique_ptr<StatementRunner>(std::make_unique<SessionRunner>(std::move(*session)));
    };
    ServerOptions options;
    options.port = 0;
    auto server = Server::Start(options, make_runner, [] { return 7U; });
    ASSERT_TRUE(server.ok()) << server.status().ToString();
    server_ = std::move(*server);
    client_ = std::make_unique<WireClient>(server_->port());
    client_->LogIn();
    EXPECT_EQ(TranscriptOf(client_->Query("ALTER TABLE labels ADD COLUMN emb VECTOR(3)")),
              "C:ALTER TABLE Z:I");
  }

  /// COPY of rows in binary format; returns the transcript, and in `said` an error's message.
  std::string CopyIn(const std::string& rows, std::string* said = nullptr) {
    client_->Send(QueryBytes("COPY labels (id, text, emb) FROM STDIN (FORMAT binary)") +
                  MessageBytes('d', kCopyHeader + rows + Int(0xFFFF, 2)) + MessageBytes('c', ""));
    const auto messages = client_->ReadUntilReady();
    for (const ServerMessage& message : messages) {
      if (said != nullptr && message.type == 'E') {
        *said = FieldOf(message, 'M');
      }
    }
    return TranscriptOf(messages);
  }

  /// The first value of a query, in the format asked for; the transcript where there is none.
  std::string Ask(const std::string& sql, const BindParts& parts = {},
                  const std::vector<std::uint32_t>& oids = {}) {
    client_->Send(ParseBytes("", sql, oids) + BindBytes("", "", parts) + ExecuteBytes("") +
                  SyncBytes());
    const auto messages = client_->ReadUntilReady();
    for (const ServerMessage& message : messages) {
      if (message.type == 'D') {
        return ValuesOf(message).at(0);
      }
    }
    return TranscriptOf(messages);
  }

  const std::filesystem::path folder_;
  std::unique_ptr<Database> database_;
  std::unique_ptr<Server> server_;
  std::unique_ptr<WireClient> client_;
};

TEST_F(ServerVectorsTest, CopyKeepsEveryBit) {
  const std::vector<std::optional<float>> odd = {-0.0F, 1e-45F, std::numeric_limits<float>::max()};
  ASSERT_EQ(CopyIn(Int(3, 2) + Field("a") + Field("x") + Field(ArrayBytes(odd)) + Int(3, 2) +
                   Field("b") + Field("y") + Int(0xFFFFFFFF, 4)),
            "G C:COPY 2 Z:I");
  EXPECT_EQ(Ask("SELECT emb FROM labels WHERE id = 'a'", {.result_formats = {1}}), ArrayBytes(odd));
  EXPECT_EQ(Ask("SELECT emb FROM labels WHERE id = 'a'"), "{-0,1e-45,3.4028235e+38}");
  EXPECT_EQ(Ask("SELECT emb FROM labels WHERE id = 'b'"), "<null>");
  client_->Send(QueryBytes("COPY labels (emb) TO STDOUT (FORMAT binary)"));
  std::string written;
  for (const ServerMessage& message : client_->ReadUntilReady()) {
    written += message.type == 'd' ? message.body : "";
  }
  EXPECT_TRUE(written.find(Int(1, 2) + Field(ArrayBytes(odd)) + Int(1, 2) + Int(0xFFFFFFFF, 4)) !=
              std::string::npos);
  client_->Send(QueryBytes("COPY labels (id, emb) TO STDOUT"));
  written.clear();
  for (const ServerMessage& message : client_->ReadUntilReady()) {
    written += message.type == 'd' ? message.body : "";
  }
  EXPECT_EQ(written, "a\t[-0,1e-45,3.4028235e+38]\nb\t\\N\n");
}

TEST_F(ServerVectorsTest, RowsThatHoldNoVectorAreRefused) {
  struct Case {
    std::string vector;
    std::string sqlstate;
    std::string said;
  };
  const float infinite = std::numeric_limits<float>::infinity();
  const std::vector<Case> cases = {
      {ArrayBytes({1.0F, 2.0F}), "22000", "takes vectors of 3 dimensions: got 2"},
      {ArrayBytes({}), "22000", "a vector has at least 1 dimension"},
      {Int(0, 4) + Int(0, 4) + Int(kFloat4, 4), "22000", "a vector has at least 1 dimension"},
      {ArrayBytes({1.0F, std::nanf(""), 2.0F}), "22000", "a vector has no NaN"},
      {ArrayBytes({1.0F, infinite, 2.0F}), "22000", "a vector has no infinite number"},
      {ArrayBytes({1.0F, std::nullopt, 2.0F}), "22000", "a vector has no NULL"},
      {ArrayBytes({1.0F, 2.0F, 3.0F}, kFloat8), "22P03", "incorrect binary data format"},
      {ArrayBytes({1.0F, 2.0F, 3.0F}) + "x", "22P03", "incorrect binary data format"},
      {ArrayBytes({1.0F, 2.0F, 3.0F}).substr(0, 30), "22P03", "incorrect binary data format"},
      {Int(2, 4) + ArrayBytes({1.0F}).substr(4), "0A000", "arrays of several dimensions"},
      {Int(1, 4) + Int(0, 4) + Int(kFloat4, 4) + Int(0x20000000, 4) + Int(1, 4), "", ""},
      {"", "22P03", "incorrect binary data format"},
  };
  for (const Case& one : cases) {
    std::string said;
    const std::string transcript =
        CopyIn(Int(3, 2) + Field("a") + Field("x") + Field(one.vector), &said);
    EXPECT_TRUE(transcript.starts_with("G E:" + one.sqlstate)) << transcript << " " << said;
    EXPECT_NE(said.find(one.said), std::string::npos) << said;
  }
  EXPECT_EQ(Ask("SELECT count(*) FROM labels"), "0");
}

TEST_F(ServerVectorsTest, ParametersComeInEverySpelling) {
  const std::string insert = "INSERT INTO labels (id, text, emb) VALUES ('a', 'x', $1)";
  client_->Send(ParseBytes("", insert) + DescribeBytes('S', "") + SyncBytes());
  const auto described = client_->ReadUntilReady();
  ASSERT_EQ(TranscriptOf(described), "1 t n Z:I");
  EXPECT_EQ(described[1].body, Int(1, 2) + Int(kFloat4Array, 4));

  const std::string pgvector = Int(3, 2) + Int(0, 2) + Float(0.5F) + Float(-1.0F) + Float(1e10F);
  struct Case {
    std::uint16_t format;
    std::uint32_t type;
    std::string value;
  };
  const std::vector<Case> cases = {
      {0, 0, "{0.5,-1,1e10}"},
      {0, 0, "[0.5,-1,1e10]"},
      {0, 25, "[0.5, -1, 1e10]"},
      {0, kFloat8Array, "{0.5,-1,1e10}"},
      {1, 0, ArrayBytes({0.5F, -1.0F, 1e10F})},
      {1, kFloat8Array, ArrayBytes({0.5F, -1.0F, 1e10F}, kFloat8)},
      {0, kVector, "[0.5,-1,1e10]"},
      {1, kVector, pgvector},
  };
  for (const Case& one : cases) {
    const BindParts parts{.parameter_formats = {one.format}, .parameters = {one.value}};
    EXPECT_EQ(Ask(insert, parts, {one.type}), "1 2 C:INSERT 0 1 Z:I") << one.type;
    EXPECT_EQ(Ask("SELECT emb FROM labels"), "{0.5,-1,10000000000}") << one.type;
    EXPECT_EQ(Ask("SELECT id FROM labels WHERE emb <-> $1 = 0", parts, {one.type}), "a")
        << one.type;
    EXPECT_EQ(TranscriptOf(client_->Query("DELETE FROM labels")), "C:DELETE 1 Z:I");
  }
  for (const std::string& wrong :
       {pgvector.substr(0, 13), pgvector + "x", Int(3, 2) + Int(1, 2) + pgvector.substr(4),
        Int(2, 2) + pgvector.substr(2), ""s}) {
    EXPECT_TRUE(Ask(insert, {.parameter_formats = {1}, .parameters = {wrong}}, {kVector})
                    .starts_with("1 E:22P03"));
  }
  EXPECT_TRUE(Ask(insert, {.parameters = {"[1,2"}}, {kVector}).starts_with("1 E:22P02"));
  EXPECT_TRUE(Ask(insert, {.parameters = {"[1,2]"}}, {kVector}).starts_with("1 2 E:22000"));
}

TEST_F(ServerVectorsTest, RowsAreDescribedAsArrays) {
  client_->Send(ParseBytes("", "SELECT emb, emb <=> $1 AS d, l2_normalize(emb) FROM labels") +
                DescribeBytes('S', "") + SyncBytes());
  const auto described = client_->ReadUntilReady();
  ASSERT_EQ(TranscriptOf(described), "1 t T Z:I");
  EXPECT_EQ(described[1].body, Int(1, 2) + Int(kFloat4Array, 4));
  const auto columns = ColumnsOf(described[2]);
  ASSERT_EQ(columns.size(), 3U);
  EXPECT_EQ(columns[0].second, kFloat4Array);
  EXPECT_EQ(columns[1].second, kFloat8);
  EXPECT_EQ(columns[2].second, kFloat4Array);
}

TEST(VectorArrayTest, IsItsOwnInverse) {
  const std::string bytes = ArrayBytes({1.5F, -2.0F});
  const std::optional<std::string> vector = VectorOfArray(bytes);
  ASSERT_TRUE(vector);
  EXPECT_EQ(*vector, "\0\0\xc0\x3f\0\0\0\xc0"s);
  std::string again;
  AppendVectorArray(&again, *vector);
  EXPECT_EQ(again, bytes);
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    EXPECT_FALSE(VectorOfArray(std::string_view(bytes).substr(0, size))) << size;
  }
  EXPECT_FALSE(VectorOfArray(ArrayBytes({1.0F, std::nullopt})));
  EXPECT_FALSE(VectorOfArray(ArrayBytes({1.0F}, kFloat8)));
}

}  // namespace
}  // namespace dashi
