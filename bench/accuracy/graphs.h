#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <unordered_map>
#include <vector>

#include "bench/accuracy/data_set.h"
#include "dashi/status.h"
#include "trainer/training_task.h"

namespace dashi::trainer {

struct GraphOptions {
  std::vector<std::string> paths;  ///< tsv files: source id, target id, anything
  std::string nodes_path;          ///< jsonl: texts of targets that are no document and no label
  bool labels_first = false;       ///< a target that is a label too has the label's text
  std::size_t words_max = 0;       ///< of an anchor's text; 0: all
  std::size_t degree_max = 0;      ///< anchors with more edges are left out; 0: none
  bool shuffled = false;           ///< the anchors of each side's edges at random: a control
  std::uint64_t shuffle_seed = 1;
};

/// Reads graphs over a data set. A source id that is a training document and a label has the edge
/// on both sides; a target has the text of the first of document, label and node that it is, and
/// its edges are left out where it is none.
///
/// Errors: kIoError.
Result<std::vector<TrainingGraph>> ReadGraphs(const GraphOptions& options, const Texts& documents,
                                              const Texts& labels, const BagTokenizer& tokenizer);

}  // namespace dashi::trainer
