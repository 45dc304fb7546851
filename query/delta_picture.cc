#include "query/delta_picture.h"

#include <algorithm>
#include <utility>

#include "base/status.h"
#include "index/vector_kernels.h"
#include "storage/store.h"

namespace dashi::query {
namespace {

constexpr std::size_t kTextsPerBatch = 1024;
/// A picture is written anew when more rows than this, and more than its entries, are dead.
constexpr std::size_t kDeadRowsMax = 4 * kDeltaBlockRows;

template <typename Range>
auto FindOrdinal(const Range& range, storage::Ordinal ordinal) {
  return std::lower_bound(range.begin(), range.end(), ordinal,
                          [](const DeltaPicture::Entry& entry, storage::Ordinal wanted) {
                            return entry.ordinal < wanted;
                          });
}

std::optional<index::Position> PositionOf(std::span<const storage::Ordinal> ordinals,
                                          storage::Ordinal ordinal) {
  const auto found = std::lower_bound(ordinals.begin(), ordinals.end(), ordinal);
  if (found == ordinals.end() || *found != ordinal) {
    return std::nullopt;
  }
  return static_cast<index::Position>(found - ordinals.begin());
}

std::optional<index::Position> FindSealed(const DeltaPicture& picture, storage::Ordinal ordinal) {
  return picture.sealed == nullptr ? std::nullopt : PositionOf(picture.sealed->ordinals(), ordinal);
}

/// Sets a position in a copy of a set that is made when it first changes. No set: all.
void SetLive(index::Position position, bool live,
             const std::shared_ptr<const index::PositionSet>& from, std::size_t num_positions,
             std::optional<index::PositionSet>* copy) {
  if (!*copy) {
    if (live == (from == nullptr || from->Contains(position))) {
      return;
    }
    *copy = from == nullptr ? index::PositionSet::AllBut({}, num_positions) : *from;
  }
  (*copy)->Set(position, live);
}

/// The set that was changed, or the one that it came from.
void TakeLive(std::optional<index::PositionSet> changed,
              std::shared_ptr<const index::PositionSet>* set) {
  if (changed && changed->size() == changed->num_positions()) {
    *set = nullptr;
  } else if (changed) {
    *set = std::make_shared<const index::PositionSet>(*std::move(changed));
  }
}

}  // namespace

std::optional<index::Position> BaseRows::Find(storage::Ordinal ordinal) const {
  return PositionOf(ordinals, ordinal);
}

const DeltaPicture::Entry* DeltaPicture::Find(storage::Ordinal ordinal) const {
  const auto found = FindOrdinal(entries, ordinal);
  return found != entries.end() && found->ordinal == ordinal ? &*found : nullptr;
}

std::span<const std::uint16_t> DeltaPicture::Vector(index::Position position,
                                                    std::size_t dim) const {
  const DeltaBlock& block = *blocks[position / kDeltaBlockRows];
  return std::span(block.vectors).subspan(position % kDeltaBlockRows * dim, dim);
}

Result<DeltaRows> ReadDeltaRows(const DeltaPicture& picture, std::size_t dim) {
  DeltaRows rows;
  rows.ordinals.reserve(picture.num_rows());
  rows.text_hashes.reserve(picture.num_rows());
  rows.vectors.reserve(picture.num_rows() * dim);
  const auto add = [&](storage::Ordinal ordinal, std::uint64_t text_hash,
                       std::span<const std::uint16_t> vector) {
    rows.ordinals.push_back(ordinal);
    rows.text_hashes.push_back(text_hash);
    rows.vectors.insert(rows.vectors.end(), vector.begin(), vector.end());
  };
  auto entry = picture.entries.begin();
  const auto add_entries = [&](std::optional<storage::Ordinal> before) {
    for (; entry != picture.entries.end() && (!before || entry->ordinal < *before); ++entry) {
      add(entry->ordinal, entry->text_hash, picture.Vector(entry->position, dim));
    }
  };
  std::vector<std::uint16_t> vector(dim);
  for (index::Position position = 0; position < picture.num_sealed(); ++position) {
    if (picture.live_sealed == nullptr || picture.live_sealed->Contains(position)) {
      const storage::Ordinal ordinal = picture.sealed->ordinals()[position];
      add_entries(ordinal);
      DASHI_RETURN_IF_ERROR(ReadSealedVector(*picture.sealed, position, &vector));
      add(ordinal, picture.sealed->text_hashes()[position], vector);
    }
  }
  add_entries(std::nullopt);
  return rows;
}

Status ReadSealedVector(const ServingIndex& sealed, index::Position position,
                        std::vector<std::uint16_t>* vector) {
  std::vector<float> values(sealed.dim());
  DASHI_RETURN_IF_ERROR(sealed.Reconstruct(position, values.data()));
  vector->resize(values.size());
  index::ToHalf(values.data(), vector->data(), values.size());  // They were binary16: exact.
  return Status::Ok();
}

std::shared_ptr<const DeltaPicture> PictureOfSealed(const BaseRows& base,
                                                    std::shared_ptr<const ServingIndex> sealed) {
  auto picture = std::make_shared<DeltaPicture>();
  std::vector<index::Position> replaced;
  replaced.reserve(std::min(sealed->num_vectors(), base.ordinals.size()));
  for (const storage::Ordinal ordinal : sealed->ordinals()) {
    if (const auto in_base = base.Find(ordinal)) {
      replaced.push_back(*in_base);
    }
  }
  if (!replaced.empty()) {
    picture->live_base = std::make_shared<const index::PositionSet>(
        index::PositionSet::AllBut(replaced, base.ordinals.size()));
  }
  picture->sealed = std::move(sealed);
  return picture;
}

DeltaDerivation::DeltaDerivation(const BaseRows& base, const DeltaPicture& from,
                                 const DeltaResources& resources)
    : base_(base),
      from_(from),
      resources_(resources),
      dim_(resources.encoder.dim()),
      made_(std::make_shared<DeltaPicture>()) {
  made_->blocks = from.blocks;
  made_->live_base = from.live_base;
  made_->sealed = from.sealed;
  made_->live_sealed = from.live_sealed;
}

/// Notes which of the indexes is right about a row now.
void DeltaDerivation::MarkRow(storage::Ordinal ordinal, std::optional<index::Position> in_base,
                              bool base_is_right, bool sealed_is_right) {
  if (in_base) {
    SetLive(*in_base, base_is_right, from_.live_base, base_.ordinals.size(), &live_base_);
  }
  if (const auto in_sealed = FindSealed(*made_, ordinal)) {
    SetLive(*in_sealed, sealed_is_right, from_.live_sealed, from_.num_sealed(), &live_sealed_);
  }
}

Status DeltaDerivation::Change(storage::Ordinal ordinal, std::optional<std::string_view> text) {
  Changed& changed = changed_.emplace_back();
  changed.ordinal = ordinal;
  const std::optional<index::Position> in_base = base_.Find(ordinal);
  if (!text) {
    MarkRow(ordinal, in_base, /*base_is_right=*/false, /*sealed_is_right=*/false);
    return Status::Ok();
  }
  changed.text_hash = storage::HashText(*text);
  const bool base_is_right = in_base && base_.text_hashes[*in_base] == changed.text_hash;
  const auto in_sealed = base_is_right ? std::nullopt : FindSealed(*made_, ordinal);
  const bool sealed_is_right =
      in_sealed && made_->sealed->text_hashes()[*in_sealed] == changed.text_hash;
  MarkRow(ordinal, in_base, base_is_right, sealed_is_right);
  if (base_is_right || sealed_is_right) {
    return Status::Ok();
  }
  changed.has_entry = true;
  const DeltaPicture::Entry* before = from_.Find(ordinal);
  if (before != nullptr && before->text_hash == changed.text_hash) {
    changed.position = before->position;
    return Status::Ok();
  }
  std::vector<std::uint16_t> vector;
  if (resources_.known && resources_.known(ordinal, changed.text_hash, &vector)) {
    return Append(&changed, vector);
  }
  texts_.emplace_back(*text);
  text_changes_.push_back(changed_.size() - 1);
  return texts_.size() < kTextsPerBatch ? Status::Ok() : EmbedTexts();
}

Status DeltaDerivation::EmbedTexts() {
  if (resources_.check_stop) {
    DASHI_RETURN_IF_ERROR(resources_.check_stop());
  }
  const std::vector<std::string_view> views(texts_.begin(), texts_.end());
  std::vector<float> floats(views.size() * dim_);    // [texts, dim]
  std::vector<std::uint16_t> halves(floats.size());  // [texts, dim]
  DASHI_RETURN_IF_ERROR(resources_.encoder.EncodeBatch(views, floats, resources_.pool));
  index::ToHalf(floats.data(), halves.data(), halves.size());
  for (std::size_t i = 0; i < views.size(); ++i) {
    Changed& changed = changed_[text_changes_[i]];
    const auto vector = std::span<const std::uint16_t>(halves).subspan(i * dim_, dim_);
    DASHI_RETURN_IF_ERROR(Append(&changed, vector));
    if (resources_.embedded) {
      resources_.embedded(changed.text_hash, vector);
    }
  }
  texts_.clear();
  text_changes_.clear();
  return Status::Ok();
}

Status DeltaDerivation::Append(Changed* changed, std::span<const std::uint16_t> vector) {
  if (open_ == nullptr) {
    open_ = std::make_shared<DeltaBlock>();
    std::vector<std::shared_ptr<const DeltaBlock>>& blocks = made_->blocks;
    if (!blocks.empty() && blocks.back()->ordinals.size() < kDeltaBlockRows) {
      open_->vectors = blocks.back()->vectors;
      open_->ordinals = blocks.back()->ordinals;
      blocks.pop_back();
    }
  }
  changed->position =
      static_cast<index::Position>(made_->blocks.size() * kDeltaBlockRows + open_->ordinals.size());
  open_->vectors.insert(open_->vectors.end(), vector.begin(), vector.end());
  open_->ordinals.push_back(changed->ordinal);
  return open_->ordinals.size() < kDeltaBlockRows ? Status::Ok() : SealBlock();
}

Status DeltaDerivation::SealBlock() {
  open_->memory =
      std::make_unique<storage::MemoryLease>(resources_.budget, storage::MemoryUse::kReleases);
  DASHI_RETURN_IF_ERROR(resources_.grow(open_->memory.get(),
                                        open_->vectors.capacity() * sizeof(std::uint16_t) +
                                            open_->ordinals.capacity() * sizeof(storage::Ordinal)));
  made_->blocks.push_back(std::move(open_));
  open_ = nullptr;
  return Status::Ok();
}

void DeltaDerivation::MergeEntries() {
  std::vector<DeltaPicture::Entry>& entries = made_->entries;
  entries.reserve(from_.entries.size() + changed_.size());
  auto before = from_.entries.begin();
  for (const Changed& changed : changed_) {
    for (; before != from_.entries.end() && before->ordinal < changed.ordinal; ++before) {
      entries.push_back(*before);
    }
    if (before != from_.entries.end() && before->ordinal == changed.ordinal) {
      ++before;
    }
    if (changed.has_entry) {
      entries.push_back({changed.ordinal, changed.position, changed.text_hash});
    }
  }
  entries.insert(entries.end(), before, from_.entries.end());
}

// Writes the vectors that entries have into blocks of their own.
Status DeltaDerivation::Compact() {
  const std::vector<std::shared_ptr<const DeltaBlock>> old = std::exchange(made_->blocks, {});
  for (DeltaPicture::Entry& entry : made_->entries) {
    const DeltaBlock& block = *old[entry.position / kDeltaBlockRows];
    Changed moved{entry.ordinal, true, 0, entry.text_hash};
    DASHI_RETURN_IF_ERROR(Append(
        &moved, std::span(block.vectors).subspan(entry.position % kDeltaBlockRows * dim_, dim_)));
    entry.position = moved.position;
  }
  return open_ == nullptr ? Status::Ok() : SealBlock();
}

Result<std::shared_ptr<const DeltaPicture>> DeltaDerivation::Finish() {
  if (!texts_.empty()) {
    DASHI_RETURN_IF_ERROR(EmbedTexts());
  }
  if (open_ != nullptr) {
    DASHI_RETURN_IF_ERROR(SealBlock());
  }
  MergeEntries();
  const std::size_t num_rows =
      made_->blocks.empty()
          ? 0
          : (made_->blocks.size() - 1) * kDeltaBlockRows + made_->blocks.back()->ordinals.size();
  const std::size_t num_dead = num_rows - made_->entries.size();
  if (num_dead > kDeadRowsMax && num_dead > made_->entries.size()) {
    DASHI_RETURN_IF_ERROR(Compact());
  }
  made_->live.resize(made_->blocks.size() * kDeltaBlockRows);
  for (const DeltaPicture::Entry& entry : made_->entries) {
    made_->live[entry.position] = true;
  }
  TakeLive(std::move(live_base_), &made_->live_base);
  TakeLive(std::move(live_sealed_), &made_->live_sealed);
  made_->memory =
      std::make_unique<storage::MemoryLease>(resources_.budget, storage::MemoryUse::kReleases);
  const std::size_t num_bits = made_->live.size() +
                               (made_->live_base == nullptr ? 0 : base_.ordinals.size()) +
                               (made_->live_sealed == nullptr ? 0 : made_->num_sealed());
  DASHI_RETURN_IF_ERROR(resources_.grow(
      made_->memory.get(), made_->entries.capacity() * sizeof(DeltaPicture::Entry) + num_bits / 8));
  return std::shared_ptr<const DeltaPicture>(std::move(made_));
}

}  // namespace dashi::query
