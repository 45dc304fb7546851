#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <unordered_map>
#include <vector>

#include "base/mutex.h"
#include "dashi/status.h"
#include "query/delta_picture.h"
#include "storage/memory_budget.h"
#include "storage/view.h"

namespace dashi::query {

/// Embeddings of rows that were computed before.  Shape: n ordinals, ascending; vectors [n, dim]
/// binary16.
struct KnownEmbeddings {
  std::vector<storage::Ordinal> ordinals;
  std::vector<std::uint64_t> text_hashes;
  std::vector<std::uint16_t> vectors;
  std::unique_ptr<storage::MemoryLease> memory;  ///< what the above is counted as
};

/// Keeps what a loaded release lacks: rows that were inserted, or whose text changed, after its
/// snapshot, embedded by its encoder. The change log says which; where it does not reach back so
/// far, all texts are compared with what the release has embedded.
///
/// Each view gets the picture that is its own: nothing of a later commit, and in a transaction what
/// that has changed itself. Pictures are made from older ones, and the last few are kept.
///
/// Errors:  At returns those of DeltaDerivation and of reads.
/// Threads: all methods may be called at once. A statement that needs changes which no picture has
///          waits for one that is embedding others; the rest do not.
/// Cost:    a seek in the change log where nothing changed; else see DeltaDerivation. What a
///          transaction has changed is looked up anew by each of its statements.
class RowDelta {
 public:
  /// `base` is borrowed and must outlive it.
  RowDelta(storage::EntityKind kind, std::uint64_t snapshot_sequence, BaseRows base,
           storage::MemoryBudget* budget);

  /// Gives embeddings that the first picture need not compute. They are forgotten with it.
  void Seed(KnownEmbeddings known) DASHI_EXCLUDES(mutex_);
  /// Changes that a statement embeds itself, even where it may leave them to others: that takes
  /// about as long as a search.
  static constexpr std::size_t kChangesAtOnceMax = 64;

  /// What the view has beyond the release. `resources.known` and `.embedded` are set here. With
  /// `resources.needed_sequence` it may be what an earlier view had, but for the first call.
  Result<std::shared_ptr<const DeltaPicture>> At(const storage::View& view,
                                                 DeltaResources resources);

  /// Begins with rows that were sealed at a commit, before the first call of At.
  void StartFrom(std::shared_ptr<const ServingIndex> sealed, std::uint64_t sequence)
      DASHI_EXCLUDES(mutex_);
  /// Takes rows that were sealed at a commit as those of all pictures from now on. Statements that
  /// hold older pictures go on with these.
  ///
  /// Errors: kAborted when commits are in the way: try again.
  /// Cost:   that of deriving a picture from what has come since; statements wait for the last bit.
  Status Adopt(std::shared_ptr<const ServingIndex> sealed, std::uint64_t sequence,
               const std::function<Result<std::shared_ptr<const storage::View>>()>& new_view,
               DeltaResources resources) DASHI_EXCLUDES(extend_mutex_, mutex_);
  /// The sealed rows of the newest picture; null: there are none.
  std::shared_ptr<const ServingIndex> sealed() const DASHI_EXCLUDES(mutex_);
  /// The commit that the sealed rows are of; 0: there are none.
  std::uint64_t sealed_sequence() const DASHI_EXCLUDES(mutex_);

  /// The same from nothing: every row of the view is compared. The naive twin of At.
  Result<std::shared_ptr<const DeltaPicture>> CompareAll(const storage::View& view,
                                                         const DeltaResources& resources) const
      DASHI_EXCLUDES(mutex_);

 private:
  /// A picture, and the views that it is right for.
  struct Kept {
    std::uint64_t first_sequence = 0;
    std::uint64_t last_sequence = 0;
    std::shared_ptr<const DeltaPicture> picture;  // Sharers: statements.
    std::uint64_t last_used = 0;
  };
  /// Ordinals that changed, ascending, each once.
  struct Changes {
    bool complete = true;
    std::vector<storage::Ordinal> committed;  ///< up to the view's sequence
    std::vector<storage::Ordinal> own;        ///< the transaction's, and of commits beyond it
  };
  /// How far a view is served by kept pictures.
  struct Reached {
    std::shared_ptr<const DeltaPicture> picture;
    std::vector<storage::Ordinal> own;  ///< what the picture lacks
  };

  Result<Reached> Reach(const storage::View& view, std::uint64_t sequence,
                        const DeltaResources& resources);
  Result<Reached> Extend(const storage::View& view, std::uint64_t sequence,
                         const DeltaResources& resources) DASHI_REQUIRES(extend_mutex_);
  Result<Changes> ReadChanges(const storage::View& view, std::uint64_t since,
                              std::uint64_t sequence) const;
  Result<std::shared_ptr<const DeltaPicture>> Derive(const storage::View& view,
                                                     const DeltaPicture& from,
                                                     std::span<const storage::Ordinal> changed,
                                                     const DeltaResources& resources) const;
  void UseWhatIsKnown(DeltaResources* resources);
  /// Makes a picture that of a later view.
  ///
  /// Errors: kAborted when the view has what others at its sequence do not see.
  Status Advance(const storage::View& view, const DeltaResources& resources, Kept* kept) const;
  /// The youngest picture that a view may start from.
  Kept Choose(std::uint64_t sequence) DASHI_EXCLUDES(mutex_);
  /// The sequence of the first view that was asked for: no answer has less than that had.
  std::uint64_t NoteFirstView(std::uint64_t sequence) DASHI_EXCLUDES(mutex_);
  /// Notes that a picture is right for views up to `sequence` too.
  void NoteReach(const DeltaPicture* picture, std::uint64_t sequence) DASHI_EXCLUDES(mutex_);
  void Keep(std::uint64_t sequence, std::shared_ptr<const DeltaPicture> picture)
      DASHI_EXCLUDES(mutex_);
  bool FindKnown(storage::Ordinal ordinal, std::uint64_t text_hash,
                 std::vector<std::uint16_t>* vector) DASHI_EXCLUDES(mutex_);
  /// The same among what no file holds.
  bool FindInMemory(storage::Ordinal ordinal, std::uint64_t text_hash,
                    std::vector<std::uint16_t>* vector) const DASHI_REQUIRES(mutex_);
  void Remember(std::uint64_t text_hash, std::span<const std::uint16_t> vector)
      DASHI_EXCLUDES(mutex_);

  const storage::EntityKind kind_;
  const BaseRows base_;
  Mutex extend_mutex_;  // One extension at a time; taken before mutex_.
  mutable Mutex mutex_;
  // Ascending by sequence, at most kPicturesMax; the first is the empty one of the release itself.
  std::vector<Kept> kept_ DASHI_GUARDED_BY(mutex_);
  std::uint64_t num_uses_ DASHI_GUARDED_BY(mutex_) = 0;
  std::uint64_t sealed_sequence_ DASHI_GUARDED_BY(mutex_) = 0;
  std::optional<std::uint64_t> first_view_ DASHI_GUARDED_BY(mutex_);
  // Embeddings of texts that stood in no kept picture, at most kRememberedTextsMax; what does not
  // fit the memory limit is left out.
  std::unordered_map<std::uint64_t, std::vector<std::uint16_t>> remembered_
      DASHI_GUARDED_BY(mutex_);
  KnownEmbeddings seeds_ DASHI_GUARDED_BY(mutex_);
  storage::MemoryLease remembered_memory_ DASHI_GUARDED_BY(mutex_);
};

/// How many rows were inserted or updated after a commit and are still there, by the change log
/// alone: without their texts, so that an update which left a text alone counts too. nullopt when
/// the log does not reach back so far.
///
/// Cost: one pass over what the log holds after that commit.
Result<std::optional<std::uint64_t>> CountChangedRows(const storage::View& view,
                                                      storage::EntityKind kind,
                                                      std::uint64_t commit_sequence);

}  // namespace dashi::query
