#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "storage/id_table.h"
#include "storage/rocksdb_id_scan.h"
#include "storage/rocksdb_reader.h"

namespace dashi::storage {

/// Turns the ids of one kind into ordinals for a load that asks for very many. It begins with point
/// reads, which it remembers; once a table scan would have cost less than the reads so far, or than
/// those that it was told to expect, it scans all ids into memory, if they fit.
///
/// Threads: one thread at a time. The reader must outlive it.
/// Cost:    64 MiB at most; a point read for an id that is not known yet.
class IdLookup {
 public:
  IdLookup(const RocksdbReader& reader, EntityKind kind) : reader_(reader), kind_(kind) {}

  /// Errors: kNotFound (23503) naming the id.
  Result<Ordinal> Find(std::string_view id);
  /// The same; nullopt when there is no such row.
  Result<std::optional<Ordinal>> TryFind(std::string_view id);
  /// The same for many: `ordinals` has the size of `ids`.
  Status TryFind(std::span<const std::string_view> ids, std::span<std::optional<Ordinal>> ordinals);
  /// Says how many ids will be asked for, about.
  void Expect(std::uint64_t num_ids) { num_expected_ = num_ids; }
  /// Begins a scan that is worth while by what is expected; the next call that finds an id waits
  /// for it. Errors: kResourceExhausted when no thread can be started.
  Status ScanAhead();
  std::uint64_t bytes() const { return known_.bytes(); }

 private:
  Result<std::optional<Ordinal>> FindInStore(std::string_view id);
  bool IsScanWorthWhile(std::uint64_t num_reads) const;
  Status FinishScan();

  const RocksdbReader& reader_;
  const EntityKind kind_;
  IdTable known_;
  bool knows_all_ = false;  // what is not in known_ does not exist
  bool scan_tried_ = false;
  std::unique_ptr<IdScan> scan_;  // null, unless one is under way
  std::uint64_t num_reads_ = 0;
  std::uint64_t num_expected_ = 0;
  std::string last_id_;
  std::optional<Ordinal> last_;
};

}  // namespace dashi::storage
