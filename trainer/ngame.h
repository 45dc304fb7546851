#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "dashi/status.h"
#include "trainer/bag_module.h"
#include "trainer/ramen/ramen_options.h"
#include "trainer/ranker/sparse_ranker.h"
#include "trainer/ranker/sparse_ranker_training.h"
#include "trainer/training_task.h"
#include "trainer/transformer/transformer_config.h"
#include "trainer/transformer/transformer_weights.h"
#include "trainer/validation.h"

namespace dashi::trainer {

/// A transformer to train: its shape, and what it starts from.
struct TransformerStart {
  TransformerConfig config;
  PoolingConfig pooling;
  TransformerWeights weights;  ///< without tensors: a random start
  float weight_decay = 0.01F;
};

struct WarmStart;

/// Every hyper-parameter of NGAME. The defaults are the measured recipe of docs/ARCHITECTURE.md
/// ("What NGAME does here") with the `bag` encoder.
struct NgameOptions {
  /// Null: the bag encoder. Sharers: copies of these options.
  std::shared_ptr<const TransformerStart> transformer;
  /// What training takes over from a release; null: nothing. Sharers: copies of these options.
  std::shared_ptr<const WarmStart> warm_start;
  std::uint32_t dim = 256;     ///< of embeddings; of a transformer the dim of its config
  std::uint32_t hidden = 256;  ///< of the bag encoder
  std::uint64_t seed = 1;
  RankingObjective objective = RankingObjective::kBalanced;
  int num_threads = 1;
  std::string device = "auto";
  std::string precision = "auto";  ///< of BagModuleOptions

  // Stage M1: the encoder.
  std::uint32_t epochs = 12;
  std::uint32_t batch_size = 1024;  ///< at most; small sets get smaller batches
  LossOptions encoder_loss;
  bool label_documents = true;  ///< label texts are documents too, their only target themselves
  float learning_rate_embeddings = 1e-2F;
  float learning_rate_dense = 1e-3F;  ///< of a transformer: of all parameters
  std::uint32_t warmup_steps = 20;
  double random_share = 0.2;  ///< of the epochs with random batches before clusters
  double growth_share = 0.7;  ///< of the epochs when the cluster size stops doubling
  std::uint32_t cluster_size_max = 64;
  std::uint32_t recluster_epochs = 3;
  RamenOptions ramen;  ///< of the task's graphs
  /// Batches that are put together while steps run, in both stages, by a thread beside num_threads.
  /// 0: between the steps. Changes no bit.
  std::uint32_t batches_ahead = 2;

  // Stage M2: one vector per label, the encoder trained along or frozen.
  std::uint32_t classifier_epochs = 6;
  bool classifier_trains_encoder = true;
  std::uint32_t random_labels = 2000;
  LossOptions classifier_loss;
  float classifier_learning_rate = 1e-2F;
  float classifier_learning_rate_embeddings = 1e-3F;
  float classifier_dropout = 0.25F;
  std::uint32_t classifier_warmup_steps = 50;

  // Stage 3: the sparse ranker on the shortlist; needs the task's features.
  bool ranker = true;
  SparseRankerOptions sparse_ranker;  ///< its seed is `seed`, its svm.c `ranker_c`
  /// What a label's losses weigh against the norm. 0: 1, or 4 where labels have many documents and
  /// the hold-out says so.
  double ranker_c = 0;

  /// Whether the labels of the nearest training documents have a score too.
  bool retrieval = false;

  /// MiB of memory for what has a row a document: the texts that training reads, the memory bank,
  /// hard negatives. What is larger stands in files. Changes no bit.
  std::uint32_t rows_memory_mb = 256;

  // Held-out documents: early stopping and fusion weights.
  double validation_share = 0.05;
  std::uint32_t validation_documents_max = 1200;
};

/// What training made, in the row numbering of the TrainingTask.
struct NgameModel {
  std::vector<NamedTensor> encoder;  ///< EncoderModule::ExportParameters
  std::vector<float> classifiers;    ///< W, [num_labels, dim], unit rows
  double fusion_encoder = 1.0;       ///< a in a*<e,z> + b*<e,w>
  double fusion_classifier = 0.0;    ///< b
  double fusion_ranker = 0.0;  ///< c, added as c * ranker score on the shortlist; 0: no ranker
  /// Added as fusion_votes * votes of the nearest documents; 0: they have none.
  double fusion_votes = 0.0;
  SparseRankerWeights ranker;  ///< empty when fusion_ranker is 0
  /// How much of each label's own text, as features, is in the ranker beside what it learned.
  double ranker_label_text = 0;
  double ranker_c = 0;  ///< what it was trained with; 0: no ranker
  /// How many labels the words of a text add to its shortlist: 0 where they hardly find labels that
  /// the vectors miss.
  std::uint32_t ranker_word_candidates = 0;
  /// On the held-out documents, before the model learned from them too, with the fused score:
  /// "P@1", "P@5", "PSP@1", "PSP@5"; with prefixes "encoder " and "classifier " for each score
  /// alone, "dense " for both without ranker and votes. "found": the share of the relevant labels
  /// among the candidates that are ranked, "dense found" among those that the vectors find; where
  /// the two differ words find more.
  std::map<std::string, double> validation_metrics;
  std::uint64_t num_validation_documents = 0;
  std::vector<GraphReport> graphs;  ///< after the encoder stage; those that took part
  std::uint32_t classifier_epochs_run = 0;
  double encoder_seconds = 0;
  double classifier_seconds = 0;
  double ranker_seconds = 0;
};

/// Trains an NGAME model.
///
/// Errors:  kInvalidArgument when there is no positive pair or no token at all, or an option is out
///          of range (naming it); kCancelled when control.should_stop says so; kInternal with the
///          step when the loss stops being finite.
/// Threads: one call at a time per backend.
/// Cost:    per epoch about 6 * batch * vocabulary touched + batch^2 * dim multiply-adds a batch.
/// Paper:   Dahiya et al., NGAME (WSDM 2023), Algorithm 1 and section 3. Deviations are listed in
///          docs/ARCHITECTURE.md.
Result<NgameModel> TrainNgame(const TrainingTask& task, const NgameOptions& options,
                              TensorBackend& backend, const TrainingControl& control);

}  // namespace dashi::trainer
