#include "trainer/tokens/token_cache.h"

#include <utility>

#include <fmt/format.h>

#include "base/byte_codec.h"
#include "base/logging.h"
#include "base/status.h"

namespace dashi::trainer {
namespace {

constexpr std::uint32_t kBlockBits = 16;
constexpr std::string_view kVocabulary = "vocabulary";

TokenGroup::Blobs ByPart(const std::vector<std::string>& names) {
  TokenGroup::Blobs blobs;
  for (const std::string& name : names) {
    const std::size_t slash = name.find('/');
    blobs.emplace(slash == std::string::npos ? name : name.substr(slash + 1), name);
  }
  return blobs;
}

}  // namespace

TokenGroup::TokenGroup(const storage::View& view, std::string name, const Blobs& blobs,
                       StateWriter* writer)
    : view_(view), name_(std::move(name)), blobs_(blobs), writer_(writer) {}

std::string TokenGroup::Part(std::string_view rest) const {
  return fmt::format("{}-{}", name_, rest);
}

std::optional<std::string> TokenGroup::Begin(std::uint64_t stamp) {
  stamp_ = stamp;
  has_begun_ = true;
  const auto blob = blobs_.find(Part(kVocabulary));
  if (blob == blobs_.end()) {
    return std::nullopt;
  }
  Result<std::string> bytes = view_.GetWeights(blob->second);
  if (!bytes.ok()) {
    LogWarning("token lists are made anew: {}", bytes.status().ToString());
    return std::nullopt;
  }
  ByteReader reader(bytes.value());
  std::uint64_t found = 0;
  if (!reader.ReadLittleEndian64(&found) || found != stamp) {
    return std::nullopt;
  }
  is_current_ = true;
  kept_.push_back(blob->second);
  return std::string(reader.rest());
}

void TokenGroup::MoveTo(storage::EntityKind table, std::uint32_t block) {
  std::string part = Part(fmt::format("{}-{}", storage::EntityTableName(table), block));
  if (block_part_ == part) {
    return;
  }
  Flush();
  block_part_ = std::move(part);
  const auto blob = blobs_.find(*block_part_);
  if (!is_current_ || blob == blobs_.end()) {
    return;
  }
  Result<std::string> bytes = view_.GetWeights(blob->second);
  Result<TokenLists> lists =
      bytes.ok() ? TokenLists::Decode(bytes.value(), stamp_) : Result<TokenLists>(bytes.status());
  if (lists.ok()) {
    old_ = std::move(lists).value();
  } else {
    LogWarning("token lists are made anew: {}: {}", blob->second, lists.status().ToString());
  }
}

void TokenGroup::Flush() {
  if (!block_part_) {
    return;
  }
  const bool stays = !is_dirty_ && at_ == old_.size();
  if (stays && old_.size() > 0) {
    kept_.push_back(blobs_.at(*block_part_));
  } else if (writer_ != nullptr && failure_.ok() && next_.size() > 0) {
    failure_ = writer_->Put(*block_part_, next_.Encode(stamp_));
    written_.push_back(*block_part_);
  }
  block_part_.reset();
  old_ = TokenLists();
  next_ = TokenLists();
  at_ = 0;
  is_dirty_ = false;
}

bool TokenGroup::Find(storage::EntityKind table, storage::Ordinal ordinal, std::uint64_t text_hash,
                      std::vector<std::uint32_t>* ids) {
  const std::uint32_t number = storage::ToInteger(ordinal);
  MoveTo(table, number >> kBlockBits);
  for (; at_ < old_.size() && old_.ordinal(at_) < number; ++at_) {
    is_dirty_ = true;  // The row is gone.
  }
  if (at_ == old_.size() || old_.ordinal(at_) != number) {
    return false;
  }
  const std::size_t found = at_++;
  if (old_.text_hash(found) != text_hash) {
    return false;
  }
  const std::span<const std::uint32_t> list = old_.ids(found);
  ids->assign(list.begin(), list.end());
  if (writer_ != nullptr) {
    next_.Append(number, text_hash, list);
  }
  ++num_found_;
  return true;
}

void TokenGroup::Add(storage::Ordinal ordinal, std::uint64_t text_hash,
                     std::span<const std::uint32_t> ids) {
  is_dirty_ = true;
  if (writer_ != nullptr) {
    next_.Append(storage::ToInteger(ordinal), text_hash, ids);
  }
  ++num_added_;
}

Status TokenGroup::Finish(std::vector<std::string>* kept, std::vector<std::string>* written) {
  Flush();
  if (writer_ != nullptr && has_begun_ && !is_current_ && failure_.ok()) {
    std::string bytes;
    AppendLittleEndian64(&bytes, stamp_);
    bytes += vocabulary_.value_or("");
    failure_ = writer_->Put(Part(kVocabulary), bytes);
    written_.push_back(Part(kVocabulary));
  }
  kept->insert(kept->end(), kept_.begin(), kept_.end());
  written->insert(written->end(), written_.begin(), written_.end());
  return failure_;
}

TokenCache::TokenCache(const storage::View& view, const std::vector<std::string>& names,
                       StateWriter* writer)
    : tokens(view, "tokens", ByPart(names), writer),
      features(view, "features", ByPart(names), writer) {}

}  // namespace dashi::trainer
