#include "query/serving_index.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "base/logging.h"
#include "base/status.h"
#include "index/hnsw_graph_file.h"
#include "index/segment/segment_index.h"
#include "trainer/release_segment.h"

namespace dashi::query {
namespace {

using index::SearchOptions;
using index::SearchStatistics;
using index::Shortlist;

/// Whether an error says that the index cannot be used, rather than the search.
bool IsDamage(const Status& status) {
  return status.code() == StatusCode::kCorruption || status.code() == StatusCode::kIoError;
}

/// What it costs to keep a vector, its ordinal and the hash of its text, and a graph's share.
std::uint64_t RowBytes(std::size_t dim, bool graph) {
  constexpr std::uint64_t kLinkBytes = 160;  // 2 * 16 links of 4 bytes, and the levels above
  const std::uint64_t bytes =
      dim * sizeof(std::uint16_t) + sizeof(storage::Ordinal) + sizeof(std::uint64_t);
  return graph ? bytes + dim + sizeof(float) + kLinkBytes : bytes;
}

}  // namespace

std::string ServingIndexSource::Name() const {
  return fmt::format("{}@{}, index of {}", record.model, record.number, rows);
}

ServingIndex::ServingIndex(ServingIndexSource source)
    : source_(std::move(source)),
      path_(source_.file.empty() ? "" : source_.store->index_directory() + "/" + source_.file) {}

std::unique_ptr<storage::MemoryLease> ServingIndex::NewLease() const {
  return std::make_unique<storage::MemoryLease>(source_.store->memory(),
                                                storage::MemoryUse::kReleases);
}

Result<std::shared_ptr<ServingIndex>> ServingIndex::Open(ServingIndexSource source,
                                                         const storage::View& view) {
  std::shared_ptr<ServingIndex> opened(new ServingIndex(std::move(source)));
  std::string damage;
  bool usable = false;
  if (!opened->path_.empty() && !index::IsGraphFile(opened->path_)) {
    const Status status = opened->UseSegment();
    usable = status.ok();
    damage = status.message();
  }
  if (!usable) {
    DASHI_RETURN_IF_ERROR(opened->UseVectors(view, std::move(damage)));
  }
  opened->Wake();
  return opened;
}

void ServingIndex::Wake() const {
  if (source_.wake) {
    source_.wake(weak_from_this());
  }
}

Status ServingIndex::UseSegment() {
  DASHI_ASSIGN_OR_RETURN(std::shared_ptr<const index::MappedSegment> segment,
                         index::MappedSegment::Open(path_));
  const index::SegmentHeader& header = segment->header();
  if (header.owner != trainer::SegmentOwnerOf(source_.record) ||
      header.num_rows != source_.num_rows || header.dim != source_.record.dim) {
    return Status::Corruption("segment file belongs to another release: " + path_);
  }
  auto memory = NewLease();
  DASHI_RETURN_IF_ERROR(source_.grow(memory.get(), segment->memory_bytes()));
  opened_ = segment;
  ordinals_ = segment->ids<storage::Ordinal>();
  text_hashes_ = segment->text_hashes();
  const MutexLock lock(mutex_);
  current_ = index::MakeSegmentIndex(segment);
  segment_ = std::move(segment);
  memory_ = std::move(memory);
  return Status::Ok();
}

Result<IndexedRows> ServingIndex::ReadRows(const storage::View& view,
                                           storage::MemoryLease* memory) const {
  DASHI_RETURN_IF_ERROR(
      source_.grow(memory, source_.num_rows * RowBytes(dim(), /*graph=*/!path_.empty())));
  return source_.read_rows(view);
}

Result<std::shared_ptr<const storage::View>> ServingIndex::ViewWithRelease() const {
  const storage::ReleaseRecord& record = source_.record;
  DASHI_ASSIGN_OR_RETURN(const auto view, source_.store->NewSnapshot());
  DASHI_ASSIGN_OR_RETURN(const auto found, view->GetRelease(record.model, record.number));
  if (!found || found->job != record.job) {
    return Status::NotFound(fmt::format("{}@{} is gone", record.model, record.number));
  }
  return view;
}

Result<IndexedRows> ServingIndex::ReadRowsNow(storage::MemoryLease* memory) const {
  DASHI_ASSIGN_OR_RETURN(const auto view, ViewWithRelease());
  return ReadRows(*view, memory);
}

Status ServingIndex::UseVectors(const storage::View& view, std::string damage) {
  auto memory = NewLease();
  DASHI_ASSIGN_OR_RETURN(IndexedRows rows, ReadRows(view, memory.get()));
  own_ordinals_ = std::move(rows.ordinals);
  own_text_hashes_ = std::move(rows.text_hashes);
  ordinals_ = own_ordinals_;
  text_hashes_ = own_text_hashes_;
  IndexPtr used;
  if (!path_.empty() && damage.empty()) {
    Result<std::unique_ptr<index::VectorIndex>> loaded =
        index::LoadHnswIndex(path_, rows.vectors, dim());
    if (loaded.ok()) {
      used = std::move(loaded).value();
    } else {
      damage = loaded.status().message();
    }
  }
  if (!damage.empty()) {
    LogWarning("{}: its file cannot be used, all vectors are scanned: {}", source_.Name(), damage);
  }
  if (used == nullptr) {
    used = index::MakeExactIndex(std::move(rows.vectors), dim());
  }
  const MutexLock lock(mutex_);
  current_ = std::move(used);
  memory_ = std::move(memory);
  damage_ = std::move(damage);
  return Status::Ok();
}

ServingIndex::IndexPtr ServingIndex::Current() const {
  const MutexLock lock(mutex_);
  return current_;
}

Result<ServingIndex::IndexPtr> ServingIndex::FallBack(const IndexPtr& failed,
                                                      const Status& damage) const {
  const MutexLock fall_back_lock(fall_back_mutex_);
  if (IndexPtr current = Current(); current != failed) {
    return current;
  }
  LogWarning("{}: its file is damaged, all vectors are scanned: {}", source_.Name(),
             damage.message());
  auto memory = NewLease();
  Result<IndexedRows> rows = ReadRowsNow(memory.get());
  if (!rows.ok()) {
    return std::move(rows).status().WithContext(std::string(damage.message()));
  }
  if (!std::equal(ordinals_.begin(), ordinals_.end(), rows->ordinals.begin(),
                  rows->ordinals.end())) {
    return Status::Corruption(
        fmt::format("{}: its rows are not those of the database", source_.Name()));
  }
  IndexPtr scanned = index::MakeExactIndex(std::move(rows->vectors), dim());
  {
    const MutexLock lock(mutex_);
    current_ = scanned;
    segment_ = nullptr;
    memory_ = std::move(memory);
    damage_ = damage.message();
  }
  Wake();
  return scanned;
}

/// Refuses to scan in place of a graph, where an index is required.
Status ServingIndex::CheckUsable(const SearchOptions& options) const {
  if (!options.require_index || options.exact) {
    return Status::Ok();
  }
  const MutexLock lock(mutex_);
  if (damage_.empty()) {
    return Status::Ok();
  }
  return Status::FailedPrecondition(
             fmt::format("an index is required and the file of {} cannot be used{}: {}",
                         source_.Name(), rebuilding_ ? ", it is being built anew" : "", damage_))
      .WithSqlState("55000");
}

template <typename T>
Result<T> ServingIndex::SearchSafely(
    const SearchOptions& options,
    const std::function<Result<T>(const index::VectorIndex& index)>& search) const {
  DASHI_RETURN_IF_ERROR(CheckUsable(options));
  const IndexPtr index = Current();
  Result<T> found = search(*index);
  if (!found.ok() && found.status().sqlstate() == "55000") {
    return std::move(found).status().WithContext(source_.Name());
  }
  if (found.ok() || !IsDamage(found.status())) {
    return found;
  }
  DASHI_ASSIGN_OR_RETURN(const IndexPtr scanned, FallBack(index, found.status()));
  DASHI_RETURN_IF_ERROR(CheckUsable(options));
  return search(*scanned);
}

Result<Shortlist> ServingIndex::Search(std::span<const float> query, const SearchOptions& options,
                                       SearchStatistics* statistics) const {
  return SearchSafely<Shortlist>(options, [&](const index::VectorIndex& index) {
    return index.Search(query, options, statistics);
  });
}

Result<std::vector<Shortlist>> ServingIndex::SearchBatch(index::FloatMatrixView queries,
                                                         const SearchOptions& options,
                                                         ThreadPool& pool) const {
  return SearchSafely<std::vector<Shortlist>>(options, [&](const index::VectorIndex& index) {
    return index.SearchBatch(queries, options, pool);
  });
}

Status ServingIndex::Reconstruct(index::Position position, float* out) const {
  return SearchSafely<bool>({},
                            [&](const index::VectorIndex& index) -> Result<bool> {
                              DASHI_RETURN_IF_ERROR(index.Reconstruct(position, out));
                              return true;
                            })
      .status();
}

}  // namespace dashi::query
