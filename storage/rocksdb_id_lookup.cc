#include "storage/rocksdb_id_lookup.h"

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

Status IdLookup::ScanAll() {
  scan_tried_ = true;
  IdTable all;
  bool fits = true;
  DASHI_RETURN_IF_ERROR(reader_.ScanIds(kind_, [&](std::string_view id, Ordinal ordinal) {
    fits = all.Add(id, ordinal, kBytesMax);
    return fits;
  }));
  if (fits) {
    known_ = std::move(all);
    knows_all_ = true;
  }
  return Status::Ok();
}

Result<std::optional<Ordinal>> IdLookup::FindInStore(std::string_view id) {
  const std::uint64_t num_reads_worth_a_scan =
      kNumReadsBeforeScan + reader_.EstimateRows(kind_) / kScannedPerRead;
  if (!scan_tried_ && ++num_reads_ > num_reads_worth_a_scan) {
    DASHI_RETURN_IF_ERROR(ScanAll());
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
