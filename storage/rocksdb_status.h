#pragma once

#include <string_view>

#include <rocksdb/slice.h>
#include <rocksdb/status.h>

#include "dashi/status.h"

namespace dashi::storage {

/// Turns RocksDB's status into ours; `doing` says what failed, e.g. "reading documents".
///
/// Errors: kCorruption (XX001), kResourceExhausted (53100 disk full, 53200 memory), kAborted
/// (40001),
///         kIoError (58030) and so on.
Status FromRocksdb(const rocksdb::Status& status, std::string_view doing);

inline rocksdb::Slice ToSlice(std::string_view bytes) {
  return rocksdb::Slice(bytes.data(), bytes.size());
}
inline std::string_view ToView(const rocksdb::Slice& slice) {
  return std::string_view(slice.data(), slice.size());
}

}  // namespace dashi::storage
