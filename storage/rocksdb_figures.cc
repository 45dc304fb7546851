#include "storage/rocksdb_figures.h"

#include <cstdint>
#include <iterator>
#include <string>
#include <string_view>

namespace dashi::storage {

namespace {

struct Property {
  const std::string& property;
  bool is_of_families;  // summed over all, else of the database
  std::string_view name;
  std::string_view description;
};

}  // namespace

std::vector<StorageFigure> CacheFigures(const rocksdb::Cache& cache) {
  return {{"block_cache_bytes", cache.GetUsage(), "in the block cache, with what memtables take"},
          {"block_cache_pinned_bytes", cache.GetPinnedUsage(),
           "of them, those that are in use and cannot be given back"},
          {"block_cache_capacity_bytes", cache.GetCapacity(), "what the block cache may take"}};
}

std::vector<StorageFigure> DatabaseFigures(rocksdb::DB& db) {
  using Names = rocksdb::DB::Properties;
  static const Property properties[] = {
      {Names::kCurSizeAllMemTables, true, "memtable_bytes", "rows that are not yet in files"},
      {Names::kNumImmutableMemTable, true, "immutable_memtables",
       "memtables that wait to be written to files"},
      {Names::kNumRunningFlushes, false, "running_flushes", "memtables that are being written"},
      {Names::kEstimatePendingCompactionBytes, true, "pending_compaction_bytes",
       "what compactions have still to rewrite, estimated"},
      {Names::kNumRunningCompactions, false, "running_compactions", "compactions that run"},
      {Names::kIsWriteStopped, false, "write_stopped",
       "1 while writers wait because flushes or compactions lag"},
      {Names::kActualDelayedWriteRate, false, "delayed_write_rate_bytes",
       "bytes a second to which writers are slowed down; 0: they are not"},
      {Names::kLiveSstFilesSize, true, "live_sst_bytes", "files that hold the rows as they are"}};
  std::vector<StorageFigure> figures;
  figures.reserve(std::size(properties));
  for (const Property& each : properties) {
    std::uint64_t value = 0;
    const bool told = each.is_of_families ? db.GetAggregatedIntProperty(each.property, &value)
                                          : db.GetIntProperty(each.property, &value);
    if (told) {
      figures.push_back({each.name, value, each.description});
    }
  }
  return figures;
}

}  // namespace dashi::storage
