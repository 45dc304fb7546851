#include "sql/rows_ahead.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "base/random.h"
#include "sql/copy_row_reader.h"

namespace dashi::sql {
namespace {

class RowsAheadTest : public ::testing::Test {
 protected:
  RowsAheadTest() {
    plan_.kind = storage::EntityKind::kDocument;
    plan_.table = "documents";
    plan_.columns = {CopyColumn::kId, CopyColumn::kText};
    plan_.column_names = {"id", "text"};
    plan_.user_columns = {std::nullopt, std::nullopt};
  }
  ~RowsAheadTest() override { std::filesystem::remove(path_); }

  void Write(const std::string& bytes) { std::ofstream(path_, std::ios::binary) << bytes; }

  std::unique_ptr<RowReader<CopyRow>> OpenPlain() {
    ImportFormat format;
    format.format = "jsonl";
    format.row_bytes_max = 4096;
    auto reader = ImportReader::Open(path_, format, {});
    EXPECT_TRUE(reader.ok()) << reader.status().ToString();
    return std::make_unique<CopyRowReader>(std::move(*reader), plan_);
  }

  std::unique_ptr<RowsAhead<CopyRow>> OpenAhead() {
    auto ahead = RowsAhead<CopyRow>::Start(OpenPlain());
    EXPECT_TRUE(ahead.ok()) << ahead.status().ToString();
    return std::move(*ahead);
  }

  static Result<bool> Next(RowReader<CopyRow>& reader, std::unique_ptr<CopyRow>* row) {
    return reader.Next(row->get());
  }
  static Result<bool> Next(RowsAhead<CopyRow>& reader, std::unique_ptr<CopyRow>* row) {
    return reader.Next(row);
  }

  // What every call of Next came to, until the end or an error that ends the reading.
  template <typename Reader>
  static std::vector<std::string> Outcomes(Reader& reader) {
    std::vector<std::string> outcomes;
    auto row = std::make_unique<CopyRow>();
    while (true) {
      const Result<bool> more = Next(reader, &row);
      std::string outcome = std::to_string(row->line);
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
      outcomes.push_back(outcome + (row->error.ok() ? " " + row->entity.id + " " + row->entity.text
                                                    : " no row: " + row->error.ToString()));
    }
  }

  CopyPlan plan_;
  const std::string path_ = ::testing::TempDir() + "rows_ahead.jsonl";
};

TEST_F(RowsAheadTest, RowsAndErrorsAreThoseOfTheReader) {
  constexpr std::uint64_t kSeed = 7;
  SCOPED_TRACE("seed " + std::to_string(kSeed));
  Random random(kSeed);
  std::string bytes;
  std::size_t num_no_rows = 0;
  for (int i = 0; i < 5000; ++i) {
    const bool no_row = random.Uniform(50) == 0;
    num_no_rows += no_row ? 1 : 0;
    bytes += random.Uniform(50) == 0 && !no_row
                 ? "{\"id\": broken\n"
                 : "{\"id\": \"d" + std::to_string(i) +
                       (no_row ? "\", \"n\": \"" : "\", \"text\": \"") +
                       std::string(random.Uniform(600), static_cast<char>('a' + i % 26)) + "\"}\n";
  }
  Write(bytes);
  const auto plain = OpenPlain();
  const auto ahead = OpenAhead();
  const std::vector<std::string> expected = Outcomes(*plain);
  ASSERT_EQ(expected.size(), 5001U);
  EXPECT_GT(num_no_rows, 0U);
  EXPECT_EQ(std::count_if(expected.begin(), expected.end(),
                          [](const std::string& outcome) {
                            return outcome.find(" no row: ") != std::string::npos;
                          }),
            static_cast<std::ptrdiff_t>(num_no_rows));
  EXPECT_EQ(Outcomes(*ahead), expected);
  EXPECT_EQ(ahead->bytes_read(), bytes.size());
  EXPECT_EQ(ahead->bytes_total(), bytes.size());
  auto row = std::make_unique<CopyRow>();
  const Result<bool> again = ahead->Next(&row);
  EXPECT_TRUE(again.ok() && !*again);
}

TEST_F(RowsAheadTest, AnErrorThatEndsTheReadingStays) {
  Write("{\"id\": \"a\", \"text\": \"\"}\n{\"id\": \"" + std::string(10'000, 'x') +
        "\"}\n{\"id\": \"b\"}\n");
  const auto plain = OpenPlain();
  const auto ahead = OpenAhead();
  const std::vector<std::string> expected = Outcomes(*plain);
  ASSERT_EQ(expected.size(), 2U);
  EXPECT_EQ(Outcomes(*ahead), expected);
  auto row = std::make_unique<CopyRow>();
  EXPECT_EQ(ahead->Next(&row).status().sqlstate(), "54000");
}

TEST_F(RowsAheadTest, CanBeLeftAtAnyPlace) {
  std::string bytes;
  for (int i = 0; i < 20'000; ++i) {
    bytes += "{\"id\": \"d" + std::to_string(i) + "\"}\n";
  }
  Write(bytes);
  for (const int num_rows : {0, 1, 300, 5000}) {
    const auto ahead = OpenAhead();
    auto row = std::make_unique<CopyRow>();
    for (int i = 0; i < num_rows; ++i) {
      const Result<bool> more = ahead->Next(&row);
      ASSERT_TRUE(more.ok() && *more);
      EXPECT_EQ(row->error.sqlstate(), "23502");
    }
    EXPECT_LE(ahead->bytes_read(), bytes.size());
  }
}

}  // namespace
}  // namespace dashi::sql
