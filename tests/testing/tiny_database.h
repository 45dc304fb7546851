#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "storage/store.h"

namespace dashi::testing {

/// A fresh folder under the test's temporary folder, removed at the end.
class TemporaryDirectory {
 public:
  TemporaryDirectory();
  ~TemporaryDirectory();
  TemporaryDirectory(const TemporaryDirectory&) = delete;
  TemporaryDirectory& operator=(const TemporaryDirectory&) = delete;
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

/// Opens the store in `directory`, made when absent; fails the test when that fails.
std::unique_ptr<storage::Store> OpenStore(const std::string& directory);

struct TinyDocument {
  std::string id;
  std::string text;
  std::string split;  ///< "" = NULL
  std::vector<std::string> labels;
};

/// Writes labels (id, text), documents and their relevance in one commit.
void AddRows(storage::Store& store, const std::vector<std::pair<std::string, std::string>>& labels,
             const std::vector<TinyDocument>& documents);

struct ReleaseShape {
  std::uint64_t seed = 1;
  bool hnsw = false;
  std::size_t ef_search = 128;  ///< of the graph
  std::uint32_t dim = 16;
  std::uint32_t hidden = 0;
  double ranker = 0;             ///< weight of a sparse ranker with random weights; 0: none
  double votes = 0;              ///< weight of the votes of training documents; 0: none
  std::string ranker_word = {};  ///< a word that only the ranker knows, and only of the first label
};

/// Stores a release of `model` (made when absent) over the rows that are there, with random encoder
/// weights and classifiers equal to the label embeddings, and returns its number. A label's own
/// text then finds that label first.
std::uint32_t AddRelease(storage::Store& store, const std::string& model,
                         const ReleaseShape& shape = {});

}  // namespace dashi::testing
