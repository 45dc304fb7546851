#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "dashi/database.h"
#include "dashi/session.h"
#include "tests/testing/tiny_database.h"

namespace dashi {

/// A database with one session, and ways to run statements in it.
class SessionFixture : public ::testing::Test {
 protected:
  void SetUp() override { Open({}); }
  void TearDown() override {
    session_.reset();
    database_.reset();
  }

  void Open(const OpenOptions& options) {
    session_.reset();
    database_.reset();
    auto database = Database::Open(directory_.path() + "/test.db", options);
    ASSERT_TRUE(database.ok()) << database.status().ToString();
    database_ = std::move(*database);
    session_ = NewSession();
  }

  std::unique_ptr<Session> NewSession() {
    auto session = database_->NewSession();
    EXPECT_TRUE(session.ok());
    return std::move(*session);
  }

  // Runs a statement to its end and returns its first column.
  static Result<std::vector<Value>> Run(Session& session, const std::string& sql,
                                        std::vector<Value> values = {}) {
    auto result = session.Execute(sql, values);
    if (!result.ok()) {
      return std::move(result).status();
    }
    std::vector<Value> column;
    Row row;
    for (;;) {
      auto more = result->Next(&row);
      if (!more.ok()) {
        return std::move(more).status();
      }
      if (!*more) {
        return column;
      }
      column.push_back(row[0]);
    }
  }
  void Must(const std::string& sql) {
    const auto result = Run(*session_, sql);
    ASSERT_TRUE(result.ok()) << sql << ": " << result.status().ToString();
  }
  std::string State(const std::string& sql, std::vector<Value> values = {}) {
    return std::string(Run(*session_, sql, std::move(values)).status().sqlstate());
  }
  std::int64_t CountOf(Session& session, const std::string& table) {
    const auto result = Run(session, "SELECT count(*) FROM " + table);
    EXPECT_TRUE(result.ok());
    return result.ok() ? result->at(0).integer() : -1;
  }

  testing::TemporaryDirectory directory_;
  std::unique_ptr<Database> database_;
  std::unique_ptr<Session> session_;
};

}  // namespace dashi
