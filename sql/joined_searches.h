#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "dashi/status.h"
#include "query/top_k.h"
#include "sql/statement_context.h"
#include "sql/top_k_hits.h"

namespace dashi::sql {

/// The searches of one cursor of topk(). Where a walk over rows with texts stands at the text that
/// is searched for, as in `FROM documents d, topk(d.text, 5)`, the texts of the rows to come are
/// searched for with it: 2, 4, ... 1,024 at once as long as most of them are asked for indeed, and
/// one by one where they are not, because the statement drops their rows. Each search finds what
/// one of query::OpenTopK would.
///
/// Threads: those of the statement, which it must not outlive.
/// Cost:    at most as many searches more than were asked for as were asked for.
class JoinedSearches {
 public:
  explicit JoinedSearches(StatementContext& statement) : statement_(statement) {}

  /// Opens the search for a text, by what `hits` has begun with.
  ///
  /// Errors: those of query::OpenTopK and of `hits`.
  Result<std::unique_ptr<query::TopKCursor>> Open(std::string_view text, TopKHits& hits);

 private:
  /// The search for a text that the batch has; null when it has not.
  Result<std::unique_ptr<query::TopKCursor>> Take(std::string_view text, const TopKHits& hits);
  /// Learns from the batch that ends how many to search for next.
  void EndBatch();
  /// The texts that are expected behind this one.
  Result<std::vector<std::string>> TextsBehind(std::string_view text);

  StatementContext& statement_;
  std::unique_ptr<query::TopKBatch> batch_;  // Null: the last search was alone.
  std::vector<std::string> texts_;           // of the batch
  std::size_t next_ = 0;                     // of texts_: those before have been taken or left
  std::size_t num_taken_ = 0;
  std::size_t batch_size_ = 1;  // of the next batch
  std::size_t num_alone_ = 0;   // searches to make alone before the next batch
  std::size_t penalty_ = 1;     // what num_alone_ was last
};

}  // namespace dashi::sql
