#include "tests/trainer/ramen/graph_tasks.h"

#include <algorithm>
#include <span>
#include <utility>
#include <vector>

#include "base/random.h"
#include "tests/trainer/ngame_tasks.h"
#include "trainer/sparse_rows.h"

namespace dashi::trainer {
namespace {

constexpr std::uint32_t kWords = 12;
constexpr std::uint32_t kNoise = 50;
constexpr std::uint32_t kAnchors = 3;
constexpr std::uint32_t kHeldOut = 4;

void AppendEdges(std::vector<std::uint32_t> anchors, SparseRows* edges) {
  std::sort(anchors.begin(), anchors.end());
  anchors.erase(std::unique(anchors.begin(), anchors.end()), anchors.end());
  edges->columns.insert(edges->columns.end(), anchors.begin(), anchors.end());
  edges->offsets.push_back(edges->columns.size());
}

// `count` of the label's words, and noise.
std::vector<std::uint32_t> DrawText(std::uint32_t first_word, std::uint32_t count,
                                    std::uint32_t first_noise, Random& random) {
  std::vector<std::uint32_t> words(kWords);
  for (std::uint32_t i = 0; i < kWords; ++i) {
    words[i] = first_word + i;
  }
  random.Shuffle(std::span<std::uint32_t>(words));
  words.resize(count);
  for (int i = 0; i < 3; ++i) {
    words.push_back(first_noise + static_cast<std::uint32_t>(random.Uniform(kNoise)));
  }
  return words;
}

template <typename Change>
SparseRows ChangeEdges(const SparseRows& edges, const Change& change) {
  SparseRows changed;
  for (std::size_t row = 0; row < edges.num_rows(); ++row) {
    const auto anchors = RowColumns(edges, row);
    AppendEdges(change(std::vector<std::uint32_t>(anchors.begin(), anchors.end())), &changed);
  }
  return changed;
}

}  // namespace

TrainingTask TaskWithPlantedGraph(std::uint32_t num_labels, std::uint64_t seed) {
  Random random(seed);
  TrainingTask task;
  TrainingGraph graph;
  graph.name = "planted";
  task.held_out.emplace();
  const std::uint32_t words = 2 * num_labels;
  const std::uint32_t noise = words + kWords * num_labels;
  task.vocabulary_size = noise + kNoise;
  for (std::uint32_t label = 0; label < num_labels; ++label) {
    AppendBag({2 * label, 2 * label + 1}, &task.label_tokens);
    AppendEdges({kAnchors * label, kAnchors * label + 1, kAnchors * label + 2},
                &graph.label_anchors);
    for (std::uint32_t anchor = 0; anchor < kAnchors; ++anchor) {
      AppendBag(DrawText(words + kWords * label, kWords / 2, noise, random), &graph.anchor_tokens);
    }
    const std::uint32_t num_training =
        label % 2 == 0 ? 20 : 1 + static_cast<std::uint32_t>(random.Uniform(2));
    for (std::uint32_t i = 0; i < kHeldOut + num_training; ++i) {
      if (i < kHeldOut) {
        task.held_out->push_back(static_cast<std::uint32_t>(task.own_label.size()));
      }
      AppendBag(DrawText(words + kWords * label, 3, noise, random), &task.document_tokens);
      AppendEdges({kAnchors * label + static_cast<std::uint32_t>(random.Uniform(kAnchors)),
                   kAnchors * label + static_cast<std::uint32_t>(random.Uniform(kAnchors))},
                  &graph.document_anchors);
      AppendEdges({label}, &task.relevance);
      task.own_label.push_back(TrainingTask::kNoLabel);
    }
  }
  task.graphs.push_back(std::move(graph));
  return task;
}

TrainingGraph Shuffled(TrainingGraph graph, std::uint64_t seed) {
  Random random(seed);
  const std::size_t num_anchors = graph.anchor_tokens.num_rows();
  const auto change = [&](std::vector<std::uint32_t> anchors) {
    for (std::uint32_t& anchor : anchors) {
      anchor = static_cast<std::uint32_t>(random.Uniform(num_anchors));
    }
    return anchors;
  };
  graph.name = "shuffled";
  graph.document_anchors = ChangeEdges(graph.document_anchors, change);
  graph.label_anchors = ChangeEdges(graph.label_anchors, change);
  return graph;
}

TrainingGraph WithNoise(TrainingGraph graph, std::uint64_t seed) {
  Random random(seed);
  const std::size_t num_anchors = graph.anchor_tokens.num_rows();
  const auto change = [&](std::vector<std::uint32_t> anchors) {
    for (std::size_t count = anchors.size(); count > 0; --count) {
      anchors.push_back(static_cast<std::uint32_t>(random.Uniform(num_anchors)));
    }
    return anchors;
  };
  graph.document_anchors = ChangeEdges(graph.document_anchors, change);
  graph.label_anchors = ChangeEdges(graph.label_anchors, change);
  return graph;
}

}  // namespace dashi::trainer
