// What is done to an index beside the searches: its file is verified, built anew, linked anew.
#include <memory>
#include <utility>

#include <fmt/format.h>

#include "base/failpoint.h"
#include "base/file.h"
#include "base/logging.h"
#include "base/status.h"
#include "index/segment/segment_index.h"
#include "index/segment/segment_relink.h"
#include "query/serving_index.h"
#include "trainer/release_segment.h"

namespace dashi::query {

void ServingIndex::Tend(const std::function<bool()>& should_stop) const {
  IndexPtr index;
  std::shared_ptr<const index::MappedSegment> segment;  // Sharers: the index.
  {
    const MutexLock lock(mutex_);
    index = current_;
    segment = segment_;
  }
  if (segment != nullptr) {
    segment->blocks().VerifyAll(should_stop).IgnoreError("damage is looked at below");
    if (segment->blocks().is_damaged()) {
      const Result<IndexPtr> scanned = FallBack(index, segment->blocks().damage());
      if (!scanned.ok()) {
        LogError("{}: {}", source_.Name(), scanned.status().message());
        return;
      }
    }
  }
  {
    const MutexLock lock(mutex_);
    if (damage_.empty() || source_.store->read_only() || should_stop()) {
      return;
    }
    rebuilding_ = true;
  }
  const Status rebuilt = Rebuild(should_stop);
  if (rebuilt.ok()) {
    LogWarning("{}: its file was built anew", source_.Name());
  } else if (rebuilt.code() != StatusCode::kCancelled && rebuilt.code() != StatusCode::kNotFound) {
    // It was not the end of the process, nor of the release.
    LogError("{}: its file cannot be built anew: {}", source_.Name(), rebuilt.message());
  }
  const MutexLock lock(mutex_);
  rebuilding_ = false;
}

/// The vectors are read once more, since those that are scanned belong to their index.
Status ServingIndex::Rebuild(const std::function<bool()>& should_stop) const {
  const auto memory = NewLease();
  DASHI_ASSIGN_OR_RETURN(const IndexedRows rows, ReadRowsNow(memory.get()));
  index::HnswOptions options;
  options.seed = source_.record.seed;
  const auto goes_on = [&](std::size_t, std::size_t) { return !should_stop(); };
  DASHI_RETURN_IF_ERROR(
      index::BuildSegment(path_, {rows.vectors.data(), rows.ordinals.size(), dim()},
                          trainer::SegmentRowsOf(source_.record, rows.ordinals, rows.text_hashes),
                          options, goes_on, source_.store->file_gate()));
  return TakeFile(should_stop);
}

Status ServingIndex::TakeFile(const std::function<bool()>& should_stop) const {
  if (const auto wanted = ViewWithRelease(); !wanted.ok()) {
    DASHI_RETURN_IF_ERROR(RemoveFile(path_, source_.store->file_gate()));
    return wanted.status();
  }
  DASHI_ASSIGN_OR_RETURN(std::shared_ptr<const index::MappedSegment> segment,
                         index::MappedSegment::Open(path_));
  DASHI_RETURN_IF_ERROR(segment->blocks().VerifyAll(should_stop));
  IndexPtr index = index::MakeSegmentIndex(segment);
  const MutexLock lock(mutex_);
  current_ = std::move(index);
  segment_ = std::move(segment);
  memory_ = nullptr;
  damage_.clear();
  return Status::Ok();
}

bool ServingIndex::ShouldRelink(const index::PositionSet* live) const {
  std::shared_ptr<const index::MappedSegment> segment;  // Sharers: the index.
  {
    const MutexLock lock(mutex_);
    segment = relink_failed_ ? nullptr : segment_;
  }
  return segment != nullptr && !segment->blocks().is_damaged() && !source_.store->read_only() &&
         index::IsWorthRewriting(*segment, live);
}

Status ServingIndex::Relink(const index::PositionSet& live,
                            const std::function<bool()>& should_stop) const {
  std::shared_ptr<const index::MappedSegment> segment;  // Sharers: the index.
  {
    const MutexLock lock(mutex_);
    if (segment_ == nullptr) {
      return Status::Ok();
    }
    segment = segment_;
    relinking_ = true;
  }
  Status relinked = [&]() -> Status {
    const auto memory = NewLease();
    DASHI_RETURN_IF_ERROR(
        source_.grow(memory.get(), index::SegmentRewriteBytes(segment->header())));
    index::HnswOptions options;
    options.seed = source_.record.seed;
    const auto goes_on = [&](std::size_t, std::size_t) { return !should_stop(); };
    DASHI_RETURN_IF_ERROR(
        index::RewriteSegment(*segment, path_, live, options, goes_on, source_.store->file_gate()));
    DASHI_FAILPOINT("relink.written");
    return TakeFile(should_stop);
  }();
  {
    const MutexLock lock(mutex_);
    relinking_ = false;
    relink_failed_ = !relinked.ok() && relinked.code() != StatusCode::kCancelled;
  }
  if (segment->blocks().is_damaged()) {
    Tend(should_stop);
    return Status::Ok();
  }
  if (relinked.ok()) {
    LogInfo("{}: its graph leaves out {} rows that are gone", source_.Name(),
            live.num_positions() - live.size());
  }
  return relinked;
}

std::string ServingIndex::State() const {
  const MutexLock lock(mutex_);
  if (relinking_) {
    return "relinking";
  }
  if (rebuilding_) {
    return "rebuilding: " + damage_;
  }
  if (!damage_.empty()) {
    return "scanned: " + damage_;
  }
  return segment_ != nullptr && !segment_->blocks().complete() ? "verifying" : "ready";
}

std::string ServingIndex::Graph() const {
  const MutexLock lock(mutex_);
  if (segment_ == nullptr) {
    return std::string();
  }
  const index::SegmentHeader& header = segment_->header();
  const std::string origin = header.generation == 0 ? "built"
                             : header.generation == 1
                                 ? "relinked once"
                                 : fmt::format("relinked {} times", header.generation);
  return origin + (header.entry_percent == 0
                       ? ", entered at one node"
                       : fmt::format(", entered by a beam of {} %", header.entry_percent));
}

}  // namespace dashi::query
