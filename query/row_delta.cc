#include "query/row_delta.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "base/status.h"

namespace dashi::query {
namespace {

using storage::Ordinal;
using storage::RowChanges;
using storage::View;

constexpr std::size_t kPicturesMax = 8;
constexpr std::size_t kRememberedTextsMax = 16'384;
constexpr std::size_t kRowsPerRead = 256;

void SortUnique(std::vector<Ordinal>* ordinals) {
  std::sort(ordinals->begin(), ordinals->end());
  ordinals->erase(std::unique(ordinals->begin(), ordinals->end()), ordinals->end());
}

bool Intersect(const std::vector<Ordinal>& a, const std::vector<Ordinal>& b) {
  std::vector<Ordinal> both;
  std::set_intersection(a.begin(), a.end(), b.begin(), b.end(), std::back_inserter(both));
  return !both.empty();
}

std::vector<Ordinal> Union(const std::vector<Ordinal>& a, const std::vector<Ordinal>& b) {
  std::vector<Ordinal> all;
  std::set_union(a.begin(), a.end(), b.begin(), b.end(), std::back_inserter(all));
  return all;
}

void Report(const DeltaResources& resources, std::uint64_t done, std::uint64_t total) {
  constexpr std::uint64_t kRowsPerReport = 64;
  if (resources.rows_done && (done % kRowsPerReport == 0 || done == total)) {
    resources.rows_done(done, total);
  }
}

}  // namespace

RowDelta::RowDelta(storage::EntityKind kind, std::uint64_t snapshot_sequence, BaseRows base,
                   storage::MemoryBudget* budget)
    : kind_(kind), base_(base), remembered_memory_(budget, storage::MemoryUse::kReleases) {
  kept_.push_back({0, snapshot_sequence, std::make_shared<DeltaPicture>(), 0});
}

void RowDelta::Seed(KnownEmbeddings known) {
  const MutexLock lock(mutex_);
  seeds_ = std::move(known);
}

void RowDelta::StartFrom(std::shared_ptr<const ServingIndex> sealed, std::uint64_t sequence) {
  std::shared_ptr<const DeltaPicture> picture = PictureOfSealed(base_, std::move(sealed));
  const MutexLock lock(mutex_);
  kept_.push_back({sequence, sequence, std::move(picture), 0});
  sealed_sequence_ = sequence;
}

Status RowDelta::Adopt(std::shared_ptr<const ServingIndex> sealed, std::uint64_t sequence,
                       const std::function<Result<std::shared_ptr<const View>>()>& new_view,
                       DeltaResources resources) {
  UseWhatIsKnown(&resources);
  Kept adopted{sequence, sequence, PictureOfSealed(base_, std::move(sealed)), 0};
  {
    DASHI_ASSIGN_OR_RETURN(const auto view, new_view());
    DASHI_RETURN_IF_ERROR(Advance(*view, resources, &adopted));
  }
  // What little has come since, while no picture is kept, so that none is of a later commit.
  const MutexLock extend_lock(extend_mutex_);
  DASHI_ASSIGN_OR_RETURN(const auto view, new_view());
  DASHI_RETURN_IF_ERROR(Advance(*view, resources, &adopted));
  const MutexLock lock(mutex_);
  adopted.last_used = ++num_uses_;
  kept_.resize(1);
  kept_.push_back(std::move(adopted));
  sealed_sequence_ = sequence;
  seeds_ = {};
  return Status::Ok();
}

Status RowDelta::Advance(const View& view, const DeltaResources& resources, Kept* kept) const {
  DASHI_ASSIGN_OR_RETURN(const std::uint64_t now, view.CommitSequence());
  DASHI_ASSIGN_OR_RETURN(const Changes changes, ReadChanges(view, kept->last_sequence, now));
  if (!changes.complete || Intersect(changes.committed, changes.own)) {
    return Status::Aborted("the labels that were sealed have changed meanwhile");
  }
  if (!changes.committed.empty()) {
    DASHI_ASSIGN_OR_RETURN(kept->picture,
                           Derive(view, *kept->picture, changes.committed, resources));
  }
  kept->first_sequence = kept->last_sequence = now;
  return Status::Ok();
}

std::shared_ptr<const ServingIndex> RowDelta::sealed() const {
  const MutexLock lock(mutex_);
  return kept_.back().picture->sealed;
}

std::uint64_t RowDelta::sealed_sequence() const {
  const MutexLock lock(mutex_);
  return sealed_sequence_;
}

void RowDelta::UseWhatIsKnown(DeltaResources* resources) {
  resources->known = [this](Ordinal ordinal, std::uint64_t text_hash,
                            std::vector<std::uint16_t>* vector) {
    return FindKnown(ordinal, text_hash, vector);
  };
}

Result<std::shared_ptr<const DeltaPicture>> RowDelta::At(const View& view,
                                                         DeltaResources resources) {
  UseWhatIsKnown(&resources);
  DASHI_ASSIGN_OR_RETURN(const std::uint64_t sequence, view.CommitSequence());
  DASHI_ASSIGN_OR_RETURN(Reached reached, Reach(view, sequence, resources));
  if (reached.own.empty()) {
    return std::move(reached.picture);
  }
  resources.embedded = [this](std::uint64_t text_hash, std::span<const std::uint16_t> vector) {
    Remember(text_hash, vector);
  };
  return Derive(view, *reached.picture, reached.own, resources);
}

Result<RowDelta::Reached> RowDelta::Reach(const View& view, std::uint64_t sequence,
                                          const DeltaResources& resources) {
  const std::uint64_t first_sequence = NoteFirstView(sequence);
  Kept kept = Choose(sequence);
  DASHI_ASSIGN_OR_RETURN(Changes changes,
                         ReadChanges(view, std::min(kept.last_sequence, sequence), sequence));
  if (changes.complete && changes.committed.empty()) {
    NoteReach(kept.picture.get(), sequence);
    return Reached{std::move(kept.picture), std::move(changes.own)};
  }
  if (resources.needed_sequence && changes.complete &&
      changes.committed.size() > kChangesAtOnceMax &&
      kept.last_sequence >=
          std::min(std::max(*resources.needed_sequence, first_sequence), sequence)) {
    if (resources.num_left_out != nullptr) {
      *resources.num_left_out = changes.committed.size();
    }
    return Reached{std::move(kept.picture), std::move(changes.own)};
  }
  MutexLock lock(extend_mutex_);
  return Extend(view, sequence, resources);
}

std::uint64_t RowDelta::NoteFirstView(std::uint64_t sequence) {
  const MutexLock lock(mutex_);
  if (!first_view_) {
    first_view_ = sequence;
  }
  return *first_view_;
}

// Looks again, since another statement may have come as far meanwhile.
Result<RowDelta::Reached> RowDelta::Extend(const View& view, std::uint64_t sequence,
                                           const DeltaResources& resources) {
  Kept kept = Choose(sequence);
  DASHI_ASSIGN_OR_RETURN(Changes changes,
                         ReadChanges(view, std::min(kept.last_sequence, sequence), sequence));
  if (!changes.complete) {
    DASHI_ASSIGN_OR_RETURN(std::shared_ptr<const DeltaPicture> picture,
                           CompareAll(view, resources));
    if (changes.own.empty()) {
      Keep(sequence, picture);
    }
    return Reached{std::move(picture), {}};
  }
  if (changes.committed.empty()) {
    return Reached{std::move(kept.picture), std::move(changes.own)};
  }
  if (Intersect(changes.committed, changes.own)) {
    // The view has a text for such a row that others at this sequence do not see.
    DASHI_ASSIGN_OR_RETURN(
        std::shared_ptr<const DeltaPicture> picture,
        Derive(view, *kept.picture, Union(changes.committed, changes.own), resources));
    return Reached{std::move(picture), {}};
  }
  DASHI_ASSIGN_OR_RETURN(std::shared_ptr<const DeltaPicture> picture,
                         Derive(view, *kept.picture, changes.committed, resources));
  Keep(sequence, picture);
  return Reached{std::move(picture), std::move(changes.own)};
}

Result<RowDelta::Changes> RowDelta::ReadChanges(const View& view, std::uint64_t since,
                                                std::uint64_t sequence) const {
  DASHI_ASSIGN_OR_RETURN(const RowChanges read, view.ChangesSince(kind_, since));
  Changes changes;
  changes.complete = read.complete;
  for (const RowChanges::Entry& entry : read.entries) {
    std::vector<Ordinal>& ordinals =
        entry.commit_sequence <= sequence ? changes.committed : changes.own;
    for (std::uint32_t i = 0; i < entry.run.count; ++i) {
      ordinals.push_back(Ordinal{storage::ToInteger(entry.run.first) + i});
    }
  }
  SortUnique(&changes.committed);
  SortUnique(&changes.own);
  return changes;
}

Result<std::shared_ptr<const DeltaPicture>> RowDelta::Derive(
    const View& view, const DeltaPicture& from, std::span<const Ordinal> changed,
    const DeltaResources& resources) const {
  DeltaDerivation derivation(base_, from, resources);
  for (std::size_t begin = 0; begin < changed.size(); begin += kRowsPerRead) {
    const std::span<const Ordinal> wanted =
        changed.subspan(begin, std::min(kRowsPerRead, changed.size() - begin));
    DASHI_ASSIGN_OR_RETURN(const auto rows, view.GetRows(kind_, wanted));
    for (std::size_t i = 0; i < wanted.size(); ++i) {
      const auto text = rows[i] ? std::optional<std::string_view>(rows[i]->text) : std::nullopt;
      DASHI_RETURN_IF_ERROR(derivation.Change(wanted[i], text));
      Report(resources, begin + i + 1, changed.size());
    }
  }
  return derivation.Finish();
}

Result<std::shared_ptr<const DeltaPicture>> RowDelta::CompareAll(
    const View& view, const DeltaResources& resources) const {
  DeltaPicture nothing;
  nothing.sealed = sealed();
  // Rows that are not met are dead.
  nothing.live_sealed = std::make_shared<const index::PositionSet>(std::vector<index::Position>(),
                                                                   nothing.num_sealed());
  DeltaDerivation derivation(base_, nothing, resources);
  auto base = base_.ordinals.begin();
  std::uint64_t num_rows = 0;
  const auto cursor = view.ScanRows(kind_);
  for (;;) {
    DASHI_ASSIGN_OR_RETURN(const bool more, cursor->Next());
    for (; base != base_.ordinals.end() && (!more || *base < cursor->ordinal()); ++base) {
      DASHI_RETURN_IF_ERROR(derivation.Change(*base, std::nullopt));
    }
    if (!more) {
      return derivation.Finish();
    }
    if (base != base_.ordinals.end() && *base == cursor->ordinal()) {
      ++base;
    }
    DASHI_RETURN_IF_ERROR(derivation.Change(cursor->ordinal(), cursor->row().text));
    Report(resources, ++num_rows, /*total=*/0);
  }
}

RowDelta::Kept RowDelta::Choose(std::uint64_t sequence) {
  const MutexLock lock(mutex_);
  auto chosen = kept_.begin();
  for (auto kept = kept_.begin(); kept != kept_.end() && kept->first_sequence <= sequence; ++kept) {
    chosen = kept;
  }
  chosen->last_used = ++num_uses_;
  return *chosen;
}

void RowDelta::NoteReach(const DeltaPicture* picture, std::uint64_t sequence) {
  const MutexLock lock(mutex_);
  for (Kept& kept : kept_) {
    if (kept.picture.get() == picture) {
      kept.last_sequence = std::max(kept.last_sequence, sequence);
    }
  }
}

void RowDelta::Keep(std::uint64_t sequence, std::shared_ptr<const DeltaPicture> picture) {
  const MutexLock lock(mutex_);
  if (kept_.size() == kPicturesMax) {
    // The first one costs nothing, and the last one is what most statements need.
    const auto oldest =
        std::min_element(kept_.begin() + 1, kept_.end() - 1,
                         [](const Kept& a, const Kept& b) { return a.last_used < b.last_used; });
    kept_.erase(oldest);
  }
  const auto place = std::upper_bound(
      kept_.begin(), kept_.end(), sequence,
      [](std::uint64_t wanted, const Kept& kept) { return wanted < kept.first_sequence; });
  kept_.insert(place, {sequence, sequence, std::move(picture), ++num_uses_});
  seeds_ = {};
}

bool RowDelta::FindKnown(Ordinal ordinal, std::uint64_t text_hash,
                         std::vector<std::uint16_t>* vector) {
  {
    const MutexLock lock(mutex_);
    if (FindInMemory(ordinal, text_hash, vector)) {
      return true;
    }
  }
  const std::shared_ptr<const ServingIndex> index = sealed();
  if (index == nullptr) {
    return false;
  }
  const auto position = BaseRows{index->ordinals(), index->text_hashes()}.Find(ordinal);
  return position && index->text_hashes()[*position] == text_hash &&
         ReadSealedVector(*index, *position, vector).ok();
}

bool RowDelta::FindInMemory(Ordinal ordinal, std::uint64_t text_hash,
                            std::vector<std::uint16_t>* vector) const {
  for (auto kept = kept_.rbegin(); kept != kept_.rend(); ++kept) {
    const DeltaPicture::Entry* entry = kept->picture->Find(ordinal);
    if (entry != nullptr && entry->text_hash == text_hash) {
      const DeltaBlock& block = *kept->picture->blocks[entry->position / kDeltaBlockRows];
      const std::size_t dim = block.vectors.size() / block.ordinals.size();
      const auto found = kept->picture->Vector(entry->position, dim);
      vector->assign(found.begin(), found.end());
      return true;
    }
  }
  const auto seed = std::lower_bound(seeds_.ordinals.begin(), seeds_.ordinals.end(), ordinal);
  if (seed != seeds_.ordinals.end() && *seed == ordinal) {
    const auto place = static_cast<std::size_t>(seed - seeds_.ordinals.begin());
    if (seeds_.text_hashes[place] == text_hash) {
      const std::size_t dim = seeds_.vectors.size() / seeds_.ordinals.size();
      const auto begin = seeds_.vectors.begin() + static_cast<std::ptrdiff_t>(place * dim);
      vector->assign(begin, begin + static_cast<std::ptrdiff_t>(dim));
      return true;
    }
  }
  const auto found = remembered_.find(text_hash);
  if (found == remembered_.end()) {
    return false;
  }
  *vector = found->second;
  return true;
}

void RowDelta::Remember(std::uint64_t text_hash, std::span<const std::uint16_t> vector) {
  const MutexLock lock(mutex_);
  if (remembered_.size() >= kRememberedTextsMax) {
    remembered_.clear();
  }
  constexpr std::uint64_t kNodeBytes = 64;
  const std::uint64_t bytes = (remembered_.size() + 1) * (vector.size_bytes() + kNodeBytes);
  if (remembered_memory_.TryResize(bytes)) {
    remembered_.emplace(text_hash, std::vector<std::uint16_t>(vector.begin(), vector.end()));
  }
}

Result<std::optional<std::uint64_t>> CountChangedRows(const View& view, storage::EntityKind kind,
                                                      std::uint64_t commit_sequence) {
  DASHI_ASSIGN_OR_RETURN(const RowChanges changes, view.ChangesSince(kind, commit_sequence));
  if (!changes.complete) {
    return std::optional<std::uint64_t>();
  }
  std::vector<Ordinal> changed;
  std::vector<Ordinal> deleted;  // An ordinal is never given again.
  for (const RowChanges::Entry& entry : changes.entries) {
    const bool gone = entry.run.operation == storage::ChangeOperation::kDelete;
    for (std::uint32_t i = 0; i < entry.run.count; ++i) {
      (gone ? deleted : changed).push_back(Ordinal{storage::ToInteger(entry.run.first) + i});
    }
  }
  SortUnique(&changed);
  SortUnique(&deleted);
  std::vector<Ordinal> left;
  std::set_difference(changed.begin(), changed.end(), deleted.begin(), deleted.end(),
                      std::back_inserter(left));
  return std::optional<std::uint64_t>(left.size());
}

}  // namespace dashi::query
