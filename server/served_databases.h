#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "dashi/database.h"
#include "dashi/status.h"

namespace dashi {

/// The databases of one server, each under the name of its folder.
///
/// Threads: all methods but Open may be called at once.
class ServedDatabases {
 public:
  /// Opens them, and gives each an equal share of `options.memory_bytes_max`.
  ///
  /// Errors: those of Database::Open; kInvalidArgument when two have the same name.
  static Result<ServedDatabases> Open(const std::vector<std::string>& directories,
                                      const OpenOptions& options);

  /// The one that a client asks for, by the whole name of its folder: access rules go by the same
  /// name. Where there is one database, it is that, whatever the name.
  ///
  /// Errors: kNotFound (3D000).
  Result<Database*> Find(std::string_view name) const;
  const std::vector<std::unique_ptr<Database>>& all() const { return databases_; }
  /// The names of all but `database`.
  std::vector<std::string> Others(const Database& database) const;
  /// Their folders, for people: `a.db, b.db`.
  std::string ToString() const;

 private:
  std::vector<std::unique_ptr<Database>> databases_;
};

}  // namespace dashi
