#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/mutex.h"
#include "dashi/status.h"
#include "storage/view.h"
#include "trainer/bag_encoder.h"

namespace dashi::crash {

/// What one release says of a text and a label, from its weights and embeddings as they are stored
/// and by plain loops: neither its index file nor anything that serves has a part in it.
class ReleaseTruth {
 public:
  /// `queries` are the texts that may be asked.
  static Result<std::shared_ptr<const ReleaseTruth>> Load(const storage::View& view,
                                                          const storage::ReleaseRecord& release,
                                                          std::span<const std::string> queries);

  /// The score of a label that has this text now, without a ranker.
  Result<float> Score(std::size_t query, const std::string& label, std::string_view text) const;
  /// The score of a label as the release has learned it; nullopt: it does not have it.
  std::optional<float> OwnScore(std::size_t query, const std::string& label) const;
  /// Whether a query has a word that the release knows.
  bool Knows(std::size_t query) const;

 private:
  std::unique_ptr<trainer::Encoder> encoder_;
  std::size_t dim_ = 0;
  float new_label_scale_ = 0;
  std::unordered_map<std::string, std::size_t> positions_;  // By a label's id.
  std::vector<std::uint64_t> text_hashes_;                  // [labels]
  std::vector<float> labels_;                               // [labels, dim]
  std::vector<float> queries_;                              // [queries, dim]
};

/// The truth of each release that there is or was, by its name.
///
/// Threads: all methods may be called at once.
class TruthBook {
 public:
  TruthBook(std::string directory, std::vector<std::string> queries)
      : directory_(std::move(directory)), queries_(std::move(queries)) {}

  const std::vector<std::string>& queries() const { return queries_; }
  /// Reads the releases that are new, with a reader of its own, as another process would.
  Status Refresh() DASHI_EXCLUDES(mutex_);
  /// nullptr: not read yet.
  std::shared_ptr<const ReleaseTruth> Find(const std::string& release) const DASHI_EXCLUDES(mutex_);
  /// How many of those that were read have a graph that was relinked.
  std::uint64_t num_relinked() const DASHI_EXCLUDES(mutex_);

 private:
  const std::string directory_;
  const std::vector<std::string> queries_;
  mutable Mutex mutex_;
  // Sharers: the threads that check replies.
  std::map<std::string, std::shared_ptr<const ReleaseTruth>> truths_ DASHI_GUARDED_BY(mutex_);
  std::uint64_t num_relinked_ DASHI_GUARDED_BY(mutex_) = 0;
};

/// The texts that labels have had since a process began. A statement of a database that is written
/// may answer with an earlier text where others have committed many.
///
/// Threads: all methods may be called at once.
class TextHistory {
 public:
  /// A label is about to get a text.
  void Note(const std::string& label, std::string text) DASHI_EXCLUDES(mutex_);
  std::vector<std::string> TextsOf(const std::string& label) const DASHI_EXCLUDES(mutex_);

 private:
  mutable Mutex mutex_;
  std::unordered_map<std::string, std::vector<std::string>> texts_ DASHI_GUARDED_BY(mutex_);
};

/// What must be gone after an open, and is not: releases that nobody keeps, files that no release
/// names. A line each.
Result<std::vector<std::string>> FindGarbage(const std::string& directory);

}  // namespace dashi::crash
