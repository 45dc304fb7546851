#include "storage/rocksdb_options.h"

#include <algorithm>
#include <array>
#include <cstdarg>
#include <cstdio>
#include <string>
#include <string_view>

#include <fmt/format.h>
#include <rocksdb/cache.h>
#include <rocksdb/env.h>
#include <rocksdb/file_checksum.h>
#include <rocksdb/filter_policy.h>
#include <rocksdb/table.h>
#include <rocksdb/write_buffer_manager.h>

#include "base/logging.h"
#include "base/mutex.h"
#include "storage/rocksdb_merge.h"

namespace dashi::storage {

namespace {

constexpr std::uint64_t kMiB = std::uint64_t{1} << 20;

// Sends RocksDB's warnings and errors to our log instead of a LOG file of its own, and remembers
// which log file had unreadable bytes, which RocksDB's status does not tell.
class ForwardingLogger : public rocksdb::Logger {
 public:
  ForwardingLogger() : Logger(rocksdb::InfoLogLevel::WARN_LEVEL) {}
  using Logger::Logv;

  void Logv(const char* format, va_list arguments) override {
    Logv(rocksdb::InfoLogLevel::INFO_LEVEL, format, arguments);
  }
  void Logv(const rocksdb::InfoLogLevel level, const char* format, va_list arguments) override {
    if (level < GetInfoLogLevel() || level == rocksdb::InfoLogLevel::HEADER_LEVEL) {
      return;
    }
    std::array<char, 1024> buffer{};
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
    std::vsnprintf(buffer.data(), buffer.size(), format, arguments);
#pragma GCC diagnostic pop
    KeepUnreadableLog(buffer.data());
    if (level >= rocksdb::InfoLogLevel::ERROR_LEVEL) {
      LogError("rocksdb: {}", buffer.data());
    } else {
      LogInfo("rocksdb: {}", buffer.data());
    }
  }

  std::string unreadable_log() DASHI_EXCLUDES(mutex_) {
    MutexLock lock(mutex_);
    return unreadable_log_;
  }

 private:
  // "[file.cc:982] /path/000021.log: dropping 361 bytes; Corruption: checksum mismatch"
  void KeepUnreadableLog(std::string_view line) DASHI_EXCLUDES(mutex_) {
    const std::size_t end = line.find(".log: dropping ");
    const std::size_t start = line.find("] /");
    if (end != std::string_view::npos && start < end) {
      MutexLock lock(mutex_);
      unreadable_log_ = line.substr(start + 2, end + 4 - (start + 2));
    }
  }

  Mutex mutex_;
  std::string unreadable_log_ DASHI_GUARDED_BY(mutex_);
};

rocksdb::BlockBasedTableOptions TableOptions(const std::shared_ptr<rocksdb::Cache>& cache) {
  rocksdb::BlockBasedTableOptions table;
  table.block_cache = cache;
  table.format_version = 5;
  table.checksum = rocksdb::kXXH3;
  table.cache_index_and_filter_blocks = true;
  table.cache_index_and_filter_blocks_with_high_priority = true;
  table.pin_l0_filter_and_index_blocks_in_cache = true;
  return table;
}

bool IsLarge(Family family) {
  switch (family) {
    case Family::kDocuments:
    case Family::kLabels:
    case Family::kIds:
    case Family::kRelevance:
    case Family::kEdges:
    case Family::kWeights:
      return true;
    default:
      return false;
  }
}

}  // namespace

rocksdb::DBOptions MakeDbOptions(std::uint64_t memory_bytes_max,
                                 const std::shared_ptr<rocksdb::Cache>& cache) {
  rocksdb::DBOptions options;
  options.wal_recovery_mode = rocksdb::WALRecoveryMode::kTolerateCorruptedTailRecords;
  options.paranoid_checks = true;
  options.file_checksum_gen_factory = rocksdb::GetFileChecksumGenCrc32cFactory();
  options.max_open_files = -1;
  options.max_file_opening_threads = 2;
  // Parallel flushes misorder updates in 7.8 when one fails and is retried.
  options.max_background_flushes = 1;
  options.max_background_compactions = 2;
  options.bytes_per_sync = kMiB;
  options.write_buffer_manager = std::make_shared<rocksdb::WriteBufferManager>(
      std::max<std::uint64_t>(memory_bytes_max / 4, 2 * kMiB), cache);
  options.max_total_wal_size =
      std::clamp<std::uint64_t>(memory_bytes_max / 4, 8 * kMiB, 128 * kMiB);
  // A process that writes a little and ends must not turn every family's few rows into files at the
  // next open; the log is replayed instead, and flushed at close once it has grown.
  options.avoid_flush_during_recovery = true;
  // Nor at close: what is in no log and must last was flushed when it was written.
  options.avoid_flush_during_shutdown = true;
  options.skip_stats_update_on_db_open = true;
  options.skip_checking_sst_file_sizes_on_db_open = false;
  options.stats_dump_period_sec = 0;
  options.stats_persist_period_sec = 0;
  options.info_log_level = rocksdb::InfoLogLevel::WARN_LEVEL;
  options.info_log = std::make_shared<ForwardingLogger>();
  options.max_manifest_file_size = 4 * kMiB;
  return options;
}

std::string UnreadableLog(const rocksdb::DBOptions& options) {
  auto* logger = dynamic_cast<ForwardingLogger*>(options.info_log.get());
  return logger == nullptr ? "" : logger->unreadable_log();
}

rocksdb::ColumnFamilyOptions MakeFamilyOptions(Family family, std::uint64_t memory_bytes_max,
                                               const std::shared_ptr<rocksdb::Cache>& cache) {
  rocksdb::ColumnFamilyOptions options;
  rocksdb::BlockBasedTableOptions table = TableOptions(cache);
  options.write_buffer_size =
      IsLarge(family) ? std::clamp<std::uint64_t>(memory_bytes_max / 16, kMiB, 32 * kMiB)
                      : std::clamp<std::uint64_t>(memory_bytes_max / 64, kMiB, 4 * kMiB);
  options.max_write_buffer_number = 3;
  // Conflict checks read the history of recent writes: one flushed memtable is kept for them.
  options.max_write_buffer_size_to_maintain = static_cast<std::int64_t>(options.write_buffer_size);
  options.level_compaction_dynamic_level_bytes = true;
  options.compression = rocksdb::kLZ4Compression;
  table.filter_policy.reset(rocksdb::NewBloomFilterPolicy(10));
  switch (family) {
    case Family::kMeta:
      options.merge_operator = NewMaximumMergeOperator();
      // Each commit merges into the same counters; reads stay cheap.
      options.max_successive_merges = 64;
      break;
    case Family::kDocuments:
    case Family::kLabels:
    case Family::kAnchors:
      table.block_size = 16 << 10;
      options.bottommost_compression = rocksdb::kZSTD;
      options.enable_blob_files = true;
      options.min_blob_size = 4 << 10;
      options.blob_compression_type = rocksdb::kLZ4Compression;
      options.enable_blob_garbage_collection = true;
      break;
    case Family::kRelevance:
      options.merge_operator = NewNeighbourMergeOperator();
      break;
    case Family::kEdges:
      options.merge_operator = NewEdgeMergeOperator();
      break;
    case Family::kWeights:
      options.compression = rocksdb::kNoCompression;
      options.enable_blob_files = true;
      options.min_blob_size = 64 << 10;
      options.enable_blob_garbage_collection = true;
      break;
    case Family::kIds:
    case Family::kEmbeddingDelta:
    case Family::kChanges:
    case Family::kJobs:
    case Family::kEvaluations:
    case Family::kAttributes:
      break;
  }
  options.table_factory.reset(rocksdb::NewBlockBasedTableFactory(table));
  return options;
}

rocksdb::ColumnFamilyOptions MakeEmbeddingFamilyOptions(
    const std::shared_ptr<rocksdb::Cache>& cache) {
  rocksdb::ColumnFamilyOptions options;
  rocksdb::BlockBasedTableOptions table = TableOptions(cache);
  table.block_size = 16 << 10;
  table.filter_policy.reset(rocksdb::NewRibbonFilterPolicy(10));
  options.table_factory.reset(rocksdb::NewBlockBasedTableFactory(table));
  options.compression = rocksdb::kNoCompression;
  options.write_buffer_size = kMiB;
  options.max_write_buffer_size_to_maintain = 0;
  options.level_compaction_dynamic_level_bytes = true;
  return options;
}

}  // namespace dashi::storage
