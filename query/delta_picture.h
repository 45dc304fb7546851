#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/thread_pool.h"
#include "dashi/status.h"
#include "index/position_set.h"
#include "index/vector_index.h"
#include "query/serving_index.h"
#include "storage/entity.h"
#include "storage/memory_budget.h"
#include "trainer/bag_encoder.h"

namespace dashi::query {

/// The rows that a release was made with, borrowed from it.  Shape: both [rows].
struct BaseRows {
  std::span<const storage::Ordinal> ordinals;  ///< ascending
  std::span<const std::uint64_t> text_hashes;  ///< of the texts that were embedded

  std::optional<index::Position> Find(storage::Ordinal ordinal) const;
};

/// Embeddings of rows that a release lacks, scanned exactly. Immutable.
struct DeltaBlock {
  std::vector<std::uint16_t> vectors;  ///< [ordinals.size(), dim] binary16
  std::vector<storage::Ordinal> ordinals;
  std::unique_ptr<storage::MemoryLease> memory;
};

inline constexpr std::size_t kDeltaBlockRows = 1024;

/// What a release lacks of one picture of the database: rows that came after it, and those whose
/// text is another now. The first to come were sealed: an index of their own finds them. The rest
/// stand in flat blocks, a row at the position block * kDeltaBlockRows + row. Immutable.
struct DeltaPicture {
  struct Entry {
    storage::Ordinal ordinal{};
    index::Position position = 0;
    std::uint64_t text_hash = 0;
  };

  // Sharers: the pictures that were made from each other. All but the last are full.
  std::vector<std::shared_ptr<const DeltaBlock>> blocks;
  std::vector<Entry> entries;  ///< ascending by ordinal
  std::vector<bool> live;      ///< [blocks.size() * kDeltaBlockRows] whether an entry stands there
  // Sharers of these: other pictures, and running searches.
  /// The release's rows but for those whose embedding is of an older text, and some that are
  /// deleted; null: all.
  std::shared_ptr<const index::PositionSet> live_base;
  std::shared_ptr<const ServingIndex> sealed;  ///< null: there are none
  /// The rows of `sealed` that are neither deleted nor of another text by now; null: all.
  std::shared_ptr<const index::PositionSet> live_sealed;
  std::unique_ptr<storage::MemoryLease> memory;  ///< what is not in the blocks; null when empty

  std::size_t num_sealed() const { return sealed == nullptr ? 0 : sealed->num_vectors(); }
  std::size_t num_live_sealed() const {
    return live_sealed == nullptr ? num_sealed() : live_sealed->size();
  }
  std::size_t num_rows() const { return num_live_sealed() + entries.size(); }
  /// The rows of blocks alone.
  const Entry* Find(storage::Ordinal ordinal) const;
  std::span<const std::uint16_t> Vector(index::Position position, std::size_t dim) const;
};

/// All rows of a picture, those that were sealed and the others.
struct DeltaRows {
  std::vector<storage::Ordinal> ordinals;  ///< ascending
  std::vector<std::uint64_t> text_hashes;
  std::vector<std::uint16_t> vectors;  ///< [ordinals.size(), dim] binary16
};

/// Errors: those of ServingIndex::Reconstruct.
Result<DeltaRows> ReadDeltaRows(const DeltaPicture& picture, std::size_t dim);

/// The vector of a sealed row, as it was embedded.
Status ReadSealedVector(const ServingIndex& sealed, index::Position position,
                        std::vector<std::uint16_t>* vector);

/// The picture in which all rows of a release are right, and those that were sealed beside it.
std::shared_ptr<const DeltaPicture> PictureOfSealed(const BaseRows& base,
                                                    std::shared_ptr<const ServingIndex> sealed);

/// Told now and then of how many changed rows were looked at; total 0: not known.
using RowsDone = std::function<void(std::uint64_t done, std::uint64_t total)>;

/// What embedding takes.
struct DeltaResources {
  const trainer::Encoder& encoder;
  ThreadPool& pool;
  storage::MemoryBudget* budget;
  /// Makes a lease as large as that. Errors: kResourceExhausted with the numbers.
  std::function<Status(storage::MemoryLease* lease, std::uint64_t bytes)> grow;
  /// Asked between batches of texts; may be empty.
  std::function<Status()> check_stop;
  /// Gives the embedding of a text that was embedded before; may be empty.
  std::function<bool(storage::Ordinal ordinal, std::uint64_t text_hash,
                     std::vector<std::uint16_t>* vector)>
      known;
  /// When set, changes beyond this commit may be left out as long as there are many of them:
  /// someone else is embedding these, and it would take long.
  std::optional<std::uint64_t> needed_sequence;
  /// Set to how many changes were left out so; may be null.
  std::size_t* num_left_out = nullptr;
  /// Told of each text that was embedded; may be empty.
  std::function<void(std::uint64_t text_hash, std::span<const std::uint16_t> vector)> embedded;
  RowsDone rows_done = nullptr;  ///< may be empty
};

/// Makes a picture out of an older one and the rows that changed since.
///
/// Errors:  the encoder's, those of `grow` and `check_stop`.
/// Threads: one thread at a time.
/// Cost:    texts that are not known yet are embedded in batches on the pool. What stands in full
///          blocks is shared; entries, 16 bytes each, and a last block that is not full are copied.
class DeltaDerivation {
 public:
  /// All arguments must outlive it.
  DeltaDerivation(const BaseRows& base, const DeltaPicture& from, const DeltaResources& resources);

  /// Rows must come ascending by ordinal, each once. `text` nullopt: the row is gone.
  Status Change(storage::Ordinal ordinal, std::optional<std::string_view> text);
  Result<std::shared_ptr<const DeltaPicture>> Finish();

 private:
  /// An ordinal's state afterwards.
  struct Changed {
    storage::Ordinal ordinal{};
    bool has_entry = false;
    index::Position position = 0;
    std::uint64_t text_hash = 0;
  };

  void MarkRow(storage::Ordinal ordinal, std::optional<index::Position> in_base, bool base_is_right,
               bool sealed_is_right);
  Status EmbedTexts();
  Status Append(Changed* changed, std::span<const std::uint16_t> vector);
  Status SealBlock();
  void MergeEntries();
  Status Compact();

  const BaseRows& base_;
  const DeltaPicture& from_;
  const DeltaResources& resources_;
  const std::size_t dim_;
  std::shared_ptr<DeltaPicture> made_;  // Sharers: whoever takes the result.
  std::shared_ptr<DeltaBlock> open_;    // Sharers: the picture, once it is sealed.
  // Copies of `from`'s sets, once a row of theirs has changed.
  std::optional<index::PositionSet> live_base_;
  std::optional<index::PositionSet> live_sealed_;
  std::vector<Changed> changed_;
  std::vector<std::string> texts_;
  std::vector<std::size_t> text_changes_;  // [texts_.size()] positions in changed_
};

}  // namespace dashi::query
