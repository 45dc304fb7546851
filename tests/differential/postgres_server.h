#pragma once

#include <memory>
#include <string>
#include <sys/types.h>

#include "dashi/status.h"
#include "tests/differential/answers.h"

struct pg_conn;

namespace dashi::differential {

/// A PostgreSQL server of the test's own, with an empty database: on a Unix socket in a temporary
/// folder, without fsync, in UTC and with texts ordered by code points. As root it runs as nobody.
/// It ends with this object or its process.
///
/// Threads: one thread at a time.
class PostgresServer {
 public:
  /// Errors: kUnavailable where PostgreSQL is not installed, kInternal where it does not start.
  static Result<std::unique_ptr<PostgresServer>> Start();
  ~PostgresServer();
  PostgresServer(const PostgresServer&) = delete;
  PostgresServer& operator=(const PostgresServer&) = delete;

  /// Runs a statement; `digits` as NumberText.
  Answer AnswerOf(const std::string& sql, int digits);
  std::string Version() const;
  /// Where it listens: a Unix socket. The user is "dashi", the database "postgres".
  std::string socket_path() const { return folder_ + "/.s.PGSQL.5432"; }

 private:
  PostgresServer() = default;
  Status MakeFolder();
  Status Launch(const std::string& binaries);
  Status Connect();

  std::string folder_;
  pid_t server_ = -1;
  int log_ = -1;  // Where its messages come.
  pg_conn* connection_ = nullptr;
};

}  // namespace dashi::differential
