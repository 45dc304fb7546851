#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "dashi/status.h"

namespace dashi {

/// What can happen to a file or a folder.
enum class FileStep {
  kCreate,        ///< a file is made, or emptied
  kWrite,         ///< bytes are put down at `offset`
  kTruncate,      ///< the file gets the length `offset`
  kSync,          ///< the file's bytes and length become durable
  kRename,        ///< `path` becomes `target`, and replaces what was there
  kLink,          ///< `target` becomes a second name of `path`
  kRemove,        ///< a file or an empty folder goes
  kCreateFolder,  ///< a folder is made
  kSyncFolder,    ///< the names inside the folder become durable
};

/// A change of the file system that is about to be made.
struct FileChange {
  FileStep step = FileStep::kWrite;
  std::string_view path = {};
  std::string_view target = {};  ///< kRename and kLink
  std::uint64_t offset = 0;      ///< kWrite and kTruncate
  std::string_view bytes = {};   ///< kWrite
};

/// Every change of files in a database directory goes through one, RocksDB's too: so that a test
/// can make any of them fail, and a store sees which did. Backups and other copies do not pass.
///
/// Threads: all methods may be called at once.
class FileGate {
 public:
  virtual ~FileGate() = default;

  /// Makes the change by calling `make(size)`, which returns 0 or an errno, and returns what came
  /// of it. `size` is the number of bytes to put down, for a write that is to be cut short.
  virtual int Pass(const FileChange& change, const std::function<int(std::size_t size)>& make);
  /// The bytes that may still be written to the file system that holds `path`.
  virtual Result<std::uint64_t> FreeBytes(const std::string& path);

  /// Lets everything pass. Lives for ever.
  static FileGate& System();
};

}  // namespace dashi
