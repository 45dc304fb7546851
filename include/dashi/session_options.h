#pragma once

#include <optional>
#include <string>
#include <vector>

namespace dashi {

/// Who a session is, for programs that let others in. Without it a session may do everything.
struct SessionOptions {
  /// What current_user tells.
  std::string user = "dashi";
  /// May do everything. Otherwise what the role named `user` may, as it is when a statement begins;
  /// nothing when there is none.
  bool unrestricted = true;
  /// The folders in which statements may name files (COPY, BACKUP, IMPORT MODEL and others);
  /// nullopt: wherever the process may.
  std::optional<std::vector<std::string>> file_directories;
};

}  // namespace dashi
