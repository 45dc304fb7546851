#include "storage/database_directory.h"

#include <array>
#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <memory>
#include <set>
#include <system_error>
#include <vector>

#include <fmt/format.h>

#include "base/byte_codec.h"
#include "base/status.h"

namespace dashi::storage {

namespace {

namespace fs = std::filesystem;

constexpr std::string_view kMarkerTitle = "dashi database";
constexpr std::uint8_t kFormatFormat = 1;

std::string WithoutTrailingSlashes(std::string path) {
  while (path.size() > 1 && path.back() == '/') {
    path.pop_back();
  }
  return path;
}

std::string MarkerText() {
  return fmt::format("{}\nformat {}.{}\n", kMarkerTitle, kFormatVersion.major,
                     kFormatVersion.minor);
}

Result<std::set<std::string>> FileNames(const std::string& folder) {
  std::error_code error;
  std::set<std::string> names;
  for (fs::directory_iterator it(folder, error), end; !error && it != end; it.increment(error)) {
    names.insert(it->path().filename().string());
  }
  if (error) {
    return IoErrorOf("cannot list a directory", folder, error.value());
  }
  return names;
}

Status CheckMarker(const DirectoryPaths& paths) {
  std::ifstream file(paths.marker, std::ios::binary);
  if (!file) {
    return IoErrorOf("cannot read the marker file", paths.marker, errno);
  }
  std::array<char, 256> buffer{};
  file.read(buffer.data(), buffer.size() - 1);
  const std::string text(buffer.data(), static_cast<std::size_t>(file.gcount()));
  FormatVersion found;
  char tail = 0;
  if (!text.starts_with(fmt::format("{}\n", kMarkerTitle)) ||
      std::sscanf(text.c_str() + kMarkerTitle.size(), "\nformat %9u.%9u%c", &found.major,
                  &found.minor, &tail) != 3 ||
      tail != '\n') {
    return Status::Corruption(fmt::format("the marker file is damaged: {}", paths.marker));
  }
  return CheckFormat(found);
}

bool HoldsTables(const std::set<std::string>& names) {
  for (const std::string& name : names) {
    if (name.ends_with(".sst") || name.ends_with(".blob")) {
      return true;
    }
  }
  return false;
}

Status NotADatabase(const DirectoryPaths& paths) {
  return Status::InvalidArgument(
             fmt::format("the directory is not empty and not a dashi database: it has no file "
                         "DASHI: {}",
                         paths.root))
      .WithHint("Name a database directory, or one that is empty or does not exist yet.");
}

}  // namespace

DirectoryPaths::DirectoryPaths(const std::string& directory)
    : root(WithoutTrailingSlashes(directory)),
      marker(root + "/DASHI"),
      data(root + "/data"),
      index(root + "/index"),
      tmp(root + "/tmp"),
      unfinished_restore(root + "/DASHI.restoring"),
      watermark(root + "/commit.watermark") {}

Result<DirectoryState> InspectDirectory(const DirectoryPaths& paths) {
  std::error_code error;
  const fs::file_status status = fs::status(paths.root, error);
  if (status.type() == fs::file_type::not_found) {
    return DirectoryState::kAbsent;
  }
  if (error) {
    return IoErrorOf("cannot open the directory", paths.root, error.value());
  }
  if (status.type() != fs::file_type::directory) {
    return Status::InvalidArgument(fmt::format("not a directory: {}", paths.root));
  }
  DASHI_ASSIGN_OR_RETURN(const std::set<std::string> names, FileNames(paths.root));
  if (names.empty()) {
    return DirectoryState::kAbsent;
  }
  if (names.contains("DASHI")) {
    DASHI_RETURN_IF_ERROR(CheckMarker(paths));
    if (!fs::exists(paths.data + "/CURRENT", error)) {
      return Status::Corruption(
                 fmt::format("the database lost its file data/CURRENT: {}", paths.root))
          .WithHint(
              fmt::format("Restore a backup, or see what can be saved: dashi recover {} --to COPY.",
                          paths.root));
    }
    return DirectoryState::kDatabase;
  }
  if (names.contains("DASHI.restoring")) {
    return Status::InvalidArgument(
               fmt::format("the directory holds a restore that did not end: {}", paths.root))
        .WithHint("Remove the directory, and restore the backup again.");
  }
  // The marker is written last: a creation that was cut off left only our own empty folders.
  for (const std::string& name : names) {
    if (name != "data" && name != "index" && name != "tmp" && name != "DASHI.new") {
      return NotADatabase(paths);
    }
  }
  if (names.contains("data")) {
    DASHI_ASSIGN_OR_RETURN(const std::set<std::string> data_names, FileNames(paths.data));
    if (HoldsTables(data_names)) {
      return NotADatabase(paths);
    }
  }
  return DirectoryState::kUnfinished;
}

Status CreateFolders(const DirectoryPaths& paths, FileGate& gate) {
  std::error_code error;
  std::vector<std::string> missing = {paths.tmp, paths.index, paths.data, paths.root};
  for (fs::path above = fs::absolute(paths.root, error).parent_path();
       !error && !fs::exists(above, error) && above.has_relative_path();
       above = above.parent_path()) {
    missing.push_back(above.string());
  }
  // From the top down; the name of each is made durable in the folder that holds it, since a
  // database whose own name is lost loses everything.
  for (auto folder = missing.rbegin(); folder != missing.rend(); ++folder) {
    DASHI_ASSIGN_OR_RETURN(const bool created, CreateFolder(*folder, gate));
    if (created) {
      const fs::path holder = fs::path(*folder).parent_path();
      DASHI_RETURN_IF_ERROR(SyncFolder(holder.empty() ? "." : holder.string(), gate));
    }
  }
  return Status::Ok();
}

Status WriteMarker(const DirectoryPaths& paths, FileGate& gate) {
  const std::string temporary = paths.marker + ".new";
  {
    DASHI_ASSIGN_OR_RETURN(const std::unique_ptr<File> file, File::Create(temporary, gate));
    DASHI_RETURN_IF_ERROR(file->WriteAt(0, MarkerText()));
    DASHI_RETURN_IF_ERROR(file->Sync());
  }
  DASHI_RETURN_IF_ERROR(RenameFile(temporary, paths.marker, gate));
  return SyncFolder(paths.root, gate);
}

Status CheckFormat(FormatVersion found) {
  if (found.major > kFormatVersion.major) {
    return Status::Unimplemented(
               fmt::format("the database has a newer format than this program reads: database "
                           "{}.{}, program {}.{}",
                           found.major, found.minor, kFormatVersion.major, kFormatVersion.minor))
        .WithHint("Open it with the newer dashi that wrote it.");
  }
  return Status::Ok();
}

std::string EncodeFormat(FormatVersion version) {
  std::string bytes(1, static_cast<char>(kFormatFormat));
  AppendLittleEndian32(&bytes, version.major);
  AppendLittleEndian32(&bytes, version.minor);
  return bytes;
}

bool DecodeFormat(std::string_view bytes, FormatVersion* version) {
  ByteReader reader(bytes);
  std::uint8_t format = 0;
  // What follows the two numbers belongs to newer formats.
  return reader.ReadByte(&format) && format == kFormatFormat &&
         reader.ReadLittleEndian32(&version->major) && reader.ReadLittleEndian32(&version->minor);
}

}  // namespace dashi::storage
