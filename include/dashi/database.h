#pragma once

#include <memory>
#include <string>

#include "dashi/options.h"
#include "dashi/session.h"
#include "dashi/status.h"
#include "dashi/version.h"

namespace dashi {

namespace internal {
class DatabaseImpl;
}

/// An open database directory.
///
/// Threads: all methods may be called at once. Sessions must be gone before it is destroyed.
class Database {
 public:
  /// Opens the database in `directory`.
  ///
  /// Errors: kNotFound when it is absent and create_if_missing is off; kInvalidArgument when the
  ///         directory holds something else; kUnavailable (55006) when another process has it open;
  ///         kUnimplemented (0A000) for a newer format; kCorruption when acknowledged data is
  ///         missing or damaged.
  static Result<std::unique_ptr<Database>> Open(const std::string& directory,
                                                const OpenOptions& options = {});
  ~Database();
  Database(const Database&) = delete;
  Database& operator=(const Database&) = delete;

  Result<std::unique_ptr<Session>> NewSession();
  const std::string& directory() const;

 private:
  explicit Database(std::unique_ptr<internal::DatabaseImpl> impl);

  std::unique_ptr<internal::DatabaseImpl> impl_;
};

}  // namespace dashi
