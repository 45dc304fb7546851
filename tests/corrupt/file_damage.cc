#include "tests/corrupt/file_damage.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <utility>

#include <fmt/format.h>

namespace dashi::corrupt {

namespace {

namespace fs = std::filesystem;

// Blocks of tables and logs are larger; small files have smaller ones.
constexpr std::size_t kBlockBytesMax = 4096;

std::string KindOf(const fs::path& path) {
  const std::string name = path.filename().string();
  const std::string ending = path.extension().string();
  if (ending == ".log") {
    return "WAL";
  }
  if (ending == ".sst") {
    return "SST";
  }
  if (ending == ".blob") {
    return "blob";
  }
  if (ending == ".segment") {
    return "index";
  }
  if (name == "DASHI") {
    return "marker";
  }
  if (name == "commit.watermark") {
    return "watermark";
  }
  return name.substr(0, name.find('-'));  // MANIFEST, OPTIONS, CURRENT, IDENTITY
}

bool IsNeverChangedInPlace(const std::string& kind) {
  return kind == "SST" || kind == "blob" || kind == "index";
}

std::string ReadAll(const std::string& path) {
  std::stringstream bytes;
  bytes << std::ifstream(path, std::ios::binary).rdbuf();
  return bytes.str();
}

void WriteAll(const std::string& path, std::string_view bytes) {
  std::ofstream(path, std::ios::binary) << bytes;
}

// Swaps two blocks that differ. Returns "" when there are none.
std::string SwapBlocks(std::string* bytes, Random* random) {
  const std::size_t block_bytes = std::min(kBlockBytesMax, bytes->size() / 4);
  if (block_bytes == 0) {
    return "";
  }
  const std::size_t num_blocks = bytes->size() / block_bytes;
  for (int attempt = 0; attempt < 20; ++attempt) {
    const std::size_t a = random->Uniform(num_blocks) * block_bytes;
    const std::size_t b = random->Uniform(num_blocks) * block_bytes;
    const std::string first = bytes->substr(a, block_bytes);
    const std::string second = bytes->substr(b, block_bytes);
    if (first != second) {
      bytes->replace(a, block_bytes, second);
      bytes->replace(b, block_bytes, first);
      return fmt::format("blocks of {} bytes at {} and {} swapped", block_bytes, a, b);
    }
  }
  return "";
}

Damage FlipBit(std::string* bytes, Random* random) {
  const std::size_t at = random->Uniform(bytes->size());
  const auto bit = static_cast<unsigned>(random->Uniform(8));
  (*bytes)[at] = static_cast<char>(static_cast<unsigned char>((*bytes)[at]) ^ (1U << bit));
  return {DamageKind::kBitFlip,
          fmt::format("bit {} of byte {} of {} flipped", bit, at, bytes->size())};
}

}  // namespace

std::vector<DatabaseFile> ListFiles(const std::string& directory) {
  std::vector<DatabaseFile> files;
  for (const auto& entry : fs::recursive_directory_iterator(directory)) {
    if (entry.is_regular_file() && entry.file_size() > 0) {
      files.push_back({fs::relative(entry.path(), directory).string(), KindOf(entry.path()),
                       entry.file_size()});
    }
  }
  std::sort(files.begin(), files.end(),
            [](const DatabaseFile& a, const DatabaseFile& b) { return a.path < b.path; });
  return files;
}

void CopyDatabase(const std::string& from, const std::string& to, const std::string& own) {
  fs::create_directories(to);
  for (const auto& entry : fs::recursive_directory_iterator(from)) {
    const fs::path relative = fs::relative(entry.path(), from);
    if (entry.is_directory()) {
      fs::create_directories(to / relative);
    } else if (relative.string() != own && IsNeverChangedInPlace(KindOf(entry.path()))) {
      fs::create_hard_link(entry.path(), to / relative);
    } else {
      fs::copy_file(entry.path(), to / relative);
    }
  }
}

Damage DamageFile(const std::string& path, Random* random) {
  const std::uint64_t choice = random->Uniform(10);
  if (choice == 0) {
    fs::remove(path);
    return {DamageKind::kDeletion, "deleted"};
  }
  std::string bytes = ReadAll(path);
  if (choice <= 2) {
    const std::size_t size = random->Uniform(bytes.size());
    fs::resize_file(path, size);
    return {DamageKind::kCut, fmt::format("cut to {} of {} bytes", size, bytes.size())};
  }
  if (choice <= 4) {
    const std::string swapped = SwapBlocks(&bytes, random);
    if (!swapped.empty()) {
      WriteAll(path, bytes);
      return {DamageKind::kBlockSwap, swapped};
    }
  }
  Damage damage = FlipBit(&bytes, random);
  WriteAll(path, bytes);
  return damage;
}

}  // namespace dashi::corrupt
