#include "storage/rocksdb_id_lookup.h"

#include <algorithm>

#include <fmt/format.h>

#include "base/status.h"
#include "storage/row_check.h"

namespace dashi::storage {

namespace {

constexpr std::uint64_t kBytesMax = std::uint64_t{64} << 20;
/// Ids that a scan is taken to read in the time of one point read: a guess on the low side.
constexpr std::uint64_t kScannedPerRead = 16;
constexpr std::uint64_t kNumReadsBeforeScan = 1000;

}  // namespace

bool IdLookup::IsScanWorthWhile(std::uint64_t num_reads) const {
  return !scan_tried_ &&
         num_reads > kNumReadsBeforeScan + reader_.EstimateRows(kind_) / kScannedPerRead;
}

Status IdLookup::ScanAhead() {
  if (!IsScanWorthWhile(num_expected_)) {
    return Status::Ok();
  }
  scan_tried_ = true;
  DASHI_ASSIGN_OR_RETURN(scan_, IdScan::Start(reader_, kind_, kBytesMax));
  return Status::Ok();
}

Status IdLookup::FinishScan() {
  if (scan_ == nullptr) {
    return Status::Ok();
  }
  const std::unique_ptr<IdScan> scan = std::move(scan_);
  DASHI_ASSIGN_OR_RETURN(std::optional<IdTable> all, scan->Take());
  if (all) {
    known_ = std::move(*all);
    knows_all_ = true;
  }
  return Status::Ok();
}

Result<std::optional<Ordinal>> IdLookup::FindInStore(std::string_view id) {
  num_expected_ = std::max(num_expected_, ++num_reads_);
  if (IsScanWorthWhile(num_expected_)) {
    DASHI_RETURN_IF_ERROR(ScanAhead());
    DASHI_RETURN_IF_ERROR(FinishScan());
    if (knows_all_) {
      return known_.Find(id);
    }
  }
  DASHI_ASSIGN_OR_RETURN(const std::optional<Ordinal> found, reader_.FindOrdinal(kind_, id));
  if (found && !known_.Add(id, *found, kBytesMax)) {
    known_.Clear();
  }
  return found;
}

Result<std::optional<Ordinal>> IdLookup::TryFind(std::string_view id) {
  if (last_ && last_id_ == id) {
    return last_;
  }
  DASHI_RETURN_IF_ERROR(FinishScan());
  std::optional<Ordinal> found = known_.Find(id);
  if (!found && !knows_all_) {
    DASHI_ASSIGN_OR_RETURN(found, FindInStore(id));
  }
  if (found) {
    last_ = found;
    last_id_ = id;
  }
  return found;
}

Status IdLookup::TryFind(std::span<const std::string_view> ids,
                         std::span<std::optional<Ordinal>> ordinals) {
  DASHI_RETURN_IF_ERROR(FinishScan());
  known_.Find(ids, ordinals);
  const bool is_certain = knows_all_;  // A scan may come while the rest is looked up.
  for (std::size_t i = 0; i < ids.size(); ++i) {
    if (!ordinals[i] && !is_certain) {
      DASHI_ASSIGN_OR_RETURN(ordinals[i], TryFind(ids[i]));
    }
  }
  return Status::Ok();
}

Result<Ordinal> IdLookup::Find(std::string_view id) {
  DASHI_ASSIGN_OR_RETURN(const std::optional<Ordinal> found, TryFind(id));
  if (!found) {
    return Status::NotFound(fmt::format("no row with id '{}' in {}",
                                        IsUtf8(id) ? id : "(not UTF-8)", EntityTableName(kind_)))
        .WithSqlState("23503");
  }
  return *found;
}

}  // namespace dashi::storage
