#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "dashi/status.h"

namespace dashi::storage {

/// A file to copy: its place below the folder, and its size.
struct CopiedFile {
  std::string name;  ///< "data/000012.sst"
  std::uint64_t num_bytes = 0;
};

/// Lists the files that make up a database, but for its marker, lock and watermark.
Result<std::vector<CopiedFile>> ListDatabaseFiles(const std::string& directory);

/// Copies the files into a new directory, durably.
///
/// Errors: kResourceExhausted (53100) when they do not fit, before the first is copied; kIoError
///         naming the file; those of `on_progress`.
Status CopyFiles(const std::string& from, const std::string& to,
                 const std::vector<CopiedFile>& files,
                 const std::function<Status(std::uint64_t done, std::uint64_t total)>& on_progress);

}  // namespace dashi::storage
