#include "storage/load_id_run.h"

#include <algorithm>

#include "base/status.h"

namespace dashi::storage {

namespace {

constexpr std::size_t kPrefixBytes = 8;

// A shorter id is filled up with zeros; ids that then agree are compared whole.
std::uint64_t PrefixOf(std::string_view id) {
  std::uint64_t prefix = 0;
  for (std::size_t i = 0; i < kPrefixBytes; ++i) {
    prefix = prefix << 8U | (i < id.size() ? static_cast<unsigned char>(id[i]) : 0U);
  }
  return prefix;
}

}  // namespace

bool LoadIdRun::IsLess(const Entry& a, const Entry& b) const {
  return a.prefix != b.prefix ? a.prefix < b.prefix : IdOf(a) < IdOf(b);
}

void LoadIdRun::Add(std::string_view id, Ordinal ordinal) {
  const Entry entry{PrefixOf(id), static_cast<std::uint32_t>(ids_.size()),
                    static_cast<std::uint32_t>(id.size()), ordinal};
  ids_ += id;
  sorted_ = sorted_ && (entries_.empty() || IsLess(entries_.back(), entry));
  entries_.push_back(entry);
}

Status LoadIdRun::Drain(const std::function<Status(std::string_view id, Ordinal ordinal)>& visit) {
  if (!sorted_) {
    std::sort(entries_.begin(), entries_.end(),
              [this](const Entry& a, const Entry& b) { return IsLess(a, b); });
    sorted_ = true;
  }
  for (const Entry& entry : entries_) {
    DASHI_RETURN_IF_ERROR(visit(IdOf(entry), entry.ordinal));
  }
  ids_.clear();
  entries_.clear();
  return Status::Ok();
}

}  // namespace dashi::storage
