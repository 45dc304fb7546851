#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/random.h"
#include "dashi/status.h"

namespace dashi::corrupt {

enum class DamageKind : std::uint8_t {
  kBitFlip,    ///< one bit of one byte
  kCut,        ///< the file ends early
  kDeletion,   ///< the file is gone
  kBlockSwap,  ///< two blocks of the file change places
};

/// A file of a database, by its path inside the directory.
struct DatabaseFile {
  std::string path;
  std::string kind;  ///< "WAL", "MANIFEST", "SST", "blob", "index", ...
  std::uint64_t num_bytes = 0;
};

/// Lists the files of a database that hold something, in the order of their names.
std::vector<DatabaseFile> ListFiles(const std::string& directory);

/// Copies a database. Files that are never changed in place are linked, except `own`, which is
/// to be damaged.
void CopyDatabase(const std::string& from, const std::string& to, const std::string& own);

struct Damage {
  DamageKind kind{};
  std::string description;  ///< "bit 3 of byte 417 flipped"
};
/// Damages a file so that its bytes differ from before.
Damage DamageFile(const std::string& path, Random* random);

}  // namespace dashi::corrupt
