#include "trainer/training_data_state.h"

#include <algorithm>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "base/status.h"
#include "trainer/scratch/number_writer.h"

namespace dashi::trainer {
namespace {

template <typename T>
Status SaveNumbers(StateWriter& to, const std::string& name, const NumberArray<T>& numbers) {
  return PutNumbers(to, name, std::span<const T>(numbers));
}

template <typename T>
Status LoadNumbers(const StateReader& from, const std::string& name, ScratchSpace* scratch,
                   NumberArray<T>* numbers) {
  NumberWriter<T> writer(scratch);
  DASHI_RETURN_IF_ERROR(
      GetNumbers<T>(from, name, [&](std::span<const T> part) { return writer.Append(part); }));
  DASHI_ASSIGN_OR_RETURN(*numbers, writer.Finish());
  return Status();
}

Status SaveRows(const std::string& name, const SparseRows& rows, StateWriter& to) {
  DASHI_RETURN_IF_ERROR(SaveNumbers(to, name + "/offsets", rows.offsets));
  DASHI_RETURN_IF_ERROR(SaveNumbers(to, name + "/columns", rows.columns));
  return SaveNumbers(to, name + "/values", rows.values);
}

Status LoadRows(const std::string& name, const StateReader& from, ScratchSpace* scratch,
                SparseRows* rows) {
  DASHI_RETURN_IF_ERROR(LoadNumbers(from, name + "/offsets", scratch, &rows->offsets));
  DASHI_RETURN_IF_ERROR(LoadNumbers(from, name + "/columns", scratch, &rows->columns));
  DASHI_RETURN_IF_ERROR(LoadNumbers(from, name + "/values", scratch, &rows->values));
  if (rows->offsets.empty() || rows->offsets.front() != 0 ||
      rows->offsets.back() != rows->columns.size() ||
      !std::is_sorted(rows->offsets.begin(), rows->offsets.end()) ||
      (!rows->values.empty() && rows->values.size() != rows->columns.size())) {
    return Status::Corruption(fmt::format("the rows {} of a checkpoint do not fit together", name));
  }
  return Status();
}

// The rows of a task with their names. Task is TrainingTask, const or not.
template <typename Task>
auto NamedRows(Task& task) {
  return std::vector<std::pair<std::string, decltype(&task.relevance)>>{
      {"data/document_tokens", &task.document_tokens},
      {"data/label_tokens", &task.label_tokens},
      {"data/relevance", &task.relevance},
      {"data/document_features", &task.document_features},
      {"data/label_features", &task.label_features}};
}

std::string GraphPart(std::size_t graph, std::string_view part) {
  return fmt::format("data/graphs/{}/{}", graph, part);
}

Status SaveGraphs(const std::vector<TrainingGraph>& graphs, StateWriter& to) {
  const std::vector<std::uint32_t> count{static_cast<std::uint32_t>(graphs.size())};
  DASHI_RETURN_IF_ERROR(PutVector(to, "data/graphs/count", count));
  for (std::size_t i = 0; i < graphs.size(); ++i) {
    DASHI_RETURN_IF_ERROR(to.Put(GraphPart(i, "name"), graphs[i].name));
    DASHI_RETURN_IF_ERROR(SaveRows(GraphPart(i, "documents"), graphs[i].document_anchors, to));
    DASHI_RETURN_IF_ERROR(SaveRows(GraphPart(i, "labels"), graphs[i].label_anchors, to));
    DASHI_RETURN_IF_ERROR(SaveRows(GraphPart(i, "anchors"), graphs[i].anchor_tokens, to));
  }
  return Status();
}

Status LoadGraphs(const StateReader& from, ScratchSpace* scratch,
                  std::vector<TrainingGraph>* graphs) {
  std::vector<std::uint32_t> count;
  DASHI_RETURN_IF_ERROR(GetVector(from, "data/graphs/count", &count));
  if (count.size() != 1) {
    return Status::Corruption("the part data/graphs/count of a checkpoint has another length");
  }
  for (std::size_t i = 0; i < count[0]; ++i) {
    TrainingGraph graph;
    DASHI_ASSIGN_OR_RETURN(graph.name, from.Get(GraphPart(i, "name")));
    DASHI_RETURN_IF_ERROR(
        LoadRows(GraphPart(i, "documents"), from, scratch, &graph.document_anchors));
    DASHI_RETURN_IF_ERROR(LoadRows(GraphPart(i, "labels"), from, scratch, &graph.label_anchors));
    DASHI_RETURN_IF_ERROR(LoadRows(GraphPart(i, "anchors"), from, scratch, &graph.anchor_tokens));
    graphs->push_back(std::move(graph));
  }
  return Status();
}

}  // namespace

Status SaveTrainingData(const TrainingData& data, StateWriter& to) {
  const TrainingTask& task = data.task;
  for (const auto& [name, rows] : NamedRows(task)) {
    DASHI_RETURN_IF_ERROR(SaveRows(name, *rows, to));
  }
  DASHI_RETURN_IF_ERROR(SaveGraphs(task.graphs, to));
  DASHI_RETURN_IF_ERROR(PutVector(to, "data/label_weights", task.label_weights));
  DASHI_RETURN_IF_ERROR(SaveNumbers(to, "data/own_label", task.own_label));
  const std::vector<std::uint32_t> numbers{task.vocabulary_size, task.num_features,
                                           task.held_out ? 1U : 0U, data.ranker_features ? 1U : 0U,
                                           data.subwords ? 1U : 0U};
  DASHI_RETURN_IF_ERROR(PutVector(to, "data/numbers", numbers));
  if (task.held_out) {
    DASHI_RETURN_IF_ERROR(PutVector(to, "data/held_out", *task.held_out));
  }
  DASHI_RETURN_IF_ERROR(SaveNumbers(to, "data/document_ordinals", data.document_ordinals));
  DASHI_RETURN_IF_ERROR(PutVector(to, "data/label_ordinals", data.label_ordinals));
  if (data.subwords != nullptr) {
    DASHI_RETURN_IF_ERROR(to.Put("data/subwords", FormatTokenizerJson(data.subwords->spec())));
  } else {
    DASHI_RETURN_IF_ERROR(to.Put("data/tokenizer", data.tokenizer->Serialize()));
  }
  if (data.ranker_features == nullptr) {
    return Status();
  }
  DASHI_RETURN_IF_ERROR(to.Put("data/ranker_words", data.ranker_features->words().Serialize()));
  return PutVector(to, "data/ranker_bucket_idf", data.ranker_features->bucket_idf());
}

Result<TrainingData> LoadTrainingData(const StateReader& from, ScratchSpace* scratch) {
  TrainingData data;
  TrainingTask& task = data.task;
  for (const auto& [name, rows] : NamedRows(task)) {
    DASHI_RETURN_IF_ERROR(LoadRows(name, from, scratch, rows));
  }
  DASHI_RETURN_IF_ERROR(LoadGraphs(from, scratch, &task.graphs));
  DASHI_RETURN_IF_ERROR(GetVector(from, "data/label_weights", &task.label_weights));
  if (!task.label_weights.empty() && task.label_weights.size() != task.label_tokens.num_rows()) {
    return Status::Corruption("the part data/label_weights of a checkpoint has another length");
  }
  DASHI_RETURN_IF_ERROR(LoadNumbers(from, "data/own_label", scratch, &task.own_label));
  std::vector<std::uint32_t> numbers;
  DASHI_RETURN_IF_ERROR(GetVector(from, "data/numbers", &numbers));
  if (numbers.size() != 5) {
    return Status::Corruption("the part data/numbers of a checkpoint has another length");
  }
  task.vocabulary_size = numbers[0];
  task.num_features = numbers[1];
  if (numbers[2] != 0) {
    DASHI_RETURN_IF_ERROR(GetVector(from, "data/held_out", &task.held_out.emplace()));
  }
  DASHI_RETURN_IF_ERROR(
      LoadNumbers(from, "data/document_ordinals", scratch, &data.document_ordinals));
  DASHI_RETURN_IF_ERROR(GetVector(from, "data/label_ordinals", &data.label_ordinals));
  if (data.document_ordinals.size() != task.relevance.num_rows() ||
      data.label_ordinals.size() != task.label_tokens.num_rows()) {
    return Status::Corruption("the ordinals of a checkpoint do not fit its rows");
  }
  if (numbers[4] != 0) {
    DASHI_ASSIGN_OR_RETURN(const std::string subwords, from.Get("data/subwords"));
    DASHI_ASSIGN_OR_RETURN(TokenizerSpec spec, ParseTokenizerJson(subwords));
    DASHI_ASSIGN_OR_RETURN(data.subwords, SubwordTokenizer::Make(std::move(spec)));
  } else {
    DASHI_ASSIGN_OR_RETURN(const std::string vocabulary, from.Get("data/tokenizer"));
    DASHI_ASSIGN_OR_RETURN(data.tokenizer, BagTokenizer::Parse(vocabulary));
  }
  if (numbers[3] == 0) {
    return data;
  }
  DASHI_ASSIGN_OR_RETURN(const std::string words, from.Get("data/ranker_words"));
  DASHI_ASSIGN_OR_RETURN(auto tokenizer, BagTokenizer::Parse(words));
  std::vector<float> bucket_idf;
  DASHI_RETURN_IF_ERROR(GetVector(from, "data/ranker_bucket_idf", &bucket_idf));
  if (bucket_idf.size() != RankerFeatures::kNumBuckets) {
    return Status::Corruption("the part data/ranker_bucket_idf of a checkpoint has another length");
  }
  data.ranker_features =
      std::make_unique<RankerFeatures>(std::move(tokenizer), std::move(bucket_idf));
  return data;
}

}  // namespace dashi::trainer
