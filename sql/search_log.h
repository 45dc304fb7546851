#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "query/top_k.h"

namespace dashi::sql {

/// What EXPLAIN ANALYZE tells of the searches of a statement, in the order in which they ended.
///
/// Threads: one thread at a time.
class SearchLog {
 public:
  /// `num_dropped`: rows that were found and dropped because they fail a test.
  void Add(std::string_view function, const query::SearchSummary& summary,
           std::uint64_t num_dropped);
  /// So many searches are made together, some of which the statement may not ask for.
  void AddBatch(std::size_t num_searches);
  /// Lines for people. All but the first few searches are told together.
  std::vector<std::string> Lines() const;

 private:
  std::vector<std::string> lines_;
  std::uint64_t num_searches_ = 0;
  std::uint64_t num_batches_ = 0;
  std::uint64_t num_batched_ = 0;       // searches of all batches
  std::uint64_t num_more_visited_ = 0;  // Of those that have no lines.
  std::uint64_t num_more_refills_ = 0;
};

}  // namespace dashi::sql
