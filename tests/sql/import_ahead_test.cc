#include "sql/import_ahead.h"

#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "base/random.h"

namespace dashi::sql {
namespace {

class ImportAheadTest : public ::testing::Test {
 protected:
  ~ImportAheadTest() override { std::filesystem::remove(path_); }

  void Write(const std::string& bytes) { std::ofstream(path_, std::ios::binary) << bytes; }

  std::unique_ptr<ImportReader> Open(bool ahead) {
    ImportFormat format;
    format.format = "jsonl";
    format.row_bytes_max = 4096;
    auto reader = ImportReader::Open(path_, format, {});
    EXPECT_TRUE(reader.ok()) << reader.status().ToString();
    if (!ahead) {
      return std::move(*reader);
    }
    auto ahead_reader = ReadAhead(std::move(*reader));
    EXPECT_TRUE(ahead_reader.ok()) << ahead_reader.status().ToString();
    return std::move(*ahead_reader);
  }

  // What every call of Next came to, until the end or an error that ends the reading.
  static std::vector<std::string> Outcomes(ImportReader& reader) {
    std::vector<std::string> outcomes;
    ImportRecord record;
    while (true) {
      const Result<bool> more = reader.Next(&record);
      std::string outcome = std::to_string(record.line);
      if (!more.ok()) {
        outcomes.push_back(outcome + " " + more.status().ToString());
        if (more.status().code() == StatusCode::kInvalidArgument) {
          continue;
        }
        return outcomes;
      }
      if (!*more) {
        outcomes.emplace_back("end");
        return outcomes;
      }
      for (const ImportField& field : record.fields) {
        outcome += " " + field.name + "=" + field.value.ToString();
      }
      outcomes.push_back(outcome);
    }
  }

  const std::string path_ = ::testing::TempDir() + "import_ahead.jsonl";
};

TEST_F(ImportAheadTest, RowsAndErrorsAreThoseOfTheReader) {
  constexpr std::uint64_t kSeed = 7;
  SCOPED_TRACE("seed " + std::to_string(kSeed));
  Random random(kSeed);
  std::string bytes;
  for (int i = 0; i < 5000; ++i) {
    bytes += random.Uniform(50) == 0
                 ? "{\"id\": broken\n"
                 : "{\"id\": \"d" + std::to_string(i) + "\", \"text\": \"" +
                       std::string(random.Uniform(600), 'x') +
                       "\", \"n\": " + std::to_string(random.Uniform(1000)) + "}\n";
  }
  Write(bytes);
  const auto plain = Open(/*ahead=*/false);
  const auto ahead = Open(/*ahead=*/true);
  const std::vector<std::string> expected = Outcomes(*plain);
  ASSERT_EQ(expected.size(), 5001U);
  EXPECT_EQ(Outcomes(*ahead), expected);
  EXPECT_EQ(ahead->bytes_read(), bytes.size());
  EXPECT_EQ(ahead->bytes_total(), bytes.size());
  ImportRecord record;
  const Result<bool> again = ahead->Next(&record);
  EXPECT_TRUE(again.ok() && !*again);
}

TEST_F(ImportAheadTest, AnErrorThatEndsTheReadingStays) {
  Write("{\"id\": \"a\"}\n{\"id\": \"" + std::string(10'000, 'x') + "\"}\n{\"id\": \"b\"}\n");
  const auto plain = Open(/*ahead=*/false);
  const auto ahead = Open(/*ahead=*/true);
  const std::vector<std::string> expected = Outcomes(*plain);
  ASSERT_EQ(expected.size(), 2U);
  EXPECT_EQ(Outcomes(*ahead), expected);
  ImportRecord record;
  EXPECT_EQ(ahead->Next(&record).status().sqlstate(), "54000");
}

TEST_F(ImportAheadTest, CanBeLeftAtAnyPlace) {
  std::string bytes;
  for (int i = 0; i < 20'000; ++i) {
    bytes += "{\"id\": \"d" + std::to_string(i) + "\"}\n";
  }
  Write(bytes);
  for (const int num_rows : {0, 1, 300, 5000}) {
    const auto ahead = Open(/*ahead=*/true);
    ImportRecord record;
    for (int i = 0; i < num_rows; ++i) {
      const Result<bool> more = ahead->Next(&record);
      ASSERT_TRUE(more.ok() && *more);
    }
    EXPECT_LE(ahead->bytes_read(), bytes.size());
  }
}

}  // namespace
}  // namespace dashi::sql
