#include "tests/testing/power_gate.h"

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <fstream>

#include <fmt/format.h>

#include "base/status.h"

namespace dashi::testing {

namespace {

namespace fs = std::filesystem;

constexpr std::size_t kSectorBytes = 512;

std::string FolderOf(const std::string& path) { return fs::path(path).parent_path().string(); }

// One spelling for each path.
std::string Plain(std::string_view path) {
  std::string plain = fs::path(path).lexically_normal().string();
  while (plain.size() > 1 && plain.back() == '/') {
    plain.pop_back();
  }
  return plain;
}

}  // namespace

PowerGate::PowerGate(std::string_view folder) : folder_(Plain(folder)) {}

void PowerGate::CutAt(std::uint64_t nth) {
  MutexLock lock(mutex_);
  cut_at_ = num_changes_ + nth;
}

void PowerGate::Cut() {
  MutexLock lock(mutex_);
  cut_ = true;
}

bool PowerGate::is_cut() const {
  MutexLock lock(mutex_);
  return cut_;
}

std::uint64_t PowerGate::num_changes() const {
  MutexLock lock(mutex_);
  return num_changes_;
}

// Under the lock, so that no change is half noted when the power goes.
int PowerGate::Pass(const FileChange& change, const std::function<int(std::size_t size)>& make) {
  MutexLock lock(mutex_);
  cut_ = cut_ || ++num_changes_ == cut_at_;
  if (cut_) {
    return EIO;
  }
  const bool is_sync = change.step == FileStep::kSync || change.step == FileStep::kSyncFolder;
  const int error = is_sync ? 0 : make(change.bytes.size());
  if (error == 0) {
    Note(change);
  }
  return error;
}

void PowerGate::Note(const FileChange& change) {
  const std::string path = Plain(change.path);
  switch (change.step) {
    case FileStep::kCreate: {
      std::shared_ptr<Content>& content = names_[path];
      if (content == nullptr) {
        content = std::make_shared<Content>();
      }
      content->bytes.clear();
      break;
    }
    case FileStep::kWrite: {
      std::string& bytes = names_.at(path)->bytes;
      bytes.resize(std::max<std::size_t>(bytes.size(), change.offset + change.bytes.size()));
      bytes.replace(change.offset, change.bytes.size(), change.bytes);
      break;
    }
    case FileStep::kTruncate:
      names_.at(path)->bytes.resize(change.offset);
      break;
    case FileStep::kSync:
      names_.at(path)->synced = names_.at(path)->bytes;
      break;
    case FileStep::kRename:
      NoteRename(path, Plain(change.target));
      break;
    case FileStep::kLink:
      names_[Plain(change.target)] = names_.at(path);
      break;
    case FileStep::kRemove:
      names_.erase(path);
      break;
    case FileStep::kCreateFolder:
      names_[path] = nullptr;
      break;
    case FileStep::kSyncFolder:
      SyncNames(path);
      break;
  }
}

void PowerGate::NoteRename(const std::string& from, const std::string& to) {
  names_[to] = names_.at(from);
  names_.erase(from);
}

void PowerGate::SyncNames(const std::string& folder) {
  std::erase_if(synced_names_, [&](const auto& entry) { return FolderOf(entry.first) == folder; });
  for (const auto& [path, content] : names_) {
    if (FolderOf(path) == folder) {
      synced_names_[path] = content;
    }
  }
}

std::string PowerGate::Surviving(const Content& content, Survival survival, Random& random) const {
  const std::size_t synced = content.synced.size();
  const bool only_grew =
      content.bytes.size() >= synced && content.bytes.compare(0, synced, content.synced) == 0;
  if (survival == Survival::kSynced || content.bytes == content.synced) {
    return content.synced;
  }
  if (!only_grew) {
    // Written in place: the disk did it, or not.
    return random.Uniform(2) == 0 ? content.synced : content.bytes;
  }
  const std::size_t kept = synced + random.Uniform(content.bytes.size() - synced + 1);
  std::string bytes = content.bytes.substr(0, kept);
  if (survival == Survival::kTorn && kept > synced) {
    bytes.resize((kept + kSectorBytes - 1) / kSectorBytes * kSectorBytes, '\0');
  }
  return bytes;
}

std::string PowerGate::WriteSurvivors(const std::string& target, Survival survival,
                                      Random& random) {
  MutexLock lock(mutex_);
  DASHI_CHECK(cut_);
  // Either the names as they were synced, or, as a journal may have it, as they were at the end.
  const bool last_names = survival != Survival::kSynced && random.Uniform(2) == 0;
  const Names& names = last_names ? names_ : synced_names_;
  std::string lost;
  fs::create_directories(target);
  for (const auto& [path, content] : names) {
    const fs::path copy = fs::path(target) / fs::relative(path, folder_);
    // A name in a folder whose own name is lost is lost with it.
    if (fs::path(path) != fs::path(folder_) && !fs::exists(copy.parent_path())) {
      lost += fmt::format("{} (with its folder)\n", path);
      continue;
    }
    if (content == nullptr) {
      fs::create_directory(copy);
      continue;
    }
    const std::string bytes = Surviving(*content, survival, random);
    if (bytes != content->bytes) {
      lost += fmt::format("{}: {} of {} bytes\n", path, bytes.size(), content->bytes.size());
    }
    std::ofstream(copy, std::ios::binary) << bytes;
  }
  return lost;
}

}  // namespace dashi::testing
