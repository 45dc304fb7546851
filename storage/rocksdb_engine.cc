#include "storage/rocksdb_engine.h"

#include <algorithm>
#include <filesystem>
#include <optional>
#include <utility>

#include <fmt/format.h>
#include <rocksdb/convenience.h>
#include <rocksdb/sst_file_reader.h>
#include <rocksdb/write_buffer_manager.h>

#include "base/logging.h"
#include "base/status.h"
#include "storage/manifest_stamp.h"
#include "storage/rocksdb_file_system.h"
#include "storage/rocksdb_options.h"
#include "storage/rocksdb_status.h"

namespace dashi::storage {

namespace {

// Buckets of the locks that committing transactions take per key; a million, the default, takes
// longer to make than the whole rest of opening a database.
constexpr std::uint32_t kCommitLockBuckets = 1U << 12U;

// A log larger than this is flushed at a clean close, so that the next open need not replay it.
constexpr std::uint64_t kLogBytesKeptMax = std::uint64_t{8} << 20;
constexpr int kLogFilesKeptMax = 8;
constexpr int kSharedThreads = 4;
// Not all tables, as for reading rows.
constexpr int kOpenFilesWithoutLogs = 20;

bool IsLockHeld(const rocksdb::Status& status) {
  return status.IsIOError() && status.ToString().find("/LOCK") != std::string::npos &&
         status.ToString().find("lock") != std::string::npos;
}

// A file that the database's own files name and that is not there.
bool IsMissingFile(const rocksdb::Status& status) {
  return status.IsPathNotFound() || status.subcode() == rocksdb::Status::SubCode::kPathNotFound;
}

// RocksDB looks for a missing table under an old name last: 000012.ldb.
std::string NameTables(std::string_view message) {
  std::string named(message);
  for (std::size_t at = named.find(".ldb"); at != std::string::npos; at = named.find(".ldb", at)) {
    named.replace(at, 4, ".sst");
  }
  return named;
}

// Some errors of opening a table come without its name: asks each table by itself.
std::string FindUnreadableTable(const rocksdb::DBOptions& options, const std::string& directory) {
  std::error_code error;
  for (std::filesystem::directory_iterator it(directory, error), end; !error && it != end;
       it.increment(error)) {
    if (it->path().extension() == ".sst") {
      rocksdb::SstFileReader reader(rocksdb::Options(options, rocksdb::ColumnFamilyOptions()));
      if (!reader.Open(it->path().string()).ok()) {
        return it->path().string();
      }
    }
  }
  return "";
}

Status OpenError(const rocksdb::Status& status, const std::string& directory,
                 const rocksdb::DBOptions& options) {
  const std::string database = std::filesystem::path(directory).parent_path().string();
  if (IsLockHeld(status)) {
    const bool own = status.ToString().find("current process") != std::string::npos;
    return Status::Unavailable(fmt::format("the database is open in {} process: {}",
                                           own ? "this" : "another", database))
        .WithHint("Close it there, or open it read-only.");
  }
  Status damage = FromRocksdb(status, "opening the database " + database);
  if (damage.code() != StatusCode::kCorruption && !IsMissingFile(status)) {
    return damage;
  }
  std::string message = NameTables(damage.message());
  if (status.IsCorruption() && message.find(".sst") == std::string::npos) {
    const bool names_file = message.find("MANIFEST") != std::string::npos;
    const std::string log = UnreadableLog(options);
    const std::string unreadable =
        log.empty() || names_file ? FindUnreadableTable(options, directory) : log;
    message += unreadable.empty() ? "" : " in " + unreadable;
  }
  return Status::Corruption(message).WithHint(fmt::format(
      "Restore a backup, or see what can be saved: dashi recover {} --to COPY.", database));
}

void SetRecoveryMode(DamagedLogs damaged_logs, rocksdb::DBOptions* options) {
  switch (damaged_logs) {
    case DamagedLogs::kRefuse:
      return;
    case DamagedLogs::kReadUpToDamage:
      options->wal_recovery_mode = rocksdb::WALRecoveryMode::kPointInTimeRecovery;
      break;
    case DamagedLogs::kPassOver:
      options->wal_recovery_mode = rocksdb::WALRecoveryMode::kSkipAnyCorruptedRecords;
      break;
  }
  options->avoid_flush_during_recovery = false;  // No damaged log is kept.
}

std::optional<Family> FindFamily(const std::string& name) {
  for (const Family family : kFamilies) {
    if (FamilyName(family) == name) {
      return family;
    }
  }
  return std::nullopt;
}

}  // namespace

Result<std::unique_ptr<RocksdbEngine>> RocksdbEngine::Open(const std::string& data_directory,
                                                           const EngineOptions& options) {
  if (!options.read_only) {
    return OpenOnce(data_directory, options);
  }
  std::unique_ptr<RocksdbEngine> engine;
  DASHI_RETURN_IF_ERROR(ReadUnmoved(data_directory, [&]() -> Status {
    engine.reset();
    DASHI_ASSIGN_OR_RETURN(engine, OpenOnce(data_directory, options));
    return engine->HoldLateFiles();
  }));
  return engine;
}

Result<std::unique_ptr<RocksdbEngine>> RocksdbEngine::OpenOnce(const std::string& data_directory,
                                                               const EngineOptions& options) {
  std::unique_ptr<RocksdbEngine> engine(new RocksdbEngine());
  engine->directory_ = data_directory;
  engine->memory_bytes_max_ = options.memory_bytes_max;
  if (options.disk == nullptr) {
    engine->own_disk_ = std::make_unique<DiskWatch>(FileGate::System(), data_directory,
                                                    /*reserved_bytes=*/0);
  }
  engine->disk_ = options.disk != nullptr ? options.disk : engine->own_disk_.get();
  engine->cache_ =
      options.cache != nullptr ? options.cache : rocksdb::NewLRUCache(options.memory_bytes_max);
  engine->db_options_ = MakeDbOptions(options.memory_bytes_max, engine->cache_);
  SetRecoveryMode(options.damaged_logs, &engine->db_options_);
  if (options.without_logs) {
    engine->db_options_.wal_dir = std::filesystem::path(data_directory).parent_path().string();
    engine->db_options_.max_open_files = kOpenFilesWithoutLogs;
  }
  const std::shared_ptr<rocksdb::FileSystem> files = MakeGatedFileSystem(*engine->disk_);
  if (options.read_only) {
    engine->held_files_ = std::make_shared<HeldFiles>(files);
    engine->env_ = rocksdb::NewCompositeEnv(engine->held_files_);
  } else {
    engine->env_ = rocksdb::NewCompositeEnv(files);
    engine->db_options_.listeners = {engine->watch_};
    if (options.listener != nullptr) {
      engine->db_options_.listeners.push_back(options.listener);
    }
    // All databases of a process share these threads, and one whose flush failed holds its thread
    // for a second.
    engine->env_->IncBackgroundThreadsIfNeeded(kSharedThreads, rocksdb::Env::Priority::HIGH);
    engine->env_->IncBackgroundThreadsIfNeeded(kSharedThreads, rocksdb::Env::Priority::LOW);
  }
  engine->db_options_.env = engine->env_.get();
  DASHI_RETURN_IF_ERROR(engine->OpenFamilies(options));
  return engine;
}

Status RocksdbEngine::HoldLateFiles() {
  std::vector<rocksdb::ColumnFamilyMetaData> families;
  db_->GetAllColumnFamilyMetaData(&families);
  std::vector<std::string> paths;
  for (const rocksdb::ColumnFamilyMetaData& family : families) {
    for (const rocksdb::BlobMetaData& blob : family.blob_files) {
      paths.push_back(blob.blob_file_path + "/" + blob.blob_file_name);
    }
  }
  return held_files_->Hold(paths);
}

Result<std::vector<std::string>> RocksdbEngine::ListFamilies(bool create) const {
  std::vector<std::string> names = {rocksdb::kDefaultColumnFamilyName};
  std::error_code error;
  if (create && !std::filesystem::exists(directory_ + "/CURRENT", error)) {
    return names;
  }
  const rocksdb::Status listed = rocksdb::DB::ListColumnFamilies(db_options_, directory_, &names);
  if (!listed.ok()) {
    return OpenError(listed, directory_, db_options_);
  }
  return names;
}

Status RocksdbEngine::OpenFamilies(const EngineOptions& options) {
  DASHI_ASSIGN_OR_RETURN(const std::vector<std::string> names, ListFamilies(options.create));
  std::vector<rocksdb::ColumnFamilyDescriptor> descriptors;
  for (const std::string& name : names) {
    const std::optional<Family> family = FindFamily(name);
    descriptors.emplace_back(name,
                             family ? MakeFamilyOptions(*family, options.memory_bytes_max, cache_)
                                    : MakeEmbeddingFamilyOptions(cache_));
  }
  db_options_.create_if_missing = options.create;
  std::vector<rocksdb::ColumnFamilyHandle*> handles;
  rocksdb::Status opened;
  if (options.read_only) {
    rocksdb::DB* db = nullptr;
    opened = rocksdb::DB::OpenForReadOnly(db_options_, directory_, descriptors, &handles, &db);
    db_.reset(db);
  } else {
    rocksdb::OptimisticTransactionDBOptions commit_options;
    commit_options.occ_lock_buckets = kCommitLockBuckets;
    opened = rocksdb::OptimisticTransactionDB::Open(db_options_, commit_options, directory_,
                                                    descriptors, &handles, &transactions_);
    db_.reset(transactions_);
  }
  if (!opened.ok()) {
    return OpenError(opened, directory_, db_options_);
  }
  TakeHandles(handles);
  if (!options.read_only) {
    disk_->OnFailedLog([this] { WaitForPendingFlushes(); });
    watch_->OnFirstError([this](bool in_compaction, const std::function<void()>& note) {
      StopWriting(in_compaction, note);
    });
  }
  return options.create ? CreateMissingFamilies(options.memory_bytes_max) : CheckFamilies();
}

void RocksdbEngine::TakeHandles(const std::vector<rocksdb::ColumnFamilyHandle*>& handles) {
  auto families = std::make_shared<EmbeddingFamilies>(*AllEmbeddingFamilies());
  for (rocksdb::ColumnFamilyHandle* handle : handles) {
    const std::string& name = handle->GetName();
    if (const std::optional<Family> family = FindFamily(name)) {
      families_[ToIndex(*family)] = handle;
    } else if (const auto version = ParseEmbeddingFamilyName(name)) {
      (*families)[*version] = Share(handle);
    } else if (name == rocksdb::kDefaultColumnFamilyName) {
      default_family_ = handle;
    } else {
      unknown_families_.push_back(handle);
    }
  }
  SetEmbeddingFamilies(std::move(families));
}

// All at once, since RocksDB writes its options file after each call.
Status RocksdbEngine::CreateMissingFamilies(std::uint64_t memory_bytes_max) {
  std::vector<rocksdb::ColumnFamilyDescriptor> missing;
  for (const Family family : kFamilies) {
    if (families_[ToIndex(family)] == nullptr) {
      missing.emplace_back(std::string(FamilyName(family)),
                           MakeFamilyOptions(family, memory_bytes_max, cache_));
    }
  }
  std::vector<rocksdb::ColumnFamilyHandle*> handles;
  const rocksdb::Status created = db_->CreateColumnFamilies(missing, &handles);
  TakeHandles(handles);
  return FromRocksdb(created, "creating the database " + directory_);
}

Status RocksdbEngine::CheckFamilies() const {
  for (const Family family : kFamilies) {
    if (families_[ToIndex(family)] == nullptr) {
      return Status::Corruption(
          fmt::format("the database has no column family {}: {}", FamilyName(family), directory_));
    }
  }
  return Status::Ok();
}

RocksdbEngine::~RocksdbEngine() {
  if (db_ == nullptr) {
    return;
  }
  disk_->OnFailedLog({});
  watch_->OnFirstError({});
  if (resumer_.joinable()) {
    // One that never came back: it does when it is told of the end.
    rocksdb::CancelAllBackgroundWork(db_->GetRootDB(), /*wait=*/false);
    resumer_.join();
  }
  FlushLargeLog();
  SetEmbeddingFamilies(nullptr);
  for (rocksdb::ColumnFamilyHandle* handle : families_) {
    if (handle != nullptr) {
      db_->DestroyColumnFamilyHandle(handle);
    }
  }
  for (rocksdb::ColumnFamilyHandle* handle : unknown_families_) {
    db_->DestroyColumnFamilyHandle(handle);
  }
  if (default_family_ != nullptr) {
    db_->DestroyColumnFamilyHandle(default_family_);
  }
  const rocksdb::Status closed = db_->Close();
  if (!closed.ok() && !closed.IsNotSupported()) {
    LogWarning("closing the database: {}", closed.ToString());
  }
}

RocksdbEngine::LogSizes RocksdbEngine::SizesOfLogs() const {
  LogSizes sizes;
  std::error_code error;
  for (std::filesystem::directory_iterator it(directory_, error), end; !error && it != end;
       it.increment(error)) {
    if (it->path().extension() == ".log") {
      std::error_code size_error;
      const std::uint64_t bytes = it->file_size(size_error);
      sizes.bytes += size_error ? 0 : bytes;
      ++sizes.num_files;
    }
  }
  return sizes;
}

// The family `default` too: as long as its memtable, which is never empty, is not flushed, it needs
// every log since that was begun.
std::vector<rocksdb::ColumnFamilyHandle*> RocksdbEngine::LoggedFamilies() const {
  std::vector<rocksdb::ColumnFamilyHandle*> handles(families_.begin(), families_.end());
  handles.push_back(default_family_);
  std::erase(handles, nullptr);  // An open that failed may have got only some.
  return handles;
}

void RocksdbEngine::FlushLargeLog() {
  if (transactions_ == nullptr) {
    return;
  }
  const LogSizes sizes = SizesOfLogs();
  if (sizes.bytes <= kLogBytesKeptMax && sizes.num_files <= kLogFilesKeptMax) {
    return;
  }
  const rocksdb::Status flushed = db_->Flush(rocksdb::FlushOptions(), LoggedFamilies());
  if (!flushed.ok()) {
    LogWarning("flushing at close: {}", flushed.ToString());
  }
}

std::shared_ptr<rocksdb::ColumnFamilyHandle> RocksdbEngine::Share(
    rocksdb::ColumnFamilyHandle* handle) {
  return std::shared_ptr<rocksdb::ColumnFamilyHandle>(
      handle, [db = db_.get()](rocksdb::ColumnFamilyHandle* owned) {
        db->DestroyColumnFamilyHandle(owned);
      });
}

std::shared_ptr<const EmbeddingFamilies> RocksdbEngine::AllEmbeddingFamilies() const {
  MutexLock lock(families_mutex_);
  return embedding_families_;
}

void RocksdbEngine::SetEmbeddingFamilies(std::shared_ptr<const EmbeddingFamilies> families) {
  MutexLock lock(families_mutex_);
  // What it was goes with the argument, after the lock: it may delete files.
  embedding_families_.swap(families);
}

std::shared_ptr<rocksdb::ColumnFamilyHandle> RocksdbEngine::EmbeddingFamily(
    std::uint64_t version) const {
  const std::shared_ptr<const EmbeddingFamilies> families = AllEmbeddingFamilies();
  const auto found = families->find(version);
  return found == families->end() ? nullptr : found->second;
}

std::vector<std::uint64_t> RocksdbEngine::EmbeddingVersions() const {
  const std::shared_ptr<const EmbeddingFamilies> families = AllEmbeddingFamilies();
  std::vector<std::uint64_t> versions;
  versions.reserve(families->size());
  for (const auto& [version, handle] : *families) {
    versions.push_back(version);
  }
  return versions;
}

Result<std::shared_ptr<rocksdb::ColumnFamilyHandle>> RocksdbEngine::CreateEmbeddingFamily(
    std::uint64_t version) {
  MutexLock lock(mutex_);
  auto families = std::make_shared<EmbeddingFamilies>(*AllEmbeddingFamilies());
  if (families->contains(version)) {
    return Status::AlreadyExists(fmt::format("embedding version exists: {}", version));
  }
  rocksdb::ColumnFamilyHandle* handle = nullptr;
  DASHI_RETURN_IF_ERROR(WhileWriting("creating an embedding version", [&] {
    return db_->CreateColumnFamily(MakeEmbeddingFamilyOptions(cache_), EmbeddingFamilyName(version),
                                   &handle);
  }));
  std::shared_ptr<rocksdb::ColumnFamilyHandle> family = Share(handle);
  families->emplace(version, family);
  SetEmbeddingFamilies(std::move(families));
  return family;
}

Status RocksdbEngine::DropEmbeddingFamily(std::uint64_t version) {
  MutexLock lock(mutex_);
  auto families = std::make_shared<EmbeddingFamilies>(*AllEmbeddingFamilies());
  const auto found = families->find(version);
  if (found == families->end()) {
    return Status::Ok();
  }
  DASHI_RETURN_IF_ERROR(WhileWriting("dropping an embedding version", [&, this] {
    return db_->DropColumnFamily(found->second.get());
  }));
  families->erase(found);
  SetEmbeddingFamilies(std::move(families));
  return Status::Ok();
}

Result<bool> RocksdbEngine::Get(Family family, std::string_view key, std::string* value) const {
  const rocksdb::Status status =
      db_->Get(rocksdb::ReadOptions(), this->family(family), ToSlice(key), value);
  if (status.IsNotFound()) {
    return false;
  }
  DASHI_RETURN_IF_ERROR(FromRocksdb(status, fmt::format("reading {}", FamilyName(family))));
  return true;
}

std::uint64_t RocksdbEngine::OldestLogNeeded() const {
  std::uint64_t number = 0;
  // 0, so that all are needed, where RocksDB does not tell.
  db_->GetIntProperty(rocksdb::DB::Properties::kMinLogNumberToKeep, &number);
  return number;
}

std::string RocksdbEngine::unreadable_log() const { return UnreadableLog(db_options_); }

std::uint64_t RocksdbEngine::MemtableBytes() const {
  return db_options_.write_buffer_manager->memory_usage();
}

rocksdb::Options RocksdbEngine::EmbeddingFileOptions() const {
  return rocksdb::Options(db_options_, MakeEmbeddingFamilyOptions(cache_));
}

rocksdb::Options RocksdbEngine::FamilyFileOptions(Family family) const {
  rocksdb::Options options(db_options_, MakeFamilyOptions(family, memory_bytes_max_, cache_));
  options.bottommost_compression = rocksdb::kDisableCompressionOption;  // As `compression` says.
  return options;
}

}  // namespace dashi::storage
