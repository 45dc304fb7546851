#include <algorithm>
#include <filesystem>
#include <set>
#include <system_error>
#include <unistd.h>

#include <fmt/format.h>
#include <rocksdb/sst_file_reader.h>

#include "base/byte_codec.h"
#include "base/status.h"
#include "storage/file_checksum.h"
#include "storage/rocksdb_check.h"
#include "storage/rocksdb_live_files.h"

namespace dashi::storage {

namespace {

namespace fs = std::filesystem;

// Of segments, and of what programs wrote before those.
constexpr std::string_view kSegmentMagic = "DSHISEGM";
constexpr std::string_view kGraphMagic = "DSHIHNSW";
constexpr std::size_t kChecksumBytes = 16;

// Whether a file that a release of the picture needs is no longer needed: the release is gone, or
// labels that came after it were sealed anew. Its row changes before its files go.
Result<bool> WasDropped(CheckRun* run, const ReleaseRecord& release, const std::string& object) {
  std::string row;
  DASHI_ASSIGN_OR_RETURN(
      const bool found,
      run->state().engine->Get(Family::kMeta, ReleaseKey(release.model, release.number), &row));
  ReleaseRecord now;
  if (!found || !DecodeRelease(row, &now)) {
    return !found;
  }
  const std::vector<std::string> files = now.IndexFiles();
  return std::none_of(files.begin(), files.end(),
                      [&](const std::string& file) { return object == "index/" + file; });
}

// Reads a whole file piece by piece and reports what keeps it from being read. Returns its size,
// or nullopt after a report. `start` is the progress before it. With `owner` the file is that of a
// release, which may be dropped meanwhile.
Result<std::optional<std::uint64_t>> ReadFile(
    CheckRun* run, const std::string& object, const std::string& path, std::uint64_t start,
    const ReleaseRecord* owner, const std::function<void(std::string_view piece)>& visit) {
  const Result<int> file = OpenForReading(path);
  if (!file.ok()) {
    const bool missing = file.status().code() == StatusCode::kNotFound;
    if (missing && owner != nullptr) {
      DASHI_ASSIGN_OR_RETURN(const bool dropped, WasDropped(run, *owner, object));
      if (dropped) {
        return std::optional<std::uint64_t>();
      }
    }
    run->Report(object, missing ? "the file is missing" : "the file cannot be read",
                missing ? "" : std::string(file.status().message()));
    return std::optional<std::uint64_t>();
  }
  Status stopped;
  std::uint64_t done = 0;
  const Result<std::uint64_t> size =
      ReadInPieces(*file, path, ~std::uint64_t{0}, [&](std::string_view piece) {
        visit(piece);
        done += piece.size();
        stopped = run->monitor().Advance(start + done);
        return stopped;
      });
  ::close(*file);
  DASHI_RETURN_IF_ERROR(stopped);
  if (!size.ok()) {
    run->Report(object, "the file cannot be read", std::string(size.status().message()));
    return std::optional<std::uint64_t>();
  }
  return std::optional<std::uint64_t>(*size);
}

// An old file whose checksum was never recorded: its blocks have one each.
void CheckBlocks(CheckRun* run, const std::string& object, const std::string& path) {
  rocksdb::SstFileReader reader(run->state().engine->EmbeddingFileOptions());
  rocksdb::Status status = reader.Open(path);
  if (status.ok()) {
    status = reader.VerifyChecksum();
  }
  if (!status.ok()) {
    run->Report(object, "the checksum of a block does not match", status.ToString());
  }
}

Status CheckTableFile(CheckRun* run, const rocksdb::LiveFileStorageInfo& file,
                      std::uint64_t start) {
  const std::string object = "data/" + file.relative_filename;
  const std::string path = file.directory + "/" + file.relative_filename;
  const auto checksum = NewRecordedChecksum();
  DASHI_ASSIGN_OR_RETURN(const std::optional<std::uint64_t> size,
                         ReadFile(run, object, path, start, nullptr, [&](std::string_view piece) {
                           checksum->Update(piece.data(), piece.size());
                         }));
  if (!size) {
    return Status::Ok();
  }
  checksum->Finalize();
  ++run->report().num_files;
  run->report().num_file_bytes += *size;
  if (*size != file.size) {
    run->Report(object, "the file has the wrong size",
                fmt::format("got {}, want {}", *size, file.size));
  } else if (HasRecordedChecksum(file)) {
    if (checksum->GetChecksum() != file.file_checksum) {
      run->Report(object, "the checksum of the file does not match",
                  fmt::format("{} bytes", *size));
    }
  } else if (file.file_type == rocksdb::kTableFile) {
    CheckBlocks(run, object, path);
  }
  return Status::Ok();
}

// Every index file ends with the xxh3-128 of what stands before (docs/FORMATS.md).
Status CheckIndexFile(CheckRun* run, const ReleaseRecord& release, const std::string& file) {
  const std::string object = "index/" + file;
  ChecksumStream checksum;
  std::string magic;
  std::string tail;
  DASHI_ASSIGN_OR_RETURN(const std::optional<std::uint64_t> size,
                         ReadFile(run, object, run->state().paths.index + "/" + file, 0, &release,
                                  [&](std::string_view piece) {
                                    if (magic.empty()) {
                                      magic = piece.substr(0, kSegmentMagic.size());
                                    }
                                    // The last 16 bytes so far may be the checksum itself.
                                    tail += piece;
                                    const std::size_t known =
                                        tail.size() - std::min(tail.size(), kChecksumBytes);
                                    checksum.Update(std::string_view(tail).substr(0, known));
                                    tail.erase(0, known);
                                  }));
  if (!size) {
    return Status::Ok();
  }
  ++run->report().num_files;
  run->report().num_file_bytes += *size;
  ByteReader reader(tail);
  FileChecksum stored;
  if ((magic != kSegmentMagic && magic != kGraphMagic) || !reader.ReadLittleEndian64(&stored.low) ||
      !reader.ReadLittleEndian64(&stored.high)) {
    run->Report(object, "the file is no index file",
                fmt::format("of release {}@{}", release.model, release.number));
  } else if (stored != checksum.Finish()) {
    run->Report(object, "the checksum of the file does not match",
                fmt::format("of release {}@{}", release.model, release.number));
  }
  return Status::Ok();
}

void NoteLeftovers(CheckRun* run, const std::string& folder, std::string_view name,
                   const std::set<std::string>& kept) {
  std::error_code error;
  for (fs::directory_iterator it(folder, error), end; !error && it != end; it.increment(error)) {
    if (!kept.contains(it->path().filename().string())) {
      run->Note(fmt::format("a file that nothing names, which the next open removes: {}/{}", name,
                            it->path().filename().string()));
    }
  }
}

}  // namespace

Status CheckDataFiles(CheckRun* run) {
  const bool read_only = run->state().options.read_only;
  Result<std::unique_ptr<LiveFiles>> live = LiveFiles::Hold(run->state().engine->db(), read_only);
  if (!live.ok()) {
    run->Report("data", "the files cannot be listed", std::string(live.status().message()));
    return Status::Ok();
  }
  std::uint64_t total = 0;
  for (const rocksdb::LiveFileStorageInfo& file : (*live)->files()) {
    total += IsTableFile(file) ? file.size : 0;
  }
  run->monitor().BeginPhase("files", "bytes", total);
  std::uint64_t done = 0;
  for (const rocksdb::LiveFileStorageInfo& file : (*live)->files()) {
    if (IsTableFile(file)) {
      DASHI_RETURN_IF_ERROR(CheckTableFile(run, file, done));
      done += file.size;
    }
  }
  run->monitor().EndPhase(done);
  return Status::Ok();
}

Status CheckIndexFiles(CheckRun* run) {
  std::set<std::string> named;
  run->monitor().BeginPhase("index files", "bytes", 0);
  for (const ReleaseRecord& release : run->findings().releases) {
    for (const std::string& file : release.IndexFiles()) {
      named.insert(file);
      DASHI_RETURN_IF_ERROR(CheckIndexFile(run, release, file));
    }
  }
  run->monitor().EndPhase(0);
  NoteLeftovers(run, run->state().paths.index, "index", named);
  if (run->state().options.read_only) {
    NoteLeftovers(run, run->state().paths.tmp, "tmp", {});
  }
  return Status::Ok();
}

}  // namespace dashi::storage
