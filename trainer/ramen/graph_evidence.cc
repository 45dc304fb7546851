#include "trainer/ramen/graph_evidence.h"

#include <algorithm>
#include <cmath>

#include "trainer/ramen/same_texts.h"
#include "trainer/sparse_rows.h"

namespace dashi::trainer {
namespace {

constexpr std::size_t kRowsMax = 512;
constexpr std::uint32_t kNone = 0xFFFFFFFF;
// Standard errors that an agreement loses before it counts: graphs at random, of which a training
// has two sides each, pass by luck once in hundreds of times.
constexpr double kErrors = 3.0;
// The agreement, less that, that gives the full weight. Hyperlinks between pages of one manual have
// ten times as much.
constexpr double kFullAgreement = 0.02;

// For each label one of the documents that have it, each with the same chance; kNone.
std::vector<std::uint32_t> DrawDocuments(const TrainingTask& task,
                                         std::span<const std::uint32_t> documents, Random& random) {
  std::vector<std::uint32_t> drawn(task.label_tokens.num_rows(), kNone);
  std::vector<std::uint32_t> counts(drawn.size(), 0);
  for (const std::uint32_t document : documents) {
    for (const std::uint32_t label : RowColumns(task.relevance, document)) {
      if (random.Uniform(++counts[label]) == 0) {
        drawn[label] = document;
      }
    }
  }
  return drawn;
}

std::vector<double> Mean(std::span<const float> vectors, std::size_t dim) {
  std::vector<double> mean(dim, 0);
  for (std::size_t i = 0; i < vectors.size(); ++i) {
    mean[i % dim] += vectors[i];
  }
  const std::size_t count = vectors.size() / dim;
  for (double& value : mean) {
    value /= static_cast<double>(count);
  }
  return mean;
}

// One vector less a mean, without its part along a unit vector.
std::vector<double> Pull(const float* to, const std::vector<double>& mean, const float* row) {
  std::vector<double> pull(mean.size());
  double along = 0;
  for (std::size_t i = 0; i < pull.size(); ++i) {
    pull[i] = to[i] - mean[i];
    along += pull[i] * row[i];
  }
  for (std::size_t i = 0; i < pull.size(); ++i) {
    pull[i] -= along * row[i];
  }
  return pull;
}

double Cosine(const std::vector<double>& a, const std::vector<double>& b) {
  double dot = 0;
  double norm_a = 0;
  double norm_b = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    dot += a[i] * b[i];
    norm_a += a[i] * a[i];
    norm_b += b[i] * b[i];
  }
  return norm_a > 0 && norm_b > 0 ? dot / std::sqrt(norm_a * norm_b) : 0;
}

}  // namespace

EvidenceRows DrawEvidenceRows(const TrainingTask& task, const TrainingGraph& graph,
                              bool of_documents, std::span<const std::uint32_t> documents,
                              Random& random) {
  const SparseRows& edges = of_documents ? graph.document_anchors : graph.label_anchors;
  const SparseRows& texts = of_documents ? task.document_tokens : task.label_tokens;
  std::vector<std::uint32_t> document_of;
  std::vector<std::uint32_t> order(documents.begin(), documents.end());
  if (!of_documents) {
    document_of = DrawDocuments(task, documents, random);
    order.clear();
    for (std::uint32_t label = 0; label < document_of.size(); ++label) {
      if (document_of[label] != kNone) {
        order.push_back(label);
      }
    }
  }
  random.Shuffle(std::span<std::uint32_t>(order));
  EvidenceRows chosen;
  for (auto* part : {&chosen.rows, &chosen.targets, &chosen.anchors}) {
    part->reserve(std::min(order.size(), kRowsMax));
  }
  std::vector<std::uint32_t> anchors;
  for (const std::uint32_t row : order) {
    if (chosen.rows.size() == kRowsMax) {
      break;
    }
    const auto all = RowColumns(edges, row);
    anchors.assign(all.begin(), all.end());
    std::erase_if(anchors, [&](std::uint32_t anchor) {
      return RowColumns(graph.anchor_tokens, anchor).empty() ||
             IsSameRow(graph.anchor_tokens, anchor, texts, row);
    });
    if (anchors.empty()) {
      continue;
    }
    chosen.rows.push_back(row);
    chosen.anchors.push_back(anchors[random.Uniform(anchors.size())]);
    if (of_documents) {
      const auto labels = RowColumns(task.relevance, row);
      chosen.targets.push_back(labels[random.Uniform(labels.size())]);
    } else {
      chosen.targets.push_back(document_of[row]);
    }
  }
  chosen.others = chosen.anchors;
  random.Shuffle(std::span<std::uint32_t>(chosen.others));
  return chosen;
}

GraphEvidence MeasureEvidence(const EvidenceVectors& vectors, std::size_t dim) {
  const std::size_t num_rows = vectors.rows.size() / dim;
  if (num_rows < 2) {
    return {};
  }
  const std::vector<double> target_mean = Mean(vectors.targets, dim);
  const std::vector<double> anchor_mean = Mean(vectors.anchors, dim);
  GraphEvidence evidence;
  double squares = 0;
  for (std::size_t at = 0; at < vectors.rows.size(); at += dim) {
    const float* row = vectors.rows.data() + at;
    const auto target = Pull(vectors.targets.data() + at, target_mean, row);
    const double own = Cosine(Pull(vectors.anchors.data() + at, anchor_mean, row), target);
    const double other = Cosine(Pull(vectors.others.data() + at, anchor_mean, row), target);
    evidence.agreement += own;
    evidence.chance += other;
    squares += (own - other) * (own - other);
  }
  const auto count = static_cast<double>(num_rows);
  evidence.agreement /= count;
  evidence.chance /= count;
  const double mean = evidence.agreement - evidence.chance;
  evidence.error = std::sqrt(std::max(0.0, squares / count - mean * mean) / (count - 1));
  return evidence;
}

double EvidenceShare(const GraphEvidence& evidence) {
  const double least =
      std::min(evidence.agreement, evidence.agreement - evidence.chance) - kErrors * evidence.error;
  return std::clamp(least / kFullAgreement, 0.0, 1.0);
}

}  // namespace dashi::trainer
