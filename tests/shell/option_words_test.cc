// The options that Tab offers are those that the database knows, and it takes the values.

#include "sql/shell/option_words.h"

#include <memory>
#include <set>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "dashi/database.h"
#include "dashi/session.h"
#include "storage/catalog_records.h"
#include "tests/testing/tiny_database.h"
#include "trainer/model_options.h"

namespace dashi {
namespace {

class OptionWordsTest : public ::testing::Test {
 protected:
  void SetUp() override {
    auto database = Database::Open(directory_.path() + "/test.db", {});
    ASSERT_TRUE(database.ok()) << database.status().ToString();
    database_ = std::move(*database);
    session_ = std::move(*database_->NewSession());
    ASSERT_TRUE(Run("CREATE MODEL m USING ngame").ok());
  }
  void TearDown() override {
    session_.reset();
    database_.reset();
  }

  Status Run(const std::string& sql) { return session_->Execute(sql).status(); }

  // Each option, with each of its values, is known to the statement that has it in its parenthesis.
  void ExpectKnown(OptionList list, const std::string& before) {
    for (const OptionWords& option : OptionsOf(list)) {
      std::vector<std::string_view> values = option.values;
      if (values.empty()) {
        values.emplace_back("1");
      }
      for (const std::string_view value : values) {
        const std::string sql =
            before + " (" + std::string(option.name) + " = '" + std::string(value) + "')";
        const Status status = Run(sql);
        const std::string told = status.ToString();
        EXPECT_EQ(told.find("nknown option"), std::string::npos) << sql << ": " << told;
        if (!option.values.empty()) {
          EXPECT_EQ(told.find("nvalid value"), std::string::npos) << sql << ": " << told;
          EXPECT_EQ(told.find("must be"), std::string::npos) << sql << ": " << told;
          EXPECT_EQ(told.find("nknown format"), std::string::npos) << sql << ": " << told;
        }
      }
    }
  }

  testing::TemporaryDirectory directory_;
  std::unique_ptr<Database> database_;
  std::unique_ptr<Session> session_;
};

TEST_F(OptionWordsTest, StatementsKnowThem) {
  ExpectKnown(OptionList::kCopyFrom, "COPY documents FROM 'absent.csv' WITH");
  ExpectKnown(OptionList::kCopyFrom, "COPY edges FROM 'absent.csv' WITH");
  ExpectKnown(OptionList::kCopyTo, "COPY documents TO '/absent/file.csv' WITH");
  ExpectKnown(OptionList::kEvaluateModel, "EVALUATE MODEL m WITH");
  ExpectKnown(OptionList::kCompare, "COMPARE m@1 WITH m@2 WITH");
  ExpectKnown(OptionList::kCreateGraph,
              "CREATE GRAPH IF NOT EXISTS g FROM documents TO labels WITH");
  ExpectKnown(OptionList::kResumeJob, "RESUME JOB 7 WITH");
  ExpectKnown(OptionList::kBackup, "BACKUP TO '/absent/folder' WITH");
}

TEST_F(OptionWordsTest, ModelsHaveTheseAndNoOthers) {
  std::set<std::string> offered;
  for (const OptionWords& option : OptionsOf(OptionList::kCreateModel)) {
    offered.emplace(option.name);
    for (const std::string_view value : option.values) {
      storage::OptionMap options;
      options[std::string(option.name)] = value;
      options.try_emplace("graphs", "g");
      const auto parsed = trainer::ParseModelOptions("ramen", options);
      EXPECT_TRUE(parsed.ok()) << option.name << " = " << value << ": "
                               << parsed.status().ToString();
    }
  }
  const auto known = trainer::ListModelOptions("ramen");
  ASSERT_TRUE(known.ok());
  for (const trainer::ModelOptionInfo& option : *known) {
    EXPECT_EQ(offered.erase(std::string(option.name)), 1U) << option.name;
  }
  EXPECT_EQ(offered, std::set<std::string>({"retain_releases", "seal_rows"}));
  EXPECT_TRUE(Run("CREATE MODEL s USING ngame WITH (retain_releases = 1, seal_rows = 1)").ok());
}

TEST_F(OptionWordsTest, SettingsTakeTheirValues) {
  for (const OptionWords& setting : OptionsOf(OptionList::kSettings)) {
    for (const std::string_view value : setting.values) {
      const std::string sql = "SET " + std::string(setting.name) + " = " + std::string(value);
      const Status status = Run(sql);
      EXPECT_TRUE(status.ok()) << sql << ": " << status.ToString();
    }
  }
}

}  // namespace
}  // namespace dashi
