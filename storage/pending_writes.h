#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "storage/key_codec.h"

namespace dashi::storage {

/// The keys that a transaction has written and not yet committed, with savepoints.
///
/// Reads look here first; scans merge it with what is stored. It may change during a scan.
///
/// Threads: one thread at a time.
class PendingWrites {
 public:
  struct Entry {
    std::optional<std::string> value;  ///< none: the key is deleted
    bool stored_before = false;        ///< the key is in the database as the transaction sees it
  };
  using Entries = std::map<std::string, Entry, std::less<>>;

  /// `stored_before` counts at the key's first write only.
  void Put(Family family, std::string key, std::string value, bool stored_before);
  void Delete(Family family, std::string key, bool stored_before);

  /// Returns the key's pending state, or null when it was not written.
  const Entry* Find(Family family, std::string_view key) const;
  const Entries& entries(Family family) const { return entries_[ToIndex(family)]; }
  bool empty() const;
  /// Approximate bytes of memory, undo log included.
  std::uint64_t bytes() const { return bytes_; }

  void SetSavepoint();
  /// Undoes the writes since the innermost savepoint and removes it.
  void RollbackToSavepoint();
  /// Removes the innermost savepoint and keeps the writes.
  void ReleaseSavepoint();

 private:
  struct Undo {
    Family family;
    std::string key;
    std::optional<Entry> previous;
  };
  void Write(Family family, std::string key, Entry entry);

  std::array<Entries, kNumFamilies> entries_;
  std::vector<Undo> undo_;
  std::vector<std::size_t> savepoints_;  // sizes of undo_
  std::uint64_t bytes_ = 0;
};

}  // namespace dashi::storage
