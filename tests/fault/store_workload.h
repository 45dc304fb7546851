#pragma once

#include <functional>
#include <string>
#include <vector>

#include "storage/store.h"

namespace dashi::testing {

/// A piece of work on a store, whose effect can be looked for afterwards.
struct WorkStep {
  std::string name;
  /// Does it. Ok means that it was acknowledged.
  std::function<Status(storage::Store& store)> run;
  /// Whether its effect is there as a whole. An error says what is half there, or damaged.
  std::function<Result<bool>(storage::Store& store)> is_done;
  /// The steps that must have been acknowledged before.
  std::vector<std::string> after;
  /// The step without which the next open removes the effect, or empty.
  std::string kept_by = {};
};

/// Inserts, updates, loads of rows and of pairs, deletes, weights, an embedding version, an index
/// file, a release and its publication, each on rows and names of its own or of one step before.
std::vector<WorkStep> StoreWorkload();

/// A step that only inserts a label, for asking whether a store takes writes.
WorkStep InsertStep(const std::string& name);

/// Options that make RocksDB write files often.
storage::StoreOptions SmallStoreOptions(FileGate& gate);

/// Names the files in tmp/ and index/ that should not be there, one a line.
std::string StrayFiles(storage::Store& store);

}  // namespace dashi::testing
