#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/mutex.h"
#include "base/thread_pool.h"
#include "dashi/status.h"
#include "index/vector_index.h"
#include "query/delta_refresher.h"
#include "query/delta_sealer.h"
#include "query/index_caretaker.h"
#include "query/row_delta.h"
#include "query/search_times.h"
#include "query/searched_rows.h"
#include "query/serving_index.h"
#include "query/voting_index.h"
#include "storage/store.h"
#include "trainer/bag_encoder.h"
#include "trainer/ranker/ranker_postings.h"
#include "trainer/ranker/sparse_ranker.h"

namespace dashi::query {

/// A release loaded for serving. Immutable, but for what it learns of labels that came after it.
struct ServingRelease {
  storage::ReleaseRecord record;
  std::unique_ptr<trainer::Encoder> encoder;
  /// Label vectors a*z + b*w: because one embedding e meets both, a<e,z> + b<e,w> = <e, a*z + b*w>.
  /// Never null. Sharers: who tends it.
  std::shared_ptr<ServingIndex> labels;
  std::unique_ptr<RowDelta> new_labels;  ///< never null; of the embeddings z
  /// Orders a shortlist anew; its labels are index positions. Null: the release has none.
  std::unique_ptr<trainer::SparseRanker> ranker;
  std::unique_ptr<trainer::RankerPostings> ranker_postings;  ///< null: words add no labels
  std::unique_ptr<VotingIndex> votes;                        ///< null: documents have no votes
  std::unique_ptr<storage::MemoryLease> memory;              ///< what the encoder is counted as
  std::unique_ptr<storage::MemoryLease> ranker_memory;
  std::unique_ptr<storage::MemoryLease> postings_memory;
  std::unique_ptr<storage::MemoryLease> votes_memory;

  std::string Name() const;  ///< "ads@3"
};

/// The encoder embeddings of one kind of row, for nearest(). As immutable as a ServingRelease.
struct EmbeddedRows {
  std::unique_ptr<index::VectorIndex> vectors;
  std::vector<storage::Ordinal> ordinals;  ///< index position -> row
  std::vector<std::uint64_t> text_hashes;  ///< [ordinals.size()]
  std::unique_ptr<RowDelta> new_rows;      ///< null for labels, which the release has
  std::unique_ptr<storage::MemoryLease> memory;
};

/// Bytes of one embedding of a release in memory, with what it belongs to.
std::uint64_t EmbeddedRowBytes(const storage::ReleaseRecord& record);

/// A label's two vectors, for scoring with either alone.  Shape: both [ordinals.size(), dim]
/// binary16.
struct LabelVectors {
  std::vector<storage::Ordinal> ordinals;  ///< ascending
  std::vector<std::uint64_t> text_hashes;  ///< [ordinals.size()]
  std::vector<std::uint16_t> embeddings;   ///< z
  std::vector<std::uint16_t> classifiers;  ///< w
  /// [the release's labels] how many training documents each had; empty when it is not known.
  std::vector<std::uint32_t> num_documents;
};

/// How much of what came after a release a statement waits for.
struct Freshness {
  /// Asked between batches of texts, its error ends the wait; may be empty.
  std::function<Status()> check_stop;
  /// Commits up to this one must be in the answer; later ones only as far as they are embedded. The
  /// refresher embeds them. nullopt: all that the view has.
  std::optional<std::uint64_t> needed_sequence;
};

/// Reads the label vectors of a release, folded as its index holds them.
Result<IndexedRows> ReadFoldedLabels(const storage::View& view,
                                     const storage::ReleaseRecord& release);

/// Reads the label vectors of a release.
///
/// Errors: kCorruption when weights and embeddings do not belong together.
Result<LabelVectors> ReadLabelVectors(const storage::View& view,
                                      const storage::ReleaseRecord& release);

/// Finds, loads and keeps releases. A statement resolves its release once and holds the pointer, so
/// encoder, vectors and index always belong together.
///
/// Threads: all methods may be called at once; two callers that need the same release load it once.
/// Whoever needs the store's memory takes it from releases that no statement uses: they are
/// unloaded, the least recently used first.
///
/// Errors:  kResourceExhausted (53200) with the numbers when a release does not fit the store's
///          memory limit; kUnavailable for a transformer where there is no LibTorch.
/// Cost:    a load reads the weights and embeddings of the release; later calls are a map look-up.
class ReleaseCache {
 public:
  /// `torch_module_path` as LoadTensorBackend takes it: transformers encode with LibTorch.
  ReleaseCache(storage::Store* store, ThreadPool* pool, std::string torch_module_path = "");

  /// Picks a release: the named model or, when empty, the only published one; the numbered release
  /// or, when nullopt, the published one.
  ///
  /// Errors: kNotFound (42704) for an unknown model or release; kFailedPrecondition (55000) when
  ///         nothing is published, or several models are and none was named (the hint lists them).
  Result<std::shared_ptr<const ServingRelease>> Resolve(const storage::View& view,
                                                        std::string_view model,
                                                        std::optional<std::uint32_t> release);

  /// The embeddings of a release's documents or labels, loaded at first use.
  Result<std::shared_ptr<const EmbeddedRows>> Embeddings(const storage::View& view,
                                                         const ServingRelease& release,
                                                         storage::EntityKind kind);

  /// The labels that topk() finds in a view: the release's, and those that were added or got
  /// another text since, whose classifier is their embedding. What is returned borrows from
  /// `release`.
  ///
  /// Errors: as RowDelta::At.
  /// Cost:   as RowDelta::At: new texts are embedded here, on the pool.
  Result<SearchedRows> LabelsIn(const storage::View& view, const ServingRelease& release,
                                const Freshness& freshness);
  /// The same over embeddings alone. What is returned borrows from `embedded` too.
  Result<SearchedRows> EmbeddingsIn(const storage::View& view, const ServingRelease& release,
                                    const EmbeddedRows& embedded, const Freshness& freshness);
  /// The labels alone that the release lacks of a view.
  Result<std::shared_ptr<const DeltaPicture>> NewLabels(const storage::View& view,
                                                        const ServingRelease& release,
                                                        const std::function<Status()>& check_stop);

  /// The releases that are loaded. Sharers: the cache.
  std::vector<std::shared_ptr<const ServingRelease>> Loaded() const DASHI_EXCLUDES(mutex_);
  /// What a release lacks of a view: labels, and documents where their embeddings are loaded. Texts
  /// are embedded in the calling thread. `rows_done` may be empty.
  ///
  /// Errors: as RowDelta::At.
  Result<std::vector<std::pair<storage::EntityKind, std::shared_ptr<const DeltaPicture>>>> Pictures(
      const storage::View& view, const ServingRelease& release,
      const std::function<Status()>& check_stop, const RowsDone& rows_done);
  DeltaRefresher& refresher() { return refresher_; }

  /// Has the sealer seal the labels that came after a release, on the thread that tends indexes.
  void SealLater(std::shared_ptr<const ServingRelease> release) DASHI_EXCLUDES(mutex_);
  /// Has a release's graph linked anew there, for the labels that a picture has of it.
  void RelinkLater(std::shared_ptr<const ServingRelease> release,
                   std::shared_ptr<const DeltaPicture> picture) DASHI_EXCLUDES(mutex_);
  DeltaSealer& sealer() { return sealer_; }
  /// Opens labels that were sealed beside a release.
  Result<std::shared_ptr<ServingIndex>> OpenSealed(const storage::View& view,
                                                   const storage::ReleaseRecord& record,
                                                   const storage::SealedRows& sealed);
  /// As RowDelta::Adopt of the release's labels.
  Status AdoptSealed(const ServingRelease& release, std::shared_ptr<const ServingIndex> index,
                     std::uint64_t sequence, const std::function<Status()>& check_stop);
  /// Reserves memory for what is loaded.
  ///
  /// Errors: kResourceExhausted with the numbers.
  Result<std::unique_ptr<storage::MemoryLease>> Reserve(std::uint64_t bytes);

  /// What the index of a loaded release's labels does, as ServingIndex::State, and that of the
  /// labels sealed beside it, when that is not ready; nullopt when the release is not loaded.
  std::optional<std::string> IndexState(const storage::ReleaseRecord& record)
      DASHI_EXCLUDES(mutex_);
  /// Likewise, ServingIndex::Graph; nullopt where there is none, too.
  std::optional<std::string> IndexGraph(const storage::ReleaseRecord& record)
      DASHI_EXCLUDES(mutex_);
  /// Waits until the files of all loaded releases are verified, or built anew.
  void WaitForIndexes() { caretaker_.WaitUntilIdle(); }
  /// Unloads a release that was dropped. Statements that hold it go on.
  void Forget(const storage::ReleaseRecord& record) DASHI_EXCLUDES(mutex_);

  ThreadPool& pool() { return *pool_; }
  /// What the parts of topk take, in all statements.
  SearchTimes& search_times() { return search_times_; }

 private:
  /// What is done to the indexes of a release while it serves.
  enum class Upkeep { kSeal, kRelink };
  using UpkeepTask = std::function<Status(const std::function<bool()>& should_stop)>;

  /// Has the caretaker do it, unless it is about to.
  void DoLater(Upkeep what, const ServingRelease& release, UpkeepTask task) DASHI_EXCLUDES(mutex_);
  static Status Grow(storage::MemoryLease* lease, std::uint64_t bytes);
  DeltaResources ResourcesOf(const ServingRelease& release,
                             const std::function<Status()>& check_stop, ThreadPool* pool);
  DeltaResources ResourcesOf(const ServingRelease& release, const Freshness& freshness);
  Result<std::shared_ptr<const DeltaPicture>> NewLabels(const storage::View& view,
                                                        const ServingRelease& release,
                                                        const DeltaResources& resources);
  /// Hands a delta what an earlier process, or this one before a restart, has embedded.
  /// What cannot be read of it is embedded anew.
  void SeedDelta(const storage::View& view, const storage::ReleaseRecord& record,
                 storage::EntityKind kind, RowDelta* delta);
  /// The same for what was sealed.
  void StartFromSealed(const storage::View& view, const storage::ReleaseRecord& record,
                       RowDelta* delta);
  void UnloadOldest() DASHI_REQUIRES(mutex_);
  /// Unloads the least recently used release that nobody uses, or embeddings for nearest() that
  /// nobody uses of one that is. False when there are none.
  bool UnloadIdle() DASHI_EXCLUDES(mutex_);
  std::shared_ptr<const ServingRelease> FindLoaded(const storage::ReleaseRecord& record)
      DASHI_EXCLUDES(mutex_);
  Result<std::shared_ptr<const ServingRelease>> Load(const storage::View& view,
                                                     const storage::ReleaseRecord& record);
  Status LoadRanker(const storage::View& view, ServingRelease* release);
  Status LoadVotes(const storage::View& view, ServingRelease* release);
  /// A source without its rows.
  ServingIndexSource SourceOf(const storage::ReleaseRecord& record, std::string rows,
                              const std::string& file);

  storage::Store* store_;
  ThreadPool* pool_;
  const std::string torch_module_path_;
  Mutex load_mutex_;  // Serialises loads; taken before mutex_.
  mutable Mutex mutex_;
  // Most recently used last, at most kReleasesMax. Sharers: running statements.
  std::vector<std::shared_ptr<const ServingRelease>> releases_ DASHI_GUARDED_BY(mutex_);
  // Sharers: running statements.
  std::map<std::pair<std::uint64_t, storage::EntityKind>, std::shared_ptr<const EmbeddedRows>>
      embeddings_ DASHI_GUARDED_BY(mutex_);
  /// What the caretaker is about to do, and the jobs of the releases.
  std::set<std::pair<Upkeep, std::uint64_t>> upkeep_ DASHI_GUARDED_BY(mutex_);
  SearchTimes search_times_;
  DeltaSealer sealer_;
  // Last: their threads use what stands before them.
  IndexCaretaker caretaker_;
  DeltaRefresher refresher_;
  storage::MemoryReclaimer reclaimer_;  // Other threads call it: first to go.
};

/// How many releases stay loaded; the least recently used one goes first.
inline constexpr std::size_t kReleasesMax = 4;

}  // namespace dashi::query
