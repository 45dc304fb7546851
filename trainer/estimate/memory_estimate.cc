#include "trainer/estimate/memory_estimate.h"

#include <algorithm>
#include <utility>

#include "index/vector_index.h"
#include "trainer/estimate/disk_estimate.h"
#include "trainer/ranker/ranker_features.h"

namespace dashi::trainer {
namespace {

constexpr std::uint64_t kFloat = sizeof(float);
constexpr std::uint64_t kHalf = sizeof(std::uint16_t);
constexpr std::uint64_t kIndex = sizeof(std::uint32_t);
// LibTorch, once it is loaded (docs/ARCHITECTURE.md).
constexpr std::uint64_t kLibraryBytes = std::uint64_t{115} * 1000 * 1000;
// What the database holds in memtables while a checkpoint is written.
constexpr std::uint64_t kMemtableBytes = std::uint64_t{96} << 20U;
// A word of a vocabulary with its hash slots, its bytes and its frequency.
constexpr std::uint64_t kBytesPerWord = 64;
// Matrices [texts of a batch, width] that a step holds at once.
constexpr std::uint64_t kStepMatrices = 10;
// Rows whose scores a thread holds at once, and how many matrices of that size.
constexpr std::uint64_t kBlockRows = 256;
constexpr std::uint64_t kBlockMatrices = 4;
// A row while it is clustered: sort keys twice, its number twice.
constexpr std::uint64_t kClusterBytesPerRow = 24;
// Candidates of a held-out document, 20 bytes each, from either score and by words.
constexpr std::uint64_t kCandidateBytes = std::uint64_t{20} * 400;
// A row of the ranker has about this many weights, each with its feature.
constexpr std::uint64_t kWeightsPerLabel = 110;
// Of an anchor beside its tokens: the first with the same text, its column, its place in a term.
constexpr std::uint64_t kBytesPerAnchor = 12;
// Of a graph's levels, beside two links each at level 0.
constexpr std::uint64_t kLinkBytes = 160;
constexpr std::uint64_t kCode = 1;  // a value of a vector that a graph is walked by
constexpr std::uint64_t kGraphBuildBytes = 300;
// What a transformer may hold of activations on the processor, and on a GPU however little is free
// (TransformerModuleOptions).
constexpr std::uint64_t kActivationBytesMax = std::uint64_t{1} << 30U;

/// The sizes of what stages share.
class Sizes {
 public:
  Sizes(const TrainingSizes& sizes, const NgameOptions& options)
      : sizes_(sizes), options_(options) {}

  std::uint64_t Parameters() const { return kFloat * NumEncoderParameters(sizes_, options_); }
  std::uint64_t LabelVectors() const { return kFloat * sizes_.num_labels * options_.dim; }
  /// The binary loss steps by SGD.
  std::uint64_t LabelMoments() const {
    return options_.classifier_loss.kind == LossKind::kBinary ? 0 : 2 * LabelVectors();
  }
  /// Order, tree and numbers of the rows that batches are drawn from.
  std::uint64_t Order(std::uint64_t rows) const { return rows * 3 * kIndex; }
  RowBytes Rows() const { return MeasureRows(sizes_, options_); }
  /// What does not go to files: the documents by use, and the words.
  std::uint64_t Words() const {
    const std::uint64_t words = kBytesPerWord * sizes_.vocabulary_size;
    return 2 * kIndex * sizes_.num_documents + kIndex * sizes_.num_labels + words +
           (sizes_.features > 0 ? words + kFloat * RankerFeatures::kNumBuckets : 0);
  }
  /// Work space of a step: matrices of the batch, and blocks of scores.
  std::uint64_t Step(std::uint64_t num_texts, std::uint64_t num_columns) const {
    const std::uint64_t width = std::max(options_.dim, options_.hidden);
    const auto threads = static_cast<std::uint64_t>(std::max(1, options_.num_threads));
    const std::uint64_t num_blocks = (options_.batch_size + kBlockRows - 1) / kBlockRows;
    return kStepMatrices * num_texts * width * kFloat +
           std::min(threads, num_blocks) * kBlockMatrices * kBlockRows * num_columns * kFloat +
           num_blocks * num_columns * options_.dim * kFloat;
  }
  /// Activations and gradients of a transformer.
  std::uint64_t Activations() const {
    if (options_.transformer == nullptr) {
      return 0;
    }
    const TransformerConfig& config = options_.transformer->config;
    const std::uint64_t token =
        kFloat * config.num_layers * (12ULL * config.dim + 3ULL * config.hidden);
    const std::uint64_t entries = sizes_.document_tokens + sizes_.label_tokens;
    const std::uint64_t rows = std::max<std::uint64_t>(1, sizes_.num_documents + sizes_.num_labels);
    const std::uint64_t bytes = 2ULL * options_.batch_size * (entries / rows + 1) * token;
    return std::min(bytes, kActivationBytesMax);
  }
  /// Pairs and hard negatives by label.
  std::uint64_t Grouped() const {
    return kIndex * std::min(Rows().hard_negatives / kIndex + sizes_.pairs,
                             options_.sparse_ranker.pairs_at_once);
  }
  std::uint64_t Ranker() const {
    return sizes_.num_features == 0
               ? 0
               : sizes_.num_labels * kWeightsPerLabel * (kIndex + kHalf) +
                     kIndex * sizes_.num_features *
                         static_cast<std::uint64_t>(std::max(1, options_.num_threads));
  }
  /// The ranker's rows by feature, while they are turned around.
  std::uint64_t Postings() const {
    return sizes_.num_features == 0 ? 0
                                    : sizes_.num_labels * kWeightsPerLabel * (2 * kIndex + kHalf) +
                                          sizeof(std::uint64_t) * sizes_.num_features;
  }
  std::uint64_t LabelGraph() const { return Graph(sizes_.num_labels); }
  /// The documents that vote, with their labels, and their index.
  std::uint64_t Votes() const {
    return options_.retrieval ? (sizeof(std::uint64_t) + kIndex) * sizes_.num_documents +
                                    kIndex * sizes_.pairs + Graph(sizes_.num_documents)
                              : 0;
  }

 private:
  std::uint64_t Graph(std::uint64_t num_vectors) const {
    return index::ChooseIndexKind(num_vectors, options_.dim) == "exact"
               ? 0
               : num_vectors * (kHalf * options_.dim + kCode * options_.dim +
                                kFloat * options_.dim + kLinkBytes + kGraphBuildBytes);
  }

  const TrainingSizes& sizes_;
  const NgameOptions& options_;
};

/// Builds the phases of one training.
class Phases {
 public:
  Phases(const TrainingSizes& sizes, const NgameOptions& options)
      : sizes_(sizes), options_(options), of_(sizes, options) {}

  std::vector<MemoryPhase> All() const {
    std::vector<MemoryPhase> phases{Encoder()};
    if (options_.classifier_epochs > 0) {
      phases.push_back(Classifier());
    }
    phases.push_back(Scores());
    phases.push_back(Release());
    for (MemoryPhase& phase : phases) {
      PutIntoFiles(&phase);
    }
    return phases;
  }

 private:
  MemoryPhase Begin(std::string name) const {
    return {
        std::move(name),
        {{"memtables of checkpoints",
          std::min(kMemtableBytes, EstimateDisk(sizes_, options_).checkpoint_state_bytes), false},
         {"LibTorch", kLibraryBytes, /*is_tensor=*/false, /*is_read=*/true},
         {"words, and documents by use", of_.Words(), /*is_tensor=*/false, /*is_read=*/true},
         {"token lists and pairs", of_.Rows().tokens, /*is_tensor=*/false, /*is_read=*/true,
          /*is_rows=*/true},
         {"features of the ranker", of_.Rows().features, /*is_tensor=*/false, /*is_read=*/true,
          /*is_rows=*/true}}};
  }

  // Takes away what does not fit rows_memory_mb.
  void PutIntoFiles(MemoryPhase* phase) const {
    std::uint64_t left = std::uint64_t{options_.rows_memory_mb} << 20U;
    for (MemoryPart& part : phase->parts) {
      if (part.is_rows) {
        part.bytes = std::min(part.bytes, left);
        left -= part.bytes;
      }
    }
  }

  void AddEncoder(bool trains, MemoryPhase* phase) const {
    const std::uint64_t parameters = of_.Parameters();
    phase->parts.push_back({"encoder", parameters, true});
    if (!trains) {
      return;
    }
    phase->parts.push_back({"moments of the encoder", 2 * parameters, true});
    if (options_.transformer != nullptr) {
      phase->parts.push_back({"gradient of the encoder", parameters, true});
      // Processor and GPU have limits of their own; the smaller machine decides.
      phase->parts.push_back({"activations", of_.Activations(), true});
    }
  }

  MemoryPhase Encoder() const {
    MemoryPhase phase = Begin("encoder");
    AddEncoder(options_.epochs > 0, &phase);
    phase.parts.push_back({"memory bank", of_.Rows().encoder_bank, false, false, true});
    phase.parts.push_back({"order of the batches", of_.Order(sizes_.num_items()), false});
    if (sizes_.num_graphs > 0) {
      phase.parts.push_back({"edges that are kept, anchors by text",
                             sizes_.num_edges / 8 + kBytesPerAnchor * sizes_.num_anchors, false});
    }
    phase.parts.push_back({"steps and clusters",
                           std::max(of_.Step(2ULL * options_.batch_size, options_.batch_size),
                                    kClusterBytesPerRow * sizes_.num_items()),
                           true});
    return phase;
  }

  MemoryPhase Classifier() const {
    MemoryPhase phase = Begin("classifier");
    const std::uint64_t parameters = of_.Parameters();
    const std::uint64_t vectors = of_.LabelVectors();
    AddEncoder(options_.classifier_trains_encoder, &phase);
    phase.parts.push_back({"memory bank", of_.Rows().classifier_bank, false, false, true});
    phase.parts.push_back({"order of the batches", of_.Order(sizes_.num_documents), false});
    phase.parts.push_back({"classifiers", vectors, true});
    phase.parts.push_back({"moments of the classifiers", of_.LabelMoments(), true});
    phase.parts.push_back({"encoder of the first stage", parameters, false});
    const std::uint64_t step =
        of_.Step(options_.batch_size, NumClassifierColumns(sizes_, options_));
    // Looking at the hold-out: text embeddings and classifiers of all labels, scores of a block of
    // documents, and the copy of the best epoch, whose predecessor is still there.
    std::uint64_t look = 2 * vectors;
    if (sizes_.num_held_out > 0) {
      phase.parts.push_back({"best epoch", parameters + vectors, false});
      look += std::max(parameters, vectors) + kBlockRows * sizes_.num_labels * kFloat;
    }
    phase.parts.push_back({"steps, or a look at the hold-out", std::max(step, look), false});
    return phase;
  }

  MemoryPhase Scores() const {
    MemoryPhase phase = Begin("ranker and weights of the scores");
    const std::uint64_t vectors = of_.LabelVectors();
    AddEncoder(options_.classifier_trains_encoder, &phase);
    phase.parts.push_back({"classifiers", vectors, true});
    phase.parts.push_back({"moments of the classifiers", of_.LabelMoments(), true});
    phase.parts.push_back({"encoder of the first stage", of_.Parameters(), false});
    phase.parts.push_back({"vectors of the labels",
                           (sizes_.num_features > 0 ? 5 : 2) * vectors + of_.LabelGraph(), false});
    phase.parts.push_back(
        {"candidates of the hold-out",
         sizes_.num_held_out * kCandidateBytes + 2 * kBlockRows * sizes_.num_labels * kFloat,
         false});
    if (sizes_.num_features > 0) {
      phase.parts.push_back({"hard negatives", of_.Rows().hard_negatives, false, false, true});
      phase.parts.push_back({"documents by label", of_.Grouped(), false});
      phase.parts.push_back({"ranker", of_.Ranker(), false});
      phase.parts.push_back({"labels by word", of_.Postings(), false});
    }
    return phase;
  }

  // The training's own data are gone by then.
  MemoryPhase Release() const {
    MemoryPhase phase{"release", {{"LibTorch", kLibraryBytes, false, /*is_read=*/true}}};
    const std::uint64_t parameters = of_.Parameters();
    const std::uint64_t stored = options_.transformer == nullptr ? parameters / 2 : parameters;
    phase.parts.push_back({"encoder", parameters, false});
    phase.parts.push_back({"encoder as it is stored and read back", 3 * stored, false});
    phase.parts.push_back({"classifiers and embeddings of the labels",
                           of_.LabelVectors() + 3 * of_.LabelVectors() / 2, false});
    phase.parts.push_back({"label index", of_.LabelGraph(), false});
    phase.parts.push_back({"ranker", 2 * of_.Ranker(), false});
    phase.parts.push_back({"documents that vote", of_.Votes(), false});
    return phase;
  }

  const TrainingSizes& sizes_;
  const NgameOptions& options_;
  const Sizes of_;
};

}  // namespace

std::uint64_t MemoryPhase::HostBytes(bool on_device) const {
  std::uint64_t sum = 0;
  for (const MemoryPart& part : parts) {
    sum += on_device && part.is_tensor ? 0 : part.bytes;
  }
  return sum;
}

std::uint64_t MemoryPhase::DeviceBytes() const {
  std::uint64_t sum = 0;
  for (const MemoryPart& part : parts) {
    sum += part.is_tensor ? part.bytes : 0;
  }
  return sum;
}

std::vector<MemoryPhase> EstimateMemory(const TrainingSizes& sizes, const NgameOptions& options) {
  return Phases(sizes, options).All();
}

const MemoryPhase& PeakPhase(const std::vector<MemoryPhase>& phases, bool on_device) {
  return *std::max_element(phases.begin(), phases.end(),
                           [&](const MemoryPhase& a, const MemoryPhase& b) {
                             return a.HostBytes(on_device) < b.HostBytes(on_device);
                           });
}

}  // namespace dashi::trainer
