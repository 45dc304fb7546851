#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>

#include "dashi/status.h"
#include "storage/entity.h"
#include "storage/graph/edge.h"

namespace dashi::storage {

/// What to do with a key that exists, in the database or earlier in the same load.
enum class DuplicatePolicy { kFail, kReplace, kIgnore };

/// Loads one table from a stream of any length, all or nothing, in bounded memory.
///
/// Rows are checked and written to files in the database directory; nothing is visible. Commit
/// syncs the files and writes one synced record that names them: from then on the load is certain.
/// The rows then come into the database, all at once or in chunks, while new snapshots and
/// transactions still get the picture from before (writers wait), and the record is removed. A
/// crash before the record leaves nothing (the files are deleted at the next open); a crash after
/// it is finished by the next open before anything is served.
///
/// Errors:  Add* return the row's error and leave the load usable, so the caller may count a reject
///          and go on; after an error of writing a file every call fails; dropping the object
///          without Commit discards the load.
/// Threads: one thread at a time; one bulk load at a time per store, others wait.
class BulkLoad {
 public:
  virtual ~BulkLoad() = default;
  /// Says about how many rows will come: it decides what is worth being read at once, nothing else.
  ///
  /// Errors: kResourceExhausted when no thread can be started.
  virtual Status ExpectRows(std::uint64_t /*num_rows*/) { return Status(); }
  // What belongs to another table than the load was begun for is refused (22023).

  /// Adds a row of the table the load was begun for. Errors as Transaction::InsertRow.
  virtual Status AddRow(const EntityRow& row);
  /// Adds a relevance pair.
  ///
  /// Errors: kNotFound (23503) for an unknown document or label, naming it; kAlreadyExists (23505)
  ///         for a pair that exists, under DuplicatePolicy::kFail.
  virtual Status AddRelevance(std::string_view document, std::string_view label, float weight);
  /// Adds an edge from each row of the graph's source tables whose id is `source` to the first row
  /// of its target tables whose id is `target`. Such edges count as one.
  ///
  /// Errors: kNotFound (23503) for an id that is in none of the tables, naming it; kAlreadyExists
  ///         (23505) for an edge that exists, under DuplicatePolicy::kFail; those of
  ///         CheckEdgeWeight.
  virtual Status AddEdge(std::string_view source, std::string_view target,
                         const EdgeValues& values);

  /// An edge whose ends are known by their ids.
  struct NamedEdge {
    std::string_view source;
    std::string_view target;
    EdgeValues values;
  };
  /// Adds edges as AddEdge does, in their order, up to the first that fails: its error is returned,
  /// and `*num_added` tells how many came before it. The rest can be given again.
  ///
  /// Cost: less than that of as many AddEdge, since the cache misses of 64 edges overlap.
  virtual Status AddEdges(std::span<const NamedEdge> edges, std::size_t* num_added);

  /// One event of a click log.
  struct Click {
    std::int64_t at_micros = 0;
    std::string_view event_id;  ///< empty: it has none, and always counts
  };
  /// Adds a click to an edge, whose ends are found as in AddEdge; an event that was counted before
  /// counts as ignored.
  ///
  /// Errors: kNotFound (23503); kInvalidArgument (22008) for an event that is older than the days
  ///         for which the graph remembers events, behind the last one from before the load.
  virtual Status AddClick(std::string_view source, std::string_view target, const Click& click);

  struct Counts {
    std::uint64_t inserted = 0;
    std::uint64_t replaced = 0;
    std::uint64_t ignored = 0;
  };
  /// `on_progress(done, total)` is called now and then with rows applied. It cannot cancel: the
  /// load is certain by then.
  virtual Result<Counts> Commit(
      const std::function<void(std::uint64_t done, std::uint64_t total)>& on_progress) = 0;
};

}  // namespace dashi::storage
