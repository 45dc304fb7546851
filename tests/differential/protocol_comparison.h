#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

#include "dashi/database.h"
#include "server/server.h"
#include "tests/differential/postgres_server.h"
#include "tests/server/wire_client.h"

namespace dashi::differential {

/// Bytes, and how many ReadyForQuery end what they are answered with. With none, so many messages
/// are read.
struct Turn {
  std::string bytes;
  int num_ready = 1;
  int num_messages = 0;
};

struct Case {
  std::string what;
  std::vector<Turn> turns;
  /// Why the server answers otherwise, and what; "" where it does not.
  std::string why = "";
  std::string answer = "";
};

/// Bytes that bind a statement to an unnamed portal; that run it; that describe and run it.
std::string Prepared(std::string_view sql);
std::string Run(std::string_view sql);
std::string Described(std::string_view sql);

/// What a server answers to the turns: message types, values, tags, codes and states.
std::string Answers(WireClient& client, const Case& tried);
/// What a client sent, for a person.
std::string Asked(const std::string& bytes);

/// PostgreSQL and the server, with the same rows, asked in the same bytes. Both have the tables
/// labels, with the rows L1, L2 and L3, and anchors, without rows.
class PostgresProtocolTest : public ::testing::Test {
 protected:
  // PostgreSQL takes seconds to start, so the tests share it.
  static void SetUpTestSuite();
  static void TearDownTestSuite();

  void Compare(const std::vector<Case>& cases);

  static inline std::filesystem::path shared_folder;
  static inline std::unique_ptr<PostgresServer> shared_postgres;
  static inline std::unique_ptr<Database> shared_database;
  static inline std::unique_ptr<Server> shared_server;
};

}  // namespace dashi::differential
