#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace dashi::storage {

/// Option name -> value as the user wrote it (CREATE MODEL ... WITH).
using OptionMap = std::map<std::string, std::string>;

/// How many releases that were published before the current one stay, unless the model says so.
inline constexpr std::uint32_t kRetainReleasesDefault = 2;
/// The most that a model may say.
inline constexpr std::uint32_t kRetainReleasesMax = 1000;

/// How many labels that came after a release stand in blocks that every search scans, if its model
/// says nothing: scanning so many takes about a millisecond.
inline constexpr std::uint32_t kSealRowsDefault = 20'000;
/// The most that a model may say.
inline constexpr std::uint32_t kSealRowsMax = 1'000'000;

/// A row of `models`.
struct ModelRecord {
  std::string name;
  std::string algorithm;  ///< "ngame" or "ramen"
  OptionMap options;      ///< as given by the user; defaults are resolved at TRAIN
  std::int64_t created_at_micros = 0;
  std::uint32_t next_release = 1;
  /// The releases published last, oldest first; the last is the one that topk answers from. REVERT
  /// removes the last.
  std::vector<std::uint32_t> published;
  /// What a pretrained model starts training from: a name in the `weights` column family, which
  /// may be that of a release's encoder. Empty: nothing.
  std::string start_weights;
  /// Blobs of the token lists that its last training read, in the `weights` column family.
  std::vector<std::string> tokens;
  /// How many releases that were published before the current one are kept for REVERT.
  std::uint32_t retain_releases = kRetainReleasesDefault;
  /// Those that REVERT left since the last PUBLISH: kept until the next one.
  std::vector<std::uint32_t> reverted = {};
  /// There are releases that nobody keeps, which are dropped after the commit that says so. An open
  /// that finds this goes on with it.
  bool has_garbage = false;
  /// From how many labels on those that came after a release get a graph of their own.
  std::uint32_t seal_rows = kSealRowsDefault;
};

/// What a training made of one side of a graph.
struct ReleaseGraph {
  std::string graph;
  std::string side;   ///< "document" or "label"
  double weight = 0;  ///< of its term in the loss, at the end
  std::uint64_t num_edges = 0;
  std::uint64_t num_kept = 0;  ///< by the last pruning
  // How far the graph pulls rows where the task pulls them, how far anchors of other rows do, and
  // the standard error of the difference; nullopt where it was not measured.
  std::optional<double> agreement = std::nullopt;
  std::optional<double> chance_agreement = std::nullopt;
  std::optional<double> agreement_error = std::nullopt;

  friend bool operator==(const ReleaseGraph&, const ReleaseGraph&) = default;
};

/// Rows that came after a release and were gathered: their embeddings are a version of their own,
/// with a graph of their own.
struct SealedRows {
  std::uint64_t embedding_version = 0;  ///< 0: there are none
  std::string index_file;               ///< name of a file in Store::index_directory()
  std::uint64_t num_rows = 0;
  std::uint64_t sequence = 0;  ///< commit sequence whose texts were embedded

  friend bool operator==(const SealedRows&, const SealedRows&) = default;
};

/// One figure of a release at its publication.
struct PublishedFigure {
  std::string metric;                            ///< "p@1", "ann_recall@10", "latency_p99", "size"
  double value = 0;                              ///< milliseconds of a latency, bytes of a size
  std::optional<double> current = std::nullopt;  ///< of the release that served, where it counted
  std::string condition = {};                    ///< as it was written; empty: measured without

  friend bool operator==(const PublishedFigure&, const PublishedFigure&) = default;
};

/// One publication of a release.
struct Publication {
  std::int64_t at_micros = 0;
  std::uint32_t replaced = 0;  ///< the release that served before; 0: none
  std::string split;  ///< whose documents its rankings were measured on; empty: none were measured
  std::vector<PublishedFigure> figures;

  friend bool operator==(const Publication&, const Publication&) = default;
};

/// How many publications of a release are remembered.
inline constexpr std::size_t kPublicationsMax = 8;

/// A row of `releases`: immutable once written, but for `pinned`, `publications` and
/// `sealed_labels`.
struct ReleaseRecord {
  std::string model;
  std::uint32_t number = 0;
  std::int64_t created_at_micros = 0;
  std::uint64_t snapshot_sequence = 0;  ///< commit sequence that the training data were read at
  std::uint64_t seed = 0;
  OptionMap options;                    ///< every hyper-parameter, resolved
  OptionMap environment;                ///< library versions, device, threads
  std::uint64_t embedding_version = 0;  ///< its column family emb_<version>
  std::vector<std::string> weights;     ///< names in the `weights` column family
  std::uint32_t dim = 0;
  std::uint64_t num_documents = 0;  ///< trained on
  std::uint64_t num_labels = 0;     ///< retrievable
  double fusion_encoder = 1.0;      ///< a in a*<e,z> + b*<e,w>
  double fusion_classifier = 0.0;   ///< b
  double fusion_ranker = 0.0;       ///< c: c * sparse ranker's score is added on the shortlist
  double fusion_votes = 0.0;        ///< v: v * votes of the nearest documents is added likewise
  double train_seconds = 0;
  std::map<std::string, double> metrics;  ///< on the held-out training documents: "P@1" -> value
  std::vector<ReleaseGraph> graphs;       ///< that regularised its encoder
  std::string index_kind;                 ///< "exact" or "hnsw"
  std::string index_file;        ///< name of a file in Store::index_directory(); empty for exact
  std::string votes_index_file;  ///< the same of the documents that vote
  std::uint64_t job = 0;         ///< the job that made it
  bool pinned = false;           ///< by PIN RELEASE: stays until UNPIN RELEASE or DROP MODEL
  /// The last ones, oldest first, at most kPublicationsMax.
  std::vector<Publication> publications = {};

  SealedRows sealed_labels;  ///< labels that came after it

  /// The files in Store::index_directory() that it needs.
  std::vector<std::string> IndexFiles() const;
  /// The embedding versions that it needs.
  std::vector<std::uint64_t> EmbeddingVersions() const;
};

/// A row of `jobs`. Persisted states: append only.
enum class JobState : std::uint8_t {
  kQueued = 0,
  kRunning = 1,
  kSucceeded = 2,
  kFailed = 3,
  kCancelled = 4,
  kInterrupted = 5,  ///< was running or waiting when the database closed or its process ended
  kPaused = 6,       ///< by PAUSE JOB
};

/// How training went: one epoch of one stage.
struct JobMetric {
  std::string stage;
  std::uint32_t epoch = 0;   ///< from 1 in each stage
  double seconds = 0;        ///< since the training began
  double loss = 0;           ///< mean of the epoch
  std::optional<double> p1;  ///< on the hold-out, where it was looked at
  std::optional<double> ndcg5;
  std::optional<double> psp5;
  // Of the epoch's wall time, or since a resume inside it.
  std::optional<double> cluster_seconds;  ///< making the clusters that batches are drawn from
  std::optional<double> wait_seconds;     ///< of steps for their batches
  std::optional<double> step_seconds;

  friend bool operator==(const JobMetric&, const JobMetric&) = default;
};

struct JobRecord {
  std::uint64_t id = 0;
  std::string kind;       ///< "train"
  std::string statement;  ///< as the user wrote it
  std::string model;
  JobState state = JobState::kQueued;
  std::string phase;
  std::uint64_t done = 0;
  std::uint64_t total = 0;
  std::optional<double> loss;
  std::string error;           ///< message, when failed
  std::string error_sqlstate;  ///< when failed; empty in rows of older versions
  std::string error_hint;      ///< may be empty
  std::string result;          ///< "ads@3", when it made a release
  std::int64_t created_at_micros = 0;
  std::int64_t started_at_micros = 0;   ///< 0 = not yet
  std::int64_t finished_at_micros = 0;  ///< 0 = not yet
  std::vector<JobMetric> metrics;       ///< rows of job_metrics
  OptionMap options;                    ///< the statement's own
  /// The weights blobs that the job goes on from; kept for as long as the row names them.
  std::vector<std::string> checkpoint;
  std::int64_t checkpointed_at_micros = 0;   ///< 0 = not yet
  std::uint64_t num_checkpoint_metrics = 0;  ///< so many of `metrics` came before it
  // What the training was thought to need before its long work (trainer/estimate/); 0: not yet.
  std::uint64_t estimated_memory_bytes = 0;
  std::uint64_t estimated_disk_bytes = 0;
  double estimated_seconds = 0;
};

/// A row of `evaluations`: one metric of one EVALUATE.
struct EvaluationRecord {
  std::uint64_t id = 0;  ///< one per EVALUATE statement
  std::string model;
  std::uint32_t release = 0;
  std::string split;
  std::string slice;   ///< "all", "head", "torso", "tail", "new"
  std::string metric;  ///< "P", "nDCG", "PSP", "R"
  std::uint32_t k = 0;
  double value = 0;
  double low = 0;  ///< 95 % bootstrap interval
  double high = 0;
  std::uint64_t num_documents = 0;
  OptionMap options;  ///< filter, A, B, scores, exact or not
  std::int64_t at_micros = 0;
};

}  // namespace dashi::storage
