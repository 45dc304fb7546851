#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "dashi/status.h"
#include "storage/view.h"
#include "trainer/tokens/token_lists.h"
#include "trainer/training_state.h"

namespace dashi::trainer {

/// One kind of lists of a TokenCache, such as what the encoder reads, with its vocabulary. Rows
/// are asked for by table and ordinal, ascending within a table.
///
/// Lists stand in blocks of 65,536 ordinals, a blob each. A block in which every text is as it was
/// stays; one with a new, changed or deleted row is written anew. So one block is in memory at a
/// time.
///
/// Threads: one thread at a time.
class TokenGroup {
 public:
  using Blobs = std::map<std::string, std::string>;  ///< by the part of their name behind the "/"

  /// `writer`, which may be null, gets what is new, by the same parts of names.
  TokenGroup(const storage::View& view, std::string name, const Blobs& blobs, StateWriter* writer);

  /// Says how the texts are read; what was read in another way is of no use any more. Returns the
  /// vocabulary that the last training learned under the same stamp; nullopt without one.
  std::optional<std::string> Begin(std::uint64_t stamp);
  /// Keeps a vocabulary for the next training, when Begin gave none.
  void SetVocabulary(std::string bytes) { vocabulary_ = std::move(bytes); }

  /// Fills in the ids of a row whose text is as it was; otherwise Add has to follow.
  bool Find(storage::EntityKind table, storage::Ordinal ordinal, std::uint64_t text_hash,
            std::vector<std::uint32_t>* ids);
  void Add(storage::Ordinal ordinal, std::uint64_t text_hash, std::span<const std::uint32_t> ids);

  /// Writes what is left, and appends the names of the blobs that stay to `kept`, and the parts of
  /// names of those that were written to `written`.
  ///
  /// Errors: the writer's.
  Status Finish(std::vector<std::string>* kept, std::vector<std::string>* written);

  std::uint64_t num_found() const { return num_found_; }
  std::uint64_t num_added() const { return num_added_; }

 private:
  void MoveTo(storage::EntityKind table, std::uint32_t block);
  void Flush();
  std::string Part(std::string_view rest) const;

  const storage::View& view_;
  const std::string name_;
  const Blobs blobs_;
  StateWriter* const writer_;
  std::uint64_t stamp_ = 0;
  bool has_begun_ = false;
  bool is_current_ = false;  // the blobs were read under this stamp
  std::optional<std::string> vocabulary_;
  // The block that is being read.
  std::optional<std::string> block_part_;
  TokenLists old_;
  std::size_t at_ = 0;  // in old_
  TokenLists next_;
  bool is_dirty_ = false;
  std::vector<std::string> kept_;     // names
  std::vector<std::string> written_;  // parts
  Status failure_;                    // of the writer
  std::uint64_t num_found_ = 0;
  std::uint64_t num_added_ = 0;
};

/// The token lists that a model's last training read, in the `weights` column family under the
/// names of its record, so that the next one does not cut the same texts into tokens again.
struct TokenCache {
  /// `names` as the model's record has them. `writer` as of TokenGroup.
  TokenCache(const storage::View& view, const std::vector<std::string>& names, StateWriter* writer);

  TokenGroup tokens;    ///< of the encoder
  TokenGroup features;  ///< of the ranker
};

}  // namespace dashi::trainer
