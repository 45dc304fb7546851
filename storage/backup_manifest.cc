#include "storage/backup_manifest.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "base/status.h"

namespace dashi::storage {

namespace {

using Json = nlohmann::json;

constexpr int kManifestFormat = 1;
constexpr std::string_view kTrailerWord = "\nxxh3 ";
constexpr std::size_t kHexDigits = 32;

FileChecksum ChecksumOf(std::string_view bytes) {
  ChecksumStream stream;
  stream.Update(bytes);
  return stream.Finish();
}

// "data/000012.sst" is; "/etc/passwd" and "data/../../x" are not.
bool IsInside(std::string_view path) {
  if (path.empty() || path.front() == '/' || path.back() == '/') {
    return false;
  }
  for (std::size_t begin = 0; begin <= path.size();) {
    const std::size_t end = std::min(path.find('/', begin), path.size());
    const std::string_view part = path.substr(begin, end - begin);
    if (part.empty() || part == "." || part == "..") {
      return false;
    }
    begin = end + 1;
  }
  return true;
}

BackupFile ReadFile(const Json& object) {
  BackupFile file;
  object.at("path").get_to(file.path);
  object.at("size").get_to(file.size);
  file.identity = object.value("identity", "");
  if (!IsInside(file.path) || !ParseHex(object.at("xxh3").get<std::string>(), &file.checksum)) {
    file.path.clear();
  }
  return file;
}

Status ReadManifest(const Json& object, BackupManifest* manifest) {
  if (object.at("format") != kManifestFormat) {
    return Status::Corruption("another format");
  }
  object.at("number").get_to(manifest->number);
  object.at("created_at").get_to(manifest->created_at_micros);
  object.at("commit_sequence").get_to(manifest->commit_sequence);
  object.at("engine_sequence").get_to(manifest->engine_sequence);
  object.at("database").get_to(manifest->database);
  for (const Json& entry : object.at("files")) {
    manifest->files.push_back(ReadFile(entry));
    if (manifest->files.back().path.empty()) {
      return Status::Corruption("a file without a good path and checksum");
    }
  }
  return Status::Ok();
}

}  // namespace

std::string EncodeBackupManifest(const BackupManifest& manifest) {
  Json files = Json::array();
  for (const BackupFile& file : manifest.files) {
    Json entry = {{"path", file.path}, {"size", file.size}, {"xxh3", ToHex(file.checksum)}};
    if (!file.identity.empty()) {
      entry["identity"] = file.identity;
    }
    files.push_back(std::move(entry));
  }
  const Json object = {{"format", kManifestFormat},
                       {"number", manifest.number},
                       {"created_at", manifest.created_at_micros},
                       {"commit_sequence", manifest.commit_sequence},
                       {"engine_sequence", manifest.engine_sequence},
                       {"database", manifest.database},
                       {"files", files}};
  std::string bytes = object.dump(1, ' ', false, Json::error_handler_t::replace);
  const FileChecksum checksum = ChecksumOf(bytes);
  bytes += kTrailerWord;
  bytes += ToHex(checksum) + "\n";
  return bytes;
}

bool DecodeBackupManifest(std::string_view bytes, BackupManifest* manifest) {
  *manifest = {};
  const std::size_t trailer_size = kTrailerWord.size() + kHexDigits + 1;
  if (bytes.size() < trailer_size) {
    return false;
  }
  const std::string_view body = bytes.substr(0, bytes.size() - trailer_size);
  const std::string_view trailer = bytes.substr(body.size());
  if (trailer != fmt::format("{}{}\n", kTrailerWord, ToHex(ChecksumOf(body)))) {
    return false;
  }
  return CatchAsStatus("backup manifest", [&] { return ReadManifest(Json::parse(body), manifest); })
      .ok();
}

}  // namespace dashi::storage
