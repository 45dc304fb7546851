#pragma once

#include <map>
#include <string>
#include <utility>

#include "base/random.h"
#include "storage/store.h"

namespace dashi::storage {

/// The naive twin of a store, or of the part of it that one thread owns: ids begin with its prefix.
struct StoreModel {
  std::map<std::string, std::string> documents;                // id -> text
  std::map<std::string, std::string> labels;                   // id -> text
  std::map<std::pair<std::string, std::string>, float> pairs;  // document, label -> weight

  friend bool operator==(const StoreModel&, const StoreModel&) = default;

  std::map<std::string, std::string>& Table(EntityKind kind) {
    return kind == EntityKind::kDocument ? documents : labels;
  }
  void EraseRow(EntityKind kind, const std::string& id);
};

/// Reads the rows whose ids begin with `prefix`, by scan and by id, and their relevance from both
/// sides. Fails the test where one way shows something else than another.
StoreModel ReadModel(const View& view, const std::string& prefix);

/// Does random things to the rows of one prefix, in a store and in its model alike.
///
/// Threads: one thread at a time; several work on one store, each with a prefix of its own.
class ModelWorker {
 public:
  ModelWorker(std::string prefix, std::uint64_t seed) : prefix_(std::move(prefix)), random_(seed) {}

  /// One transaction, load, or planned conflict.
  void Step(Store& store);
  void ExpectSame(const View& view) const;

  const StoreModel& model() const { return model_; }
  std::uint64_t num_commits() const { return num_commits_; }
  std::uint64_t num_conflicts() const { return num_conflicts_; }

 private:
  void RunTransaction(Store& store);
  void Change(Transaction& transaction, StoreModel* model);
  void WriteRow(Transaction& transaction, StoreModel* model);
  void DeleteRow(Transaction& transaction, StoreModel* model);
  void WritePair(Transaction& transaction, StoreModel* model);
  void LoadRows(Store& store);
  void LoadPairs(Store& store);
  void CollideOnRow(Store& store);
  void CollideOnPair(Store& store);
  void CountTogether(Store& store);
  void Finish(Transaction& transaction, StoreModel model);

  EntityKind RandomKind();
  std::string RandomId();
  std::string RandomText();

  const std::string prefix_;
  Random random_;
  StoreModel model_;
  std::uint64_t num_commits_ = 0;
  std::uint64_t num_conflicts_ = 0;
};

/// Counters that all workers increment: each is a document of this id, and worker "w-" adds what it
/// counted itself to the document "w-" and this id, in the same transaction.
inline constexpr int kNumSharedCounters = 2;
std::string SharedCounterId(int counter);

}  // namespace dashi::storage
