#include "bench/accuracy/data_set.h"

#include <algorithm>
#include <fstream>
#include <functional>
#include <span>
#include <string_view>
#include <utility>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "base/status.h"
#include "bench/accuracy/text_lines.h"
#include "trainer/ranker/ranker_features.h"

namespace dashi::trainer {

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

Result<Pairs> ReadRelevance(const std::string& path, const Texts& documents, const Texts& labels) {
  Pairs pairs(documents.texts.size());
  DASHI_RETURN_IF_ERROR(ForEachLine(path, [&](std::string_view line) -> Status {
    const std::vector<std::string> fields = TabFields(line);
    const auto document = documents.row_of_id.find(fields[0]);
    const auto label = labels.row_of_id.find(fields.size() > 1 ? fields[1] : "");
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
  DataSet data;
  data.tokenizer = learner.Build();
  const BagTokenizer* tokenizer = data.tokenizer.get();
  const RankerFeatures features(learner.BuildWithNames(), pairs_learner.BucketIdf());
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

namespace {

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

}  // namespace

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

}  // namespace dashi::trainer
