#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <thread>

#include "dashi/status.h"
#include "storage/id_table.h"
#include "storage/rocksdb_reader.h"

namespace dashi::storage {

/// Reads the ids of one kind into memory, on a thread of its own.
///
/// Threads: one thread at a time. The reader must outlive it. Destroying it stops the scan.
/// Cost:    about half a microsecond an id.
class IdScan {
 public:
  /// Errors: kResourceExhausted when no thread can be started.
  static Result<std::unique_ptr<IdScan>> Start(const RocksdbReader& reader, EntityKind kind,
                                               std::uint64_t bytes_max);
  ~IdScan();
  IdScan(const IdScan&) = delete;
  IdScan& operator=(const IdScan&) = delete;

  /// Waits for all ids and gives them away; nullopt when they take more than `bytes_max`. Errors:
  /// those of reading.
  Result<std::optional<IdTable>> Take();

 private:
  IdScan(const RocksdbReader& reader, EntityKind kind, std::uint64_t bytes_max);
  Status Run();

  const RocksdbReader& reader_;
  const EntityKind kind_;
  const std::uint64_t bytes_max_;
  std::atomic<bool> stopped_ = false;
  // Of the thread, while it runs.
  IdTable ids_;
  bool all_fit_ = true;
  Status status_;
  std::thread thread_;
};

}  // namespace dashi::storage
