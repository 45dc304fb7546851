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
// graphs=FILE.tsv[.gz],... with nodes=FILE.jsonl[.gz] regularises the encoder (RAMEN). A line is a
// source, a target and a weight, which counts for nothing; bench/accuracy/graphs.h says what ids
// stand for and what labels_first, anchor_words, degree_max and shuffled do.
//
// runs=FILE trains once for each line of the file, with the options of the line besides.
//
// Documents carry "id", "text" and "split" ("train" or "test"); labels "id" and "text"; relevance
// has a document and a label a line. Retrieval is exact, a document's own page is never an answer,
// ties go by ascending label row, propensities use A = 0.55 and B = 1.5.

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <sstream>
#include <string>
#include <string_view>
#include <sys/resource.h>
#include <vector>

#include <fmt/format.h>

#include "base/clock.h"
#include "base/status.h"
#include "bench/accuracy/data_set.h"
#include "bench/accuracy/graphs.h"
#include "bench/accuracy/test_accuracy.h"
#include "bench/accuracy/text_lines.h"
#include "bench/accuracy/training_options.h"
#include "trainer/bag_module.h"
#include "trainer/ngame.h"

namespace dashi::trainer {
namespace {

double ProcessorSeconds() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return static_cast<double>(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
         static_cast<double>(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) * 1e-6;
}

void PrintGraphs(const std::vector<GraphReport>& graphs) {
  for (const GraphReport& graph : graphs) {
    fmt::print("graph {} {}: weight {:.4f}, {} of {} edges kept\n", graph.graph, graph.side,
               graph.weight, graph.num_edges_kept, graph.num_edges);
    if (graph.evidence) {
      fmt::print("  agreement {:.4f}, by chance {:.4f}, error {:.4f}\n", graph.evidence->agreement,
                 graph.evidence->chance, graph.evidence->error);
    }
  }
}

/// Prints what each epoch took; processor time is counted from the report before.
std::function<void(const EpochReport&)> EpochPrinter() {
  return [before = ProcessorSeconds()](const EpochReport& report) mutable {
    const double now = ProcessorSeconds();
    fmt::print(
        "epoch {} {}: clusters {:.3f} s, pruning {:.3f} s, batches {:.3f} s, waits {:.3f} s, "
        "steps {:.3f} s, processor {:.3f} s\n",
        report.stage, report.epoch, report.cluster_seconds, report.prune_seconds,
        report.batch_seconds, report.wait_seconds, report.step_seconds, now - before);
    PrintGraphs(report.graphs);
    before = now;
  };
}

struct Arguments {
  NgameOptions options;
  GraphOptions graphs;
  std::size_t documents_max = 0;
  std::string task_folder;
  bool task_only = false;
  std::string runs_path;
};

Status SetArgument(std::string_view argument, Arguments* arguments) {
  const std::size_t equals = std::min(argument.find('='), argument.size());
  const std::string_view name = argument.substr(0, equals);
  const std::string value(argument.substr(std::min(equals + 1, argument.size())));
  if (name == "documents") {
    arguments->documents_max = std::strtoull(value.c_str(), nullptr, 10);
  } else if (name == "task") {
    arguments->task_folder = value;
  } else if (name == "task_only") {
    arguments->task_only = value == "1";
  } else if (name == "runs") {
    arguments->runs_path = value;
  } else if (name == "graphs") {
    arguments->graphs.paths.clear();
    std::istringstream paths(value);
    for (std::string path; std::getline(paths, path, ',');) {
      arguments->graphs.paths.push_back(path);
    }
  } else if (name == "nodes") {
    arguments->graphs.nodes_path = value;
  } else if (name == "labels_first") {
    arguments->graphs.labels_first = value == "1";
  } else if (name == "anchor_words") {
    arguments->graphs.words_max = std::strtoull(value.c_str(), nullptr, 10);
  } else if (name == "degree_max") {
    arguments->graphs.degree_max = std::strtoull(value.c_str(), nullptr, 10);
  } else if (name == "shuffled") {
    arguments->graphs.shuffled = value == "1";
  } else {
    return SetOption(argument, &arguments->options);
  }
  return Status();
}

Result<Arguments> ParseArguments(int argc, char** argv) {
  if (argc < 4) {
    return Status::InvalidArgument(
        "usage: ngame_accuracy DOCUMENTS.jsonl LABELS.jsonl RELEVANCE.tsv [option=value ...]");
  }
  Arguments arguments;
  for (int i = 4; i < argc; ++i) {
    DASHI_RETURN_IF_ERROR(SetArgument(argv[i], &arguments));
  }
  return arguments;
}

/// The arguments of each run, and its line.
struct TrainingRun {
  std::string line;
  Arguments arguments;
};

Status AddRun(std::string_view line, const Arguments& arguments, std::vector<TrainingRun>* runs) {
  TrainingRun& run = runs->emplace_back(TrainingRun{std::string(line), arguments});
  std::istringstream words(run.line);
  for (std::string word; words >> word;) {
    DASHI_RETURN_IF_ERROR(SetArgument(word, &run.arguments));
  }
  return Status();
}

Result<std::vector<TrainingRun>> ReadRuns(const Arguments& arguments) {
  std::vector<TrainingRun> runs;
  if (arguments.runs_path.empty()) {
    runs.push_back({"", arguments});
    return runs;
  }
  DASHI_RETURN_IF_ERROR(ForEachLine(
      arguments.runs_path, [&](std::string_view line) { return AddRun(line, arguments, &runs); }));
  return runs;
}

void PrintModel(const NgameModel& model, double seconds) {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  fmt::print(
      "trained in {:.1f} s (encoder {:.1f}, classifier {:.1f} in {} epochs, ranker {:.1f}, {} "
      "weights); {:.1f} s of processor; peak {} MB\n",
      seconds, model.encoder_seconds, model.classifier_seconds, model.classifier_epochs_run,
      model.ranker_seconds, model.ranker.features.size(),
      static_cast<double>(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec), usage.ru_maxrss >> 10U);
  PrintGraphs(model.graphs);
  fmt::print(
      "weights: encoder {:.2f}, classifier {:.2f}, ranker {:.3f}, votes {:.3f}; held out {}:",
      model.fusion_encoder, model.fusion_classifier, model.fusion_ranker, model.fusion_votes,
      model.num_validation_documents);
  for (const auto& [name, value] : model.validation_metrics) {
    fmt::print(" {} {:.4f};", name, value);
  }
  fmt::print("\n");
}

Status TrainAndPrint(const DataSet& data, const NgameOptions& options, TensorBackend& backend) {
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
                         TrainNgame(data.training, options, backend, control));
  PrintModel(model, since_training.Seconds());
  return PrintAccuracy(data, model, options, backend);
}

Status Run(int argc, char** argv) {
  DASHI_ASSIGN_OR_RETURN(const Arguments arguments, ParseArguments(argc, argv));
  const Stopwatch since_start;
  DASHI_ASSIGN_OR_RETURN(Texts documents, ReadTexts(argv[1]));
  DASHI_ASSIGN_OR_RETURN(Texts labels, ReadTexts(argv[2]));
  DASHI_ASSIGN_OR_RETURN(Pairs pairs, ReadRelevance(argv[3], documents, labels));
  if (arguments.documents_max > 0) {
    KeepFirst(arguments.documents_max, &documents, &labels, &pairs);
  }
  DataSet data = Assemble(documents, labels, pairs);
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
  DASHI_ASSIGN_OR_RETURN(const std::vector<TrainingRun> runs, ReadRuns(arguments));
  for (const TrainingRun& run : runs) {
    if (!run.line.empty()) {
      fmt::print("run {}\n", run.line);
    }
    DASHI_ASSIGN_OR_RETURN(data.training.graphs,
                           ReadGraphs(run.arguments.graphs, documents, labels, *data.tokenizer));
    DASHI_RETURN_IF_ERROR(TrainAndPrint(data, run.arguments.options, *backend));
    std::fflush(stdout);
  }
  return Status();
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
