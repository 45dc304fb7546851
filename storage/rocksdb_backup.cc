#include "storage/rocksdb_backup.h"

#include <algorithm>
#include <filesystem>
#include <map>
#include <memory>
#include <sys/stat.h>
#include <system_error>
#include <tuple>
#include <unistd.h>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "base/failpoint.h"
#include "base/logging.h"
#include "base/status.h"
#include "storage/backup_directory.h"
#include "storage/rocksdb_live_files.h"
#include "storage/rocksdb_reader.h"
#include "storage/rocksdb_status.h"

namespace dashi::storage {

namespace {

namespace fs = std::filesystem;

// A log larger than this is flushed before a backup, so that the next one need not copy the same
// rows again: a log is copied every time, a table once.
constexpr std::uint64_t kLogBytesMax = std::uint64_t{8} << 20;
constexpr std::chrono::milliseconds kCancelPoll{50};
constexpr std::size_t kIndexChecksumBytes = 16;

std::string Hex(std::string_view bytes) {
  std::string text;
  for (const char byte : bytes) {
    text += fmt::format("{:02x}", static_cast<unsigned char>(byte));
  }
  return text;
}

// A file that will be in the backup, as it was at the moment of the backup.
struct Source {
  std::string path;  // inside the database's directory
  std::uint64_t size = 0;
  std::string identity;
  std::string recorded_checksum;  // RocksDB's, empty when there is none
  std::string contents;           // instead of a file on the disk
  OpenFile file;                  // open already, since it may be deleted any time; or not
};

// The database at one moment, between two commits.
struct Moment {
  std::unique_ptr<LiveFiles> live;
  std::uint64_t commit_sequence = 0;
  std::uint64_t engine_sequence = 0;
  std::vector<Source> sources;
  std::vector<std::string> notes;
};

class BackupRun {
 public:
  BackupRun(RocksdbStoreState* state, const BackupOptions& options, TaskMonitor* monitor)
      : state_(state), options_(options), monitor_(monitor) {}

  Result<BackupSummary> Run(const std::string& backup_directory) {
    DASHI_RETURN_IF_ERROR(CheckPlace(backup_directory));
    DASHI_ASSIGN_OR_RETURN(directory_, BackupDirectory::OpenToChange(backup_directory));
    Status made = MakeBackup();
    if (made.ok() && options_.keep > 0) {
      const Result<std::uint64_t> deleted = directory_->DeleteAllBut(options_.keep);
      made = deleted.status();
      summary_.num_deleted = deleted.ok() ? *deleted : 0;
    }
    if (!made.ok()) {
      directory_->RemoveUnneeded().IgnoreError("the first error counts; the next backup does it");
      return made;
    }
    return std::move(summary_);
  }

 private:
  // A backup inside the database would be swept away with `tmp`, or take itself in.
  Status CheckPlace(const std::string& backup_directory) const {
    if (backup_directory.empty()) {
      return Status::InvalidArgument("the name of the backup directory is empty");
    }
    std::error_code error;
    const fs::path database = fs::weakly_canonical(fs::absolute(state_->paths.root), error);
    for (fs::path place = fs::weakly_canonical(fs::absolute(backup_directory), error);
         place != place.parent_path(); place = place.parent_path()) {
      if (place == database) {
        return Status::InvalidArgument(
                   fmt::format("the backup directory lies inside the database: {}",
                               backup_directory))
            .WithHint("Name a directory beside it, best on another disk.");
      }
    }
    return Status::Ok();
  }

  Status MakeBackup() {
    monitor_->BeginPhase("waiting for commits", "commits", 0);
    DASHI_RETURN_IF_ERROR(FlushLargeLog());
    Moment moment;
    DASHI_RETURN_IF_ERROR(Capture(&moment));
    monitor_->EndPhase(0);
    DASHI_FAILPOINT("backup.captured");
    BackupManifest manifest;
    manifest.number = directory_->next_number();
    manifest.created_at_micros = state_->options.clock->NowMicros();
    manifest.commit_sequence = moment.commit_sequence;
    manifest.engine_sequence = moment.engine_sequence;
    DASHI_RETURN_IF_ERROR(
        FromRocksdb(state_->engine->db()->GetDbIdentity(manifest.database), "backup"));
    IndexEarlierFiles(manifest.database);
    DASHI_RETURN_IF_ERROR(CopyAll(moment, &manifest));
    DASHI_RETURN_IF_ERROR(directory_->Add(manifest));
    DASHI_FAILPOINT("backup.added");
    summary_.number = manifest.number;
    summary_.commit_sequence = manifest.commit_sequence;
    summary_.notes.insert(summary_.notes.end(), moment.notes.begin(), moment.notes.end());
    return Status::Ok();
  }

  Status FlushLargeLog() {
    std::uint64_t bytes = 0;
    std::error_code error;
    for (fs::directory_iterator it(state_->paths.data, error), end; !error && it != end;
         it.increment(error)) {
      std::error_code size_error;
      const bool is_log = it->path().extension() == ".log";
      const std::uint64_t size = is_log ? it->file_size(size_error) : 0;
      bytes += size_error ? 0 : size;
    }
    if (bytes <= kLogBytesMax) {
      return Status::Ok();
    }
    std::vector<rocksdb::ColumnFamilyHandle*> families;
    families.reserve(kNumFamilies);
    for (const Family family : kFamilies) {
      families.push_back(state_->engine->family(family));
    }
    return state_->engine->Flush(families, "flushing before a backup");
  }

  // Stops commits, looks, and lets them go on. A load that is being applied is waited for; the
  // embeddings' lock keeps a version's family and its record together.
  Status Capture(Moment* moment) {
    MutexLock lock(state_->embedding_mutex);
    DASHI_RETURN_IF_ERROR(state_->CheckWorking());
    const std::int64_t begin = state_->options.clock->MonotonicMicros();
    while (!state_->gate.TryEnterAlone(kCancelPoll)) {
      DASHI_RETURN_IF_ERROR(monitor_->Advance(0));
    }
    Status looked = state_->CheckWorking();
    if (looked.ok()) {
      looked = Look(moment);
    }
    state_->gate.LeaveAlone();
    summary_.pause_micros = state_->options.clock->MonotonicMicros() - begin;
    return looked;
  }

  Status Look(Moment* moment) {
    rocksdb::DB* db = state_->engine->db();
    // Not the last number that was given: its transaction may have failed.
    DASHI_ASSIGN_OR_RETURN(moment->commit_sequence,
                           ReadCounter(*state_->engine, CommitSequenceKey()));
    moment->engine_sequence = db->GetLatestSequenceNumber();
    DASHI_ASSIGN_OR_RETURN(moment->live, LiveFiles::Hold(db, /*read_only=*/false));
    for (const rocksdb::LiveFileStorageInfo& file : moment->live->files()) {
      Source source;
      source.path = "data/" + file.relative_filename;
      source.size = file.size;
      source.contents = file.replacement_contents;
      if (IsTableFile(file) && HasRecordedChecksum(file)) {
        source.recorded_checksum = file.file_checksum;
        source.identity = Hex(file.file_checksum);
      }
      moment->sources.push_back(std::move(source));
    }
    DASHI_RETURN_IF_ERROR(AddSmallFile("DASHI", &moment->sources));
    return AddIndexFiles(moment);
  }

  Status AddSmallFile(const std::string& path, std::vector<Source>* sources) const {
    Source source;
    source.path = path;
    DASHI_ASSIGN_OR_RETURN(const int opened, OpenForReading(state_->paths.root + "/" + path));
    source.file = OpenFile(opened);
    struct stat status {};
    if (::fstat(opened, &status) != 0) {
      return IoErrorOf("cannot read a file", path, errno);
    }
    source.size = static_cast<std::uint64_t>(status.st_size);
    sources->push_back(std::move(source));
    return Status::Ok();
  }

  // They are opened now: a release may be dropped while the backup goes on.
  Status AddIndexFiles(Moment* moment) const {
    const RocksdbReader reader(*state_, state_->TakePicture(), {});
    DASHI_ASSIGN_OR_RETURN(const std::vector<ReleaseRecord> releases, reader.ListReleases());
    for (const ReleaseRecord& release : releases) {
      for (const std::string& file : release.IndexFiles()) {
        DASHI_RETURN_IF_ERROR(AddIndexFile(file, moment));
      }
    }
    return Status::Ok();
  }

  Status AddIndexFile(const std::string& name, Moment* moment) const {
    const Status added = AddSmallFile("index/" + name, &moment->sources);
    if (added.code() == StatusCode::kNotFound) {
      moment->notes.push_back(
          fmt::format("an index file is missing, also in the backup: {}", name));
      return Status::Ok();
    }
    DASHI_RETURN_IF_ERROR(added);
    Source& source = moment->sources.back();
    std::string tail(kIndexChecksumBytes, '\0');
    if (source.size > tail.size() && ::pread(source.file.get(), tail.data(), tail.size(),
                                             static_cast<off_t>(source.size - tail.size())) ==
                                         static_cast<ssize_t>(tail.size())) {
      source.identity = Hex(tail);
    }
    return Status::Ok();
  }

  using FileKey = std::tuple<std::string, std::uint64_t, std::string>;

  void IndexEarlierFiles(const std::string& database) {
    for (const auto& [number, manifest] : directory_->manifests()) {
      if (manifest.database != database) {
        continue;
      }
      for (const BackupFile& file : manifest.files) {
        if (!file.identity.empty()) {
          earlier_[{file.path, file.size, file.identity}] = file.checksum;
        }
      }
    }
  }

  Status CopyAll(const Moment& moment, BackupManifest* manifest) {
    std::uint64_t total = 0;
    for (const Source& source : moment.sources) {
      total += 2 * source.size;  // Each byte is read, and read back.
    }
    monitor_->BeginPhase("copying", "bytes", total);
    for (const Source& source : moment.sources) {
      BackupFile file{source.path, source.size, {}, source.identity};
      DASHI_ASSIGN_OR_RETURN(const bool shared, IsShared(source, &file.checksum));
      if (!shared) {
        DASHI_RETURN_IF_ERROR(CopyOne(source, &file.checksum));
        ++summary_.num_files_copied;
        summary_.num_bytes_copied += source.size;
        DASHI_FAILPOINT("backup.file");
      } else if (!options_.verify_all) {
        DASHI_RETURN_IF_ERROR(Advance(2 * source.size));
      }
      ++summary_.num_files;
      summary_.num_bytes += source.size;
      manifest->files.push_back(std::move(file));
    }
    monitor_->EndPhase(done_);
    return Status::Ok();
  }

  Status Advance(std::uint64_t bytes) {
    done_ += bytes;
    return monitor_->Advance(done_);
  }
  VisitPiece AdvanceByPiece() {
    return [this](std::string_view piece) { return Advance(piece.size()); };
  }

  // Whether an earlier backup holds the file, whole.
  Result<bool> IsShared(const Source& source, FileChecksum* checksum) {
    const auto found = earlier_.find({source.path, source.size, source.identity});
    if (source.identity.empty() || found == earlier_.end()) {
      return false;
    }
    *checksum = found->second;
    const std::string path = directory_->PathOf(source.size, *checksum);
    std::error_code error;
    if (fs::file_size(path, error) != source.size || error) {
      return false;  // Gone or cut: copied again.
    }
    if (!options_.verify_all) {
      return true;
    }
    DASHI_RETURN_IF_ERROR(Advance(source.size));
    const Status verified = VerifyFile(path, source.size, *checksum, AdvanceByPiece());
    if (verified.ok() || verified.code() != StatusCode::kCorruption) {
      return verified.ok() ? Result<bool>(true) : Result<bool>(verified);
    }
    summary_.notes.push_back(
        fmt::format("a damaged file of earlier backups was replaced: {}", source.path));
    return false;
  }

  Status CopyOne(const Source& source, FileChecksum* checksum) {
    const std::string target = directory_->TemporaryPath();
    if (!source.contents.empty()) {
      DASHI_ASSIGN_OR_RETURN(*checksum, WriteNewFile(source.contents, target));
      DASHI_RETURN_IF_ERROR(Advance(source.size));
    } else {
      DASHI_RETURN_IF_ERROR(CopyFromDisk(source, target, checksum));
    }
    // Read back before it counts: a disk may take bytes and keep others.
    DASHI_RETURN_IF_ERROR(VerifyFile(target, source.size, *checksum, AdvanceByPiece()));
    return directory_->Adopt(source.size, *checksum);
  }

  Status CopyFromDisk(const Source& source, const std::string& target, FileChecksum* checksum) {
    const std::string path = state_->paths.root + "/" + source.path;
    OpenFile opened;
    if (source.file.get() < 0) {
      DASHI_ASSIGN_OR_RETURN(const int file, OpenForReading(path));
      opened = OpenFile(file);
    }
    const auto recorded = NewRecordedChecksum();
    DASHI_ASSIGN_OR_RETURN(
        *checksum, CopyToNewFile(opened.get() < 0 ? source.file : opened, path, source.size, target,
                                 [&](std::string_view piece) {
                                   recorded->Update(piece.data(), piece.size());
                                   return Advance(piece.size());
                                 }));
    recorded->Finalize();
    if (!source.recorded_checksum.empty() && recorded->GetChecksum() != source.recorded_checksum) {
      return Status::Corruption(
                 fmt::format("the database is damaged, and was not backed up: the checksum of "
                             "the file does not match: {}",
                             source.path))
          .WithHint("CHECK DATABASE lists what is damaged. Earlier backups are untouched.");
    }
    return Status::Ok();
  }

  RocksdbStoreState* const state_;
  const BackupOptions& options_;
  TaskMonitor* const monitor_;
  std::unique_ptr<BackupDirectory> directory_;
  std::map<FileKey, FileChecksum> earlier_;
  std::uint64_t done_ = 0;
  BackupSummary summary_;
};

}  // namespace

Result<BackupSummary> BackupRocksdbStore(RocksdbStoreState* state,
                                         const std::string& backup_directory,
                                         const BackupOptions& options, TaskMonitor* monitor) {
  return BackupRun(state, options, monitor).Run(backup_directory);
}

}  // namespace dashi::storage
