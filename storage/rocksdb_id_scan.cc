#include "storage/rocksdb_id_scan.h"

#include <utility>

#include "base/status.h"

namespace dashi::storage {

IdScan::IdScan(const RocksdbReader& reader, EntityKind kind, std::uint64_t bytes_max)
    : reader_(reader), kind_(kind), bytes_max_(bytes_max) {}

Result<std::unique_ptr<IdScan>> IdScan::Start(const RocksdbReader& reader, EntityKind kind,
                                              std::uint64_t bytes_max) {
  std::unique_ptr<IdScan> scan(new IdScan(reader, kind, bytes_max));
  DASHI_RETURN_IF_ERROR(CatchAsStatus("start of a thread", [raw = scan.get()] {
    raw->thread_ = std::thread(
        [raw] { raw->status_ = CatchAsStatus("reading ids", [raw] { return raw->Run(); }); });
  }));
  return scan;
}

IdScan::~IdScan() {
  stopped_ = true;
  if (thread_.joinable()) {
    thread_.join();
  }
  status_.IgnoreError("nobody asked for the ids");
}

Status IdScan::Run() {
  ids_.Reserve(reader_.EstimateRows(kind_), bytes_max_);
  return reader_.ScanIds(kind_, [this](std::string_view id, Ordinal ordinal) {
    all_fit_ = ids_.Add(id, ordinal, bytes_max_);
    return all_fit_ && !stopped_;
  });
}

Result<std::optional<IdTable>> IdScan::Take() {
  thread_.join();
  DASHI_RETURN_IF_ERROR(std::exchange(status_, Status()));
  return all_fit_ ? std::optional(std::move(ids_)) : std::nullopt;
}

}  // namespace dashi::storage
