#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "dashi/status.h"
#include "trainer/bag_tokenizer.h"
#include "trainer/training_task.h"

namespace dashi::trainer {

/// The rows of a jsonl file with "id", "text" and maybe "split".
struct Texts {
  std::vector<std::string> texts;
  std::vector<std::string> splits;
  std::unordered_map<std::string, std::uint32_t> row_of_id;
};
Result<Texts> ReadTexts(const std::string& path);

using Pairs = std::vector<std::vector<std::uint32_t>>;

/// Reads a tsv file with a document and a label a line.
/// Shape: result [documents.texts.size()], label rows ascending.
Result<Pairs> ReadRelevance(const std::string& path, const Texts& documents, const Texts& labels);

/// Cuts the data set to its first `documents_max` training documents, the labels that they carry,
/// and the test documents of those labels. Other documents have the split "dropped" then.
void KeepFirst(std::size_t documents_max, Texts* documents, Texts* labels, Pairs* pairs);

struct DataSet {
  TrainingTask training;
  TrainingTask test;  ///< the same labels
  std::unique_ptr<BagTokenizer> tokenizer;
};
DataSet Assemble(const Texts& documents, const Texts& labels, const Pairs& pairs);

/// Appends what the tokenizer makes of a text.
void AppendBag(const TokenBag& bag, SparseRows* rows);

/// Writes the task as flat little-endian arrays. A matrix NAME is NAME.offsets (uint64),
/// NAME.columns (uint32) and NAME.values (float32).
Status WriteTaskFiles(const DataSet& data, const std::string& folder);

}  // namespace dashi::trainer
