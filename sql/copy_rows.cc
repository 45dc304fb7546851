#include "sql/copy_rows.h"

#include <span>
#include <utility>

#include "base/status.h"

namespace dashi::sql {

namespace {

// Edges wait until they are so many, or their ids take so much memory.
constexpr std::size_t kEdgesAtOnce = 256;
constexpr std::size_t kIdBytesAtOnce = std::size_t{256} << 10;

}  // namespace

Status CopyRows::Add(std::unique_ptr<CopyRow>* row) {
  Status& error = (*row)->error;
  if (error.ok() && target_ == CopyTarget::kEdges) {
    return AddEdge(row);
  }
  Status status = error.ok() ? AddToLoad(**row) : std::exchange(error, Status());
  if (status.ok()) {
    return status;
  }
  DASHI_RETURN_IF_ERROR(Flush());
  return on_bad_row_((*row)->line, std::move(status));
}

Status CopyRows::AddToLoad(const CopyRow& row) {
  switch (target_) {
    case CopyTarget::kRows:
      return load_.AddRow(row.entity);
    case CopyTarget::kRelevance:
      return load_.AddRelevance(row.source, row.target, static_cast<float>(row.values.weight));
    default:
      break;
  }
  return load_.AddClick(row.source, row.target, {row.values.last_seen_micros, row.event_id});
}

Status CopyRows::AddEdge(std::unique_ptr<CopyRow>* row) {
  if (num_edges_ == edges_.size()) {
    edges_.push_back(std::make_unique<CopyRow>());
  }
  id_bytes_ += (*row)->source.size() + (*row)->target.size();
  std::swap(edges_[num_edges_++], *row);
  return num_edges_ >= kEdgesAtOnce || id_bytes_ >= kIdBytesAtOnce ? Flush() : Status();
}

Status CopyRows::Flush() {
  named_edges_.clear();
  named_edges_.reserve(num_edges_);
  for (std::size_t i = 0; i < num_edges_; ++i) {
    named_edges_.push_back({edges_[i]->source, edges_[i]->target, edges_[i]->values});
  }
  std::size_t done = 0;
  while (done < num_edges_) {
    std::size_t num_added = 0;
    Status status = load_.AddEdges(std::span(named_edges_).subspan(done), &num_added);
    done += num_added;
    if (!status.ok()) {
      DASHI_RETURN_IF_ERROR(on_bad_row_(edges_[done]->line, std::move(status)));
      ++done;
    }
  }
  num_edges_ = 0;
  id_bytes_ = 0;
  return Status();
}

}  // namespace dashi::sql
