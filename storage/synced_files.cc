#include "storage/synced_files.h"

#include <algorithm>
#include <charconv>
#include <utility>

#include <fmt/format.h>
#include <xxhash.h>

#include "base/byte_codec.h"

namespace dashi::storage {

namespace {

constexpr std::string_view kMagic = "DASHILOG";
constexpr std::uint32_t kFormat = 1;
constexpr std::size_t kHeadBytes = 48;
constexpr std::size_t kLogBytes = 40;
constexpr std::size_t kSumBytes = 8;
static_assert(kHeadBytes + kSyncedLogsMax * kLogBytes + kSumBytes <= kSyncedFilesBytesMax);

constexpr std::string_view kLogEnding = ".log";
constexpr std::string_view kManifestStart = "MANIFEST-";

std::optional<std::uint64_t> ParseNumber(std::string_view digits) {
  std::uint64_t number = 0;
  const char* end = digits.data() + digits.size();
  const auto [rest, error] = std::from_chars(digits.data(), end, number);
  return error == std::errc() && rest == end && !digits.empty() ? std::optional(number)
                                                                : std::nullopt;
}

bool ReadLog(ByteReader* reader, SyncedLog* log) {
  std::uint64_t at_micros = 0;
  if (!reader->ReadLittleEndian64(&log->number) || !reader->ReadLittleEndian64(&log->bytes) ||
      !reader->ReadLittleEndian64(&log->birth.commits_before) ||
      !reader->ReadLittleEndian64(&log->birth.commits_begun) ||
      !reader->ReadLittleEndian64(&at_micros)) {
    return false;
  }
  log->birth.at_micros = static_cast<std::int64_t>(at_micros);
  return true;
}

}  // namespace

std::optional<std::uint64_t> ParseLogName(std::string_view name) {
  if (!name.ends_with(kLogEnding)) {
    return std::nullopt;
  }
  name.remove_suffix(kLogEnding.size());
  return ParseNumber(name);
}

std::string LogName(std::uint64_t number) { return fmt::format("{:06}{}", number, kLogEnding); }

std::optional<std::uint64_t> ParseManifestName(std::string_view name) {
  if (!name.starts_with(kManifestStart)) {
    return std::nullopt;
  }
  name.remove_prefix(kManifestStart.size());
  return ParseNumber(name);
}

std::string ManifestName(std::uint64_t number) {
  return fmt::format("{}{:06}", kManifestStart, number);
}

std::string EncodeSyncedFiles(const SyncedFiles& files, std::uint64_t turn) {
  const std::size_t num_logs = std::min(files.logs.size(), kSyncedLogsMax);
  std::string bytes(kMagic);
  AppendLittleEndian32(&bytes, kFormat);
  AppendLittleEndian32(&bytes, static_cast<std::uint32_t>(num_logs));
  AppendLittleEndian64(&bytes, turn);
  AppendLittleEndian64(&bytes, files.manifest_number);
  AppendLittleEndian64(&bytes, files.manifest_bytes);
  AppendLittleEndian64(&bytes, files.commits_ended);
  for (std::size_t i = 0; i < num_logs; ++i) {
    const SyncedLog& log = files.logs[i];
    AppendLittleEndian64(&bytes, log.number);
    AppendLittleEndian64(&bytes, log.bytes);
    AppendLittleEndian64(&bytes, log.birth.commits_before);
    AppendLittleEndian64(&bytes, log.birth.commits_begun);
    AppendLittleEndian64(&bytes, static_cast<std::uint64_t>(log.birth.at_micros));
  }
  AppendLittleEndian64(&bytes, XXH3_64bits(bytes.data(), bytes.size()));
  return bytes;
}

bool DecodeSyncedFiles(std::string_view bytes, SyncedFiles* files, std::uint64_t* turn) {
  ByteReader reader(bytes);
  std::string_view magic;
  std::uint32_t format = 0;
  std::uint32_t num_logs = 0;
  SyncedFiles found;
  std::uint64_t found_turn = 0;
  if (!reader.ReadBytes(kMagic.size(), &magic) || magic != kMagic ||
      !reader.ReadLittleEndian32(&format) || format != kFormat ||
      !reader.ReadLittleEndian32(&num_logs) || num_logs > kSyncedLogsMax ||
      !reader.ReadLittleEndian64(&found_turn) ||
      !reader.ReadLittleEndian64(&found.manifest_number) ||
      !reader.ReadLittleEndian64(&found.manifest_bytes) ||
      !reader.ReadLittleEndian64(&found.commits_ended)) {
    return false;
  }
  found.logs.resize(num_logs);
  for (SyncedLog& log : found.logs) {
    if (!ReadLog(&reader, &log)) {
      return false;
    }
  }
  const std::size_t size = bytes.size() - reader.rest().size();
  std::uint64_t sum = 0;
  if (!reader.ReadLittleEndian64(&sum) || sum != XXH3_64bits(bytes.data(), size)) {
    return false;
  }
  *files = std::move(found);
  *turn = found_turn;
  return true;
}

}  // namespace dashi::storage
