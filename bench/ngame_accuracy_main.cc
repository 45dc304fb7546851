// Trains NGAME on a data set of jsonl files and prints its accuracy on the test documents: the tool
// behind the figures of docs/BENCHMARKS.md.
//
//   ngame_accuracy DOCUMENTS.jsonl[.gz] LABELS.jsonl[.gz] RELEVANCE.tsv[.gz] [option=value ...]
//
// task=FOLDER also writes the task as flat files for bench/peers/ngame_pytorch.py, and with
// task_only=1 does nothing else.
//
// documents=N keeps only the first N training documents, the labels that they carry, and the test
// documents of those labels.
//
// Documents carry "id", "text" and "split" ("train" or "test"); labels "id" and "text"; relevance
// has a document and a label a line. Retrieval is exact, a document's own page is never an answer,
// ties go by ascending label row, propensities use A = 0.55 and B = 1.5.

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <functional>
#include <memory>
#include <numeric>
#include <span>
#include <string>
#include <string_view>
#include <sys/resource.h>
#include <unordered_map>
#include <vector>

#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include <zlib.h>

#include "base/clock.h"
#include "base/status.h"
#include "base/thread_pool.h"
#include "index/vector_kernels.h"
#include "trainer/bag_module.h"
#include "trainer/bag_tokenizer.h"
#include "trainer/ngame.h"
#include "trainer/ngame_ranker.h"
#include "trainer/ranker/ranker_features.h"
#include "trainer/ranker/ranker_postings.h"
#include "trainer/retrieval/document_votes.h"
#include "trainer/retrieval/nearest_documents.h"
#include "trainer/sparse_rows.h"
#include "trainer/validation.h"
#include "trainer/word_candidates.h"

namespace dashi::trainer {
namespace {

constexpr int kLineBytes = 1 << 20;

/// Calls `on_line` for each line of a plain or gzip file.
Status ForEachLine(const std::string& path,
                   const std::function<Status(std::string_view)>& on_line) {
  const std::unique_ptr<gzFile_s, int (*)(gzFile)> file(gzopen(path.c_str(), "rb"), gzclose);
  if (file == nullptr) {
    return Status::IoError("cannot open " + path);
  }
  std::string buffer(kLineBytes, '\0');
  while (gzgets(file.get(), buffer.data(), kLineBytes) != nullptr) {
    std::string_view line(buffer.c_str());
    while (!line.empty() && (line.back() == '\n' || line.back() == '\r')) {
      line.remove_suffix(1);
    }
    DASHI_RETURN_IF_ERROR(on_line(line));
  }
  return Status();
}

struct Texts {
  std::vector<std::string> texts;
  std::vector<std::string> splits;
  std::unordered_map<std::string, std::uint32_t> row_of_id;
};

Result<Texts> ReadTexts(const std::string& path) {
  Texts result;
  DASHI_RETURN_IF_ERROR(ForEachLine(path, [&](std::string_view line) -> Status {
    return CatchAsStatus(path, [&] {
      const auto row = nlohmann::json::parse(line);
      result.row_of_id.emplace(row.at("id").get<std::string>(),
                               static_cast<std::uint32_t>(result.texts.size()));
      result.texts.push_back(row.value("text", ""));
      result.splits.push_back(row.value("split", ""));
    });
  }));
  return result;
}

using Pairs = std::vector<std::vector<std::uint32_t>>;

/// An id out of a tsv file, in which a backslash is doubled.
std::string Unescaped(std::string_view field) {
  std::string id;
  for (std::size_t i = 0; i < field.size(); ++i) {
    i += field.substr(i).starts_with("\\\\") ? 1 : 0;
    id += field[i];
  }
  return id;
}

/// Shape: result [documents.texts.size()], label rows ascending.
Result<Pairs> ReadRelevance(const std::string& path, const Texts& documents, const Texts& labels) {
  Pairs pairs(documents.texts.size());
  DASHI_RETURN_IF_ERROR(ForEachLine(path, [&](std::string_view line) -> Status {
    const std::size_t tab = line.find('\t');
    const auto document = documents.row_of_id.find(Unescaped(line.substr(0, tab)));
    const std::string_view rest = tab == line.npos ? "" : line.substr(tab + 1);
    const auto label = labels.row_of_id.find(Unescaped(rest.substr(0, rest.find('\t'))));
    if (document == documents.row_of_id.end() || label == labels.row_of_id.end()) {
      return Status::InvalidArgument(fmt::format("unknown pair in {}: {}", path, line));
    }
    pairs[document->second].push_back(label->second);
    return Status();
  }));
  for (auto& row : pairs) {
    std::sort(row.begin(), row.end());
    row.erase(std::unique(row.begin(), row.end()), row.end());
  }
  return pairs;
}

/// Cuts the data set to its first `documents_max` training documents.
void KeepFirst(std::size_t documents_max, Texts* documents, Texts* labels, Pairs* pairs) {
  std::vector<std::uint32_t> new_label(labels->texts.size(), TrainingTask::kNoLabel);
  std::size_t num_training = 0;
  for (std::size_t d = 0; d < documents->texts.size(); ++d) {
    if (documents->splits[d] == "test") {
      continue;
    }
    if (++num_training > documents_max) {
      documents->splits[d] = "dropped";
      continue;
    }
    for (const std::uint32_t label : (*pairs)[d]) {
      new_label[label] = 0;
    }
  }
  std::vector<std::string> texts;
  for (std::size_t label = 0; label < new_label.size(); ++label) {
    if (new_label[label] == 0) {
      new_label[label] = static_cast<std::uint32_t>(texts.size());
      texts.push_back(labels->texts[label]);
    }
  }
  labels->texts = std::move(texts);
  std::unordered_map<std::string, std::uint32_t> row_of_id;
  for (const auto& [id, label] : labels->row_of_id) {
    if (new_label[label] != TrainingTask::kNoLabel) {
      row_of_id.emplace(id, new_label[label]);
    }
  }
  labels->row_of_id = std::move(row_of_id);
  for (std::size_t d = 0; d < documents->texts.size(); ++d) {
    for (std::uint32_t& label : (*pairs)[d]) {
      label = new_label[label];
    }
    std::erase((*pairs)[d], TrainingTask::kNoLabel);
    if ((*pairs)[d].empty()) {
      documents->splits[d] = "dropped";
    }
  }
}

void AppendBag(const TokenBag& bag, SparseRows* rows) {
  rows->columns.insert(rows->columns.end(), bag.ids.begin(), bag.ids.end());
  rows->values.insert(rows->values.end(), bag.weights.begin(), bag.weights.end());
  rows->offsets.push_back(rows->columns.size());
}

struct DataSet {
  TrainingTask training;
  TrainingTask test;  // the same labels
};

DataSet Assemble(const Texts& documents, const Texts& labels, const Pairs& pairs) {
  BagTokenizer::Learner learner{BagTokenizer::LearnOptions()};
  RankerFeatures::Learner pairs_learner;
  for (std::size_t d = 0; d < documents.texts.size(); ++d) {
    if (documents.splits[d] == "train") {
      learner.AddText(documents.texts[d]);
      pairs_learner.AddText(documents.texts[d]);
    }
  }
  for (const std::string& text : labels.texts) {
    learner.AddName(text);
    pairs_learner.AddText(text);
  }
  const std::unique_ptr<BagTokenizer> tokenizer = learner.Build();
  const RankerFeatures features(learner.BuildWithNames(), pairs_learner.BucketIdf());
  DataSet data;
  data.training.num_features = features.num_features();
  for (const std::string& text : labels.texts) {
    AppendBag(tokenizer->Tokenize(text), &data.training.label_tokens);
    AppendBag(features.Extract(text), &data.training.label_features);
  }
  std::vector<std::uint32_t> own_label(documents.texts.size(), TrainingTask::kNoLabel);
  for (const auto& [id, row] : documents.row_of_id) {
    const auto label = labels.row_of_id.find(id);
    if (label != labels.row_of_id.end()) {
      own_label[row] = label->second;
    }
  }
  for (std::size_t d = 0; d < documents.texts.size(); ++d) {
    if (documents.splits[d] == "dropped") {
      continue;
    }
    TrainingTask& task = documents.splits[d] == "test" ? data.test : data.training;
    AppendBag(tokenizer->Tokenize(documents.texts[d]), &task.document_tokens);
    AppendBag(features.Extract(documents.texts[d]), &task.document_features);
    task.relevance.columns.insert(task.relevance.columns.end(), pairs[d].begin(), pairs[d].end());
    task.relevance.offsets.push_back(task.relevance.columns.size());
    task.own_label.push_back(own_label[d]);
  }
  data.training.vocabulary_size = tokenizer->vocabulary_size();
  return data;
}

template <typename T>
Status WriteArray(const std::string& path, std::span<const T> values) {
  std::ofstream file(path, std::ios::binary);
  file.write(reinterpret_cast<const char*>(values.data()),
             static_cast<std::streamsize>(values.size_bytes()));
  file.close();
  return file ? Status() : Status::IoError("cannot write " + path);
}

Status WriteRows(const std::string& path, const SparseRows& rows) {
  DASHI_RETURN_IF_ERROR(WriteArray<std::uint64_t>(path + ".offsets", rows.offsets));
  DASHI_RETURN_IF_ERROR(WriteArray<std::uint32_t>(path + ".columns", rows.columns));
  return rows.values.empty() ? Status() : WriteArray<float>(path + ".values", rows.values);
}

/// Writes the task as flat little-endian arrays. A matrix NAME is NAME.offsets (uint64),
/// NAME.columns (uint32) and NAME.values (float32).
Status WriteTaskFiles(const DataSet& data, const std::string& folder) {
  const TrainingTask& training = data.training;
  const TrainingTask& test = data.test;
  DASHI_RETURN_IF_ERROR(WriteRows(folder + "/document_tokens", training.document_tokens));
  DASHI_RETURN_IF_ERROR(WriteRows(folder + "/label_tokens", training.label_tokens));
  DASHI_RETURN_IF_ERROR(WriteRows(folder + "/relevance", training.relevance));
  DASHI_RETURN_IF_ERROR(WriteRows(folder + "/test_tokens", test.document_tokens));
  DASHI_RETURN_IF_ERROR(WriteRows(folder + "/test_relevance", test.relevance));
  DASHI_RETURN_IF_ERROR(WriteArray<std::uint32_t>(folder + "/own_label", training.own_label));
  DASHI_RETURN_IF_ERROR(WriteArray<std::uint32_t>(folder + "/test_own_label", test.own_label));
  return WriteArray<std::uint32_t>(folder + "/vocabulary_size",
                                   std::span(&training.vocabulary_size, 1));
}

/// Options of TrainNgame by name, for experiments.
Status SetOption(std::string_view argument, NgameOptions* options) {
  const std::size_t equals = argument.find('=');
  const std::string name(argument.substr(0, equals));
  const std::string value(equals == argument.npos ? "" : argument.substr(equals + 1));
  const double number = std::strtod(value.c_str(), nullptr);
  const auto count = static_cast<std::uint32_t>(number);
  const auto real = static_cast<float>(number);
  const std::unordered_map<std::string, std::function<void()>> setters{
      {"dim", [&] { options->dim = count; }},
      {"hidden", [&] { options->hidden = count; }},
      {"seed", [&] { options->seed = count; }},
      {"threads", [&] { options->num_threads = static_cast<int>(number); }},
      {"device", [&] { options->device = value; }},
      {"precision", [&] { options->precision = value; }},
      {"epochs", [&] { options->epochs = count; }},
      {"batch_size", [&] { options->batch_size = count; }},
      {"label_documents", [&] { options->label_documents = number != 0; }},
      {"learning_rate_embeddings", [&] { options->learning_rate_embeddings = real; }},
      {"learning_rate_dense", [&] { options->learning_rate_dense = real; }},
      {"temperature", [&] { options->encoder_loss.temperature = real; }},
      {"loss", [&] { options->encoder_loss.kind = static_cast<LossKind>(count); }},
      {"classifier_temperature", [&] { options->classifier_loss.temperature = real; }},
      {"classifier_loss", [&] { options->classifier_loss.kind = static_cast<LossKind>(count); }},
      {"batches_ahead", [&] { options->batches_ahead = count; }},
      {"cluster_size_max", [&] { options->cluster_size_max = count; }},
      {"classifier_epochs", [&] { options->classifier_epochs = count; }},
      {"classifier_trains_encoder", [&] { options->classifier_trains_encoder = number != 0; }},
      {"random_labels", [&] { options->random_labels = count; }},
      {"classifier_learning_rate", [&] { options->classifier_learning_rate = real; }},
      {"classifier_learning_rate_embeddings",
       [&] { options->classifier_learning_rate_embeddings = real; }},
      {"classifier_dropout", [&] { options->classifier_dropout = real; }},
      {"objective", [&] { options->objective = static_cast<RankingObjective>(count); }},
      {"retrieval", [&] { options->retrieval = number != 0; }},
      {"ranker", [&] { options->ranker = number != 0; }},
      {"ranker_c", [&] { options->ranker_c = number; }},
      {"ranker_passes", [&] { options->sparse_ranker.svm.passes_max = count; }},
      {"ranker_tolerance", [&] { options->sparse_ranker.svm.tolerance = number; }},
      {"ranker_weight_min", [&] { options->sparse_ranker.weight_min = real; }},
      {"validation_share", [&] { options->validation_share = number; }},
  };
  const auto setter = setters.find(name);
  if (setter == setters.end()) {
    return Status::InvalidArgument("unknown option " + name);
  }
  setter->second();
  return Status();
}

double ProcessorSeconds() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return static_cast<double>(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
         static_cast<double>(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) * 1e-6;
}

/// Prints what each epoch took; processor time is counted from the report before.
std::function<void(const EpochReport&)> EpochPrinter() {
  return [before = ProcessorSeconds()](const EpochReport& report) mutable {
    const double now = ProcessorSeconds();
    fmt::print(
        "epoch {} {}: clusters {:.3f} s, batches {:.3f} s, waits {:.3f} s, steps {:.3f} s, "
        "processor "
        "{:.3f} s\n",
        report.stage, report.epoch, report.cluster_seconds, report.batch_seconds,
        report.wait_seconds, report.step_seconds, now - before);
    before = now;
  };
}

/// Adds the labels that words and votes speak for, and the scores of ranker and votes.
Status AddOtherScores(const DataSet& data, const NgameModel& model, const NgameOptions& options,
                      const RankingTask& ranking, const LabelVectors& vectors,
                      EncoderModule& module, TensorBackend& backend,
                      std::vector<std::vector<LabelCandidate>>* candidates) {
  ThreadPool pool(options.num_threads);
  if (model.fusion_ranker > 0 && model.ranker.word_candidates > 0) {
    AddWordCandidates(data.test.document_features, ranking, vectors, RankerPostings(model.ranker),
                      pool, candidates);
  }
  if (options.retrieval) {
    std::vector<std::uint32_t> documents(data.training.relevance.num_rows());
    std::iota(documents.begin(), documents.end(), 0U);
    DASHI_ASSIGN_OR_RETURN(
        const auto nearest,
        FindNearestDocuments(data.training.document_tokens, documents,
                             {ranking.embeddings.data(), ranking.truth.num_rows(), options.dim},
                             module, backend, pool, TrainingControl()));
    AddVotes(ranking, vectors, nearest, data.training.relevance, candidates);
  }
  if (model.fusion_ranker > 0) {
    TrainingTask test;
    test.document_features = data.test.document_features;
    std::vector<std::uint32_t> documents(candidates->size());
    std::iota(documents.begin(), documents.end(), 0U);
    ScoreCandidates(test, documents, model.ranker, pool, candidates);
  }
  return Status();
}

Status PrintAccuracy(const DataSet& data, const NgameModel& model, const NgameOptions& options,
                     TensorBackend& backend) {
  BagModuleOptions module_options;
  module_options.vocabulary_size = data.training.vocabulary_size;
  module_options.dim = options.dim;
  module_options.hidden = options.hidden;
  module_options.num_threads = options.num_threads;
  DASHI_ASSIGN_OR_RETURN(const std::unique_ptr<BagModule> module,
                         backend.NewBagModule(module_options));
  DASHI_RETURN_IF_ERROR(module->ImportParameters(model.encoder));
  const std::size_t num_labels = data.training.label_tokens.num_rows();
  std::vector<float> labels(num_labels * options.dim);
  DASHI_RETURN_IF_ERROR(module->Encode(data.training.label_tokens, labels.data()));
  RankingTask ranking;
  ranking.truth = data.test.relevance;
  for (std::size_t d = 0; d < ranking.truth.num_rows(); ++d) {
    AppendIgnored(data.test.own_label[d], RowColumns(ranking.truth, d), {}, &ranking.ignored);
  }
  ranking.embeddings.resize(ranking.truth.num_rows() * options.dim);
  DASHI_RETURN_IF_ERROR(module->Encode(data.test.document_tokens, ranking.embeddings.data()));
  DASHI_ASSIGN_OR_RETURN(
      auto candidates,
      FindCandidates(ranking, {labels, model.classifiers, options.dim}, /*num_candidates=*/100,
                     options.num_threads, backend, TrainingControl()));
  const std::vector<std::uint64_t> counts = CountLabels(data.training.relevance, num_labels);
  DASHI_RETURN_IF_ERROR(AddOtherScores(data, model, options, ranking,
                                       {labels, model.classifiers, options.dim}, *module, backend,
                                       &candidates));
  std::size_t num_found = 0;
  for (std::size_t d = 0; d < candidates.size(); ++d) {
    const auto truth = RowColumns(ranking.truth, d);
    for (const LabelCandidate& candidate : candidates[d]) {
      num_found += std::binary_search(truth.begin(), truth.end(), candidate.label) ? 1 : 0;
    }
  }
  fmt::print("test candidates hold {:.4f} of all relevant labels\n",
             static_cast<double>(num_found) / static_cast<double>(ranking.truth.columns.size()));
  struct Line {
    const char* name;
    ScoreWeights weights;
  };
  const double a = model.fusion_encoder;
  const double b = model.fusion_classifier;
  const std::array<Line, 6> lines{{{"encoder", {1, 0, 0}},
                                   {"classifier", {0, 1, 0}},
                                   {"ranker", {0, 0, 1}},
                                   {"votes", {0, 0, 0, 0, 1}},
                                   {"dense", {a, b, 0}},
                                   {"fused", {a, b, model.fusion_ranker, 0, model.fusion_votes}}}};
  for (const Line& line : lines) {
    const RankingQuality quality =
        MeasureRankings(RankCandidates(candidates, line.weights, 5), ranking.truth, counts,
                        data.training.relevance.num_rows());
    fmt::print("test {:10} P@1 {:.4f}  P@5 {:.4f}  nDCG@5 {:.4f}  PSP@1 {:.4f}  PSP@5 {:.4f}\n",
               line.name, quality.p1, quality.p5, quality.ndcg5, quality.psp1, quality.psp5);
  }
  return Status();
}

struct Arguments {
  NgameOptions options;
  std::size_t documents_max = 0;
  std::string task_folder;
  bool task_only = false;
};

Result<Arguments> ParseArguments(int argc, char** argv) {
  if (argc < 4) {
    return Status::InvalidArgument(
        "usage: ngame_accuracy DOCUMENTS.jsonl LABELS.jsonl RELEVANCE.tsv [option=value ...]");
  }
  Arguments arguments;
  for (int i = 4; i < argc; ++i) {
    const std::string_view argument(argv[i]);
    if (argument.starts_with("documents=")) {
      arguments.documents_max = std::strtoull(argv[i] + 10, nullptr, 10);
    } else if (argument.starts_with("task=")) {
      arguments.task_folder = argument.substr(5);
    } else if (argument.starts_with("task_only=")) {
      arguments.task_only = argument.substr(10) == "1";
    } else {
      DASHI_RETURN_IF_ERROR(SetOption(argument, &arguments.options));
    }
  }
  return arguments;
}

Status Run(int argc, char** argv) {
  DASHI_ASSIGN_OR_RETURN(const Arguments arguments, ParseArguments(argc, argv));
  const NgameOptions& options = arguments.options;
  const Stopwatch since_start;
  DASHI_ASSIGN_OR_RETURN(Texts documents, ReadTexts(argv[1]));
  DASHI_ASSIGN_OR_RETURN(Texts labels, ReadTexts(argv[2]));
  DASHI_ASSIGN_OR_RETURN(Pairs pairs, ReadRelevance(argv[3], documents, labels));
  if (arguments.documents_max > 0) {
    KeepFirst(arguments.documents_max, &documents, &labels, &pairs);
  }
  const DataSet data = Assemble(documents, labels, pairs);
  fmt::print("{} training documents, {} test documents, {} labels, {} tokens: read in {:.1f} s\n",
             data.training.relevance.num_rows(), data.test.relevance.num_rows(),
             labels.texts.size(), data.training.vocabulary_size, since_start.Seconds());
  if (!arguments.task_folder.empty()) {
    DASHI_RETURN_IF_ERROR(WriteTaskFiles(data, arguments.task_folder));
    if (arguments.task_only) {
      return Status();
    }
  }
  DASHI_ASSIGN_OR_RETURN(TensorBackend * backend, LoadTensorBackend(""));

  TrainingControl control;
  std::string last_phase;
  control.on_progress = [&](const Progress& progress) {
    if (progress.done == progress.total || progress.phase != last_phase) {
      fmt::print("{:6.1f} s  {:10}  {}/{} {}  loss {:.4f}  {} MB\n", progress.seconds,
                 progress.phase, progress.done, progress.total, progress.unit,
                 progress.loss.value_or(0), progress.memory_bytes >> 20U);
      std::fflush(stdout);
    }
    last_phase = progress.phase;
  };
  control.on_epoch = EpochPrinter();
  const Stopwatch since_training;
  DASHI_ASSIGN_OR_RETURN(const NgameModel model,
                         TrainNgame(data.training, options, *backend, control));
  const double seconds = since_training.Seconds();
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  fmt::print(
      "trained in {:.1f} s (encoder {:.1f}, classifier {:.1f} in {} epochs, ranker {:.1f}, {} "
      "weights); "
      "{:.1f} s of "
      "processor; "
      "peak {} MB\n",
      seconds, model.encoder_seconds, model.classifier_seconds, model.classifier_epochs_run,
      model.ranker_seconds, model.ranker.features.size(),
      static_cast<double>(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec), usage.ru_maxrss >> 10U);
  fmt::print(
      "weights: encoder {:.2f}, classifier {:.2f}, ranker {:.3f}, votes {:.3f}; held out {}:",
      model.fusion_encoder, model.fusion_classifier, model.fusion_ranker, model.fusion_votes,
      model.num_validation_documents);
  for (const auto& [name, value] : model.validation_metrics) {
    fmt::print(" {} {:.4f};", name, value);
  }
  fmt::print("\n");
  return PrintAccuracy(data, model, options, *backend);
}

}  // namespace
}  // namespace dashi::trainer

int main(int argc, char** argv) {
  const dashi::Status status = dashi::trainer::Run(argc, argv);
  if (!status.ok()) {
    fmt::print(stderr, "{}\n", status.ToString());
    return 1;
  }
  return 0;
}
