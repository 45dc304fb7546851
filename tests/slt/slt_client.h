#pragma once

#include <memory>
#include <string>
#include <vector>

#include "dashi/database.h"

namespace dashi::slt {

/// What became of a statement, as its user sees it.
struct Answer {
  bool ok = true;
  std::string sqlstate;  ///< of an error
  std::string position;  ///< "L:C", or empty
  std::string said;      ///< message and hint
  std::string tag;
  std::vector<std::vector<std::string>> rows;  ///< values as SltScript shows them
};

/// A conversation with a database that steps are run in.
class SltClient {
 public:
  virtual ~SltClient() = default;
  virtual Answer Run(const std::string& sql) = 0;
};

/// By the embedded API.
std::unique_ptr<SltClient> ConnectEmbedded(Database& database);

/// Serves a database and talks to it by libpq, as psql does. Real numbers come as the server writes
/// them.
class SltServer {
 public:
  virtual ~SltServer() = default;
  virtual std::unique_ptr<SltClient> Connect() = 0;
};
std::unique_ptr<SltServer> Serve(Database& database);

}  // namespace dashi::slt
