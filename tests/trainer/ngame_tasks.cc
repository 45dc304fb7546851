#include "tests/trainer/ngame_tasks.h"

#include <algorithm>
#include <cmath>
#include <memory>
#include <utility>

#include <gtest/gtest.h>

#include "base/random.h"
#include "trainer/transformer/transformer_config.h"

namespace dashi::trainer {

TensorBackend& Backend() {
  auto backend = LoadTensorBackend("");
  EXPECT_TRUE(backend.ok()) << backend.status().ToString();
  return **backend;
}

void AppendBag(std::vector<std::uint32_t> tokens, SparseRows* rows) {
  std::sort(tokens.begin(), tokens.end());
  tokens.erase(std::unique(tokens.begin(), tokens.end()), tokens.end());
  for (const std::uint32_t token : tokens) {
    rows->columns.push_back(token);
    rows->values.push_back(1.0F / std::sqrt(static_cast<float>(tokens.size())));
  }
  rows->offsets.push_back(rows->columns.size());
}

TrainingTask SyntheticTask(std::uint32_t num_documents, std::uint32_t num_labels,
                           std::uint64_t seed) {
  Random random(seed);
  TrainingTask task;
  const std::uint32_t synonyms = 2 * num_labels;
  const std::uint32_t noise = 4 * num_labels;
  task.vocabulary_size = noise + 50;
  for (std::uint32_t label = 0; label < num_labels; ++label) {
    AppendBag({2 * label, 2 * label + 1}, &task.label_tokens);
  }
  for (std::uint32_t d = 0; d < num_documents; ++d) {
    const auto label = static_cast<std::uint32_t>(random.Uniform(num_labels));
    std::vector<std::uint32_t> tokens{synonyms + 2 * label, synonyms + 2 * label + 1};
    for (int i = 0; i < 3; ++i) {
      tokens.push_back(noise + static_cast<std::uint32_t>(random.Uniform(50)));
    }
    AppendBag(tokens, &task.document_tokens);
    task.relevance.columns.push_back(label);
    task.relevance.offsets.push_back(task.relevance.columns.size());
    task.own_label.push_back(TrainingTask::kNoLabel);
  }
  return task;
}

TrainingTask TaskForRanker() {
  TrainingTask task = SyntheticTask(1500, 60, 1);
  const std::uint32_t num_labels = 60;
  task.num_features = task.vocabulary_size + num_labels;
  task.label_features = task.label_tokens;
  Random random(5);
  SparseRows tokens;
  for (std::uint32_t d = 0; d < 1500; ++d) {
    const std::uint32_t label = task.relevance.columns[d];
    const auto other = static_cast<std::uint32_t>(random.Uniform(num_labels));
    std::vector<std::uint32_t> words{120 + 2 * label, 121 + 2 * label};
    if (other != label) {
      words.push_back(120 + 2 * other);
      words.push_back(121 + 2 * other);
    }
    AppendBag(words, &tokens);
    words.push_back(task.vocabulary_size + label);
    AppendBag(words, &task.document_features);
  }
  task.document_tokens = tokens;
  return task;
}

TrainingTask TaskForTransformer(TrainingTask task) {
  for (SparseRows* rows : {&task.document_tokens, &task.label_tokens}) {
    SparseRows texts;
    for (std::size_t row = 0; row < rows->num_rows(); ++row) {
      texts.columns.push_back(task.vocabulary_size);
      for (auto i = rows->offsets[row]; i < rows->offsets[row + 1]; ++i) {
        texts.columns.push_back(rows->columns[i]);
      }
      texts.columns.push_back(task.vocabulary_size + 1);
      texts.offsets.push_back(texts.columns.size());
    }
    *rows = std::move(texts);
  }
  task.vocabulary_size += 2;
  return task;
}

NgameOptions FastOptions() {
  NgameOptions options;
  options.dim = 32;
  options.hidden = 32;
  options.device = "cpu";
  options.precision = "float32";
  options.validation_share = 0.2;
  return options;
}

NgameOptions TransformerOptions(std::uint32_t vocabulary_size) {
  auto start = std::make_shared<TransformerStart>();
  start->config.vocabulary_size = vocabulary_size;
  start->config.dim = 32;
  start->config.hidden = 32;
  start->config.num_layers = 1;
  start->config.num_heads = 2;
  start->config.num_positions = 16;
  start->config.num_token_types = 2;
  start->config.dropout = 0;
  start->config.attention_dropout = 0;
  NgameOptions options = FastOptions();
  options.transformer = std::move(start);
  options.epochs = 10;
  options.learning_rate_dense = 3e-3F;
  options.classifier_epochs = 3;
  return options;
}

}  // namespace dashi::trainer
