#include "storage/pending_writes.h"

#include <utility>

#include "base/status.h"

namespace dashi::storage {

namespace {

// What a map node costs beside the bytes of key and value.
constexpr std::uint64_t kNodeBytes = 128;

std::uint64_t BytesOf(const PendingWrites::Entry& entry) {
  return entry.value ? entry.value->size() : 0;
}

}  // namespace

void PendingWrites::Put(Family family, std::string key, std::string value, bool stored_before) {
  Write(family, std::move(key), Entry{std::move(value), stored_before});
}

void PendingWrites::Delete(Family family, std::string key, bool stored_before) {
  Write(family, std::move(key), Entry{std::nullopt, stored_before});
}

void PendingWrites::Write(Family family, std::string key, Entry entry) {
  Entries& entries = entries_[ToIndex(family)];
  const auto found = entries.find(key);
  std::optional<Entry> previous;
  if (found == entries.end()) {
    bytes_ += key.size() + BytesOf(entry) + kNodeBytes;
    if (!savepoints_.empty()) {
      undo_.push_back({family, key, std::nullopt});
    }
    entries.emplace(std::move(key), std::move(entry));
    return;
  }
  entry.stored_before = found->second.stored_before;
  bytes_ += BytesOf(entry);
  if (savepoints_.empty()) {
    bytes_ -= BytesOf(found->second);
  } else {
    bytes_ += key.size() + kNodeBytes;
    undo_.push_back({family, std::move(key), std::move(found->second)});
  }
  found->second = std::move(entry);
}

const PendingWrites::Entry* PendingWrites::Find(Family family, std::string_view key) const {
  const Entries& entries = entries_[ToIndex(family)];
  const auto found = entries.find(key);
  return found == entries.end() ? nullptr : &found->second;
}

bool PendingWrites::empty() const {
  for (const Entries& entries : entries_) {
    if (!entries.empty()) {
      return false;
    }
  }
  return true;
}

void PendingWrites::SetSavepoint() { savepoints_.push_back(undo_.size()); }

void PendingWrites::RollbackToSavepoint() {
  DASHI_CHECK(!savepoints_.empty());
  while (undo_.size() > savepoints_.back()) {
    Undo& undo = undo_.back();
    Entries& entries = entries_[ToIndex(undo.family)];
    const auto found = entries.find(undo.key);
    bytes_ -= undo.key.size() + BytesOf(found->second) + kNodeBytes;
    if (undo.previous) {
      found->second = std::move(*undo.previous);
    } else {
      entries.erase(found);
    }
    undo_.pop_back();
  }
  savepoints_.pop_back();
}

void PendingWrites::ReleaseSavepoint() {
  DASHI_CHECK(!savepoints_.empty());
  savepoints_.pop_back();
  if (!savepoints_.empty()) {
    return;
  }
  for (const Undo& undo : undo_) {
    if (undo.previous) {
      bytes_ -= undo.key.size() + BytesOf(*undo.previous) + kNodeBytes;
    }
  }
  undo_.clear();
}

}  // namespace dashi::storage
