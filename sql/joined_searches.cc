#include "sql/joined_searches.h"

#include <algorithm>
#include <utility>

#include "base/status.h"
#include "sql/database_impl.h"
#include "sql/search_log.h"
#include "sql/texts_ahead.h"

namespace dashi::sql {

namespace {

/// Searches that are made together at most, as topk_batch() makes them.
constexpr std::size_t kBatchMax = 1024;
/// Searches that are made alone at most before another batch is tried.
constexpr std::size_t kAloneMax = 256;

}  // namespace

Result<std::unique_ptr<query::TopKCursor>> JoinedSearches::Open(std::string_view text,
                                                                TopKHits& hits) {
  if (batch_ != nullptr) {
    if (hits.repeats()) {
      DASHI_ASSIGN_OR_RETURN(auto taken, Take(text, hits));
      if (taken != nullptr) {
        return taken;
      }
    }
    EndBatch();
  }
  DASHI_ASSIGN_OR_RETURN(texts_, TextsBehind(text));
  query::ReleaseCache& releases = statement_.database->releases();
  query::TopKOptions options = hits.options();
  DASHI_ASSIGN_OR_RETURN(options.only, hits.LookUp(texts_.size() + 1));
  if (texts_.empty()) {
    return query::OpenTopK(statement_.view, releases, text, hits.k(), options);
  }
  texts_.insert(texts_.begin(), std::string(text));
  DASHI_ASSIGN_OR_RETURN(
      batch_, query::OpenTopKBatch(statement_.view, releases, texts_, hits.k(), options));
  if (statement_.searches != nullptr) {
    statement_.searches->AddBatch(texts_.size());
  }
  next_ = 0;
  num_taken_ = 0;
  return Take(text, hits);
}

Result<std::unique_ptr<query::TopKCursor>> JoinedSearches::Take(std::string_view text,
                                                                const TopKHits& hits) {
  const auto found =
      std::find(texts_.begin() + static_cast<std::ptrdiff_t>(next_), texts_.end(), text);
  if (found == texts_.end()) {
    return std::unique_ptr<query::TopKCursor>();
  }
  batch_->Restrict(hits.can_pass());
  const auto place = static_cast<std::size_t>(found - texts_.begin());
  std::unique_ptr<query::TopKCursor> search;
  for (; next_ <= place; ++next_) {  // Those before belong to rows that the statement dropped.
    DASHI_ASSIGN_OR_RETURN(search, batch_->OpenNext());
  }
  ++num_taken_;
  return search;
}

void JoinedSearches::EndBatch() {
  batch_.reset();
  // The first was asked for before the others were searched for.
  const bool most = 2 * (num_taken_ - 1) > texts_.size() - 1;
  if (most) {
    batch_size_ = std::min(2 * batch_size_, kBatchMax);
    penalty_ = 1;
    return;
  }
  batch_size_ = 2;
  penalty_ = std::min(4 * penalty_, kAloneMax);
  num_alone_ = penalty_;
}

Result<std::vector<std::string>> JoinedSearches::TextsBehind(std::string_view text) {
  const auto walk = std::find_if(statement_.texts_ahead.begin(), statement_.texts_ahead.end(),
                                 [&](const TextsAhead* one) { return one->IsAt(text); });
  if (walk == statement_.texts_ahead.end()) {
    return std::vector<std::string>();
  }
  if (num_alone_ > 0 || batch_size_ == 1) {
    num_alone_ -= num_alone_ > 0 ? 1 : 0;
    batch_size_ = std::max<std::size_t>(batch_size_, 2);
    return std::vector<std::string>();
  }
  return (*walk)->ReadAhead(batch_size_ - 1);
}

}  // namespace dashi::sql
