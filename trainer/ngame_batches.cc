#include "trainer/ngame_batches.h"

#include <algorithm>
#include <iterator>
#include <numeric>

#include "trainer/sparse_rows.h"

namespace dashi::trainer {
namespace {

constexpr std::uint32_t kAbsent = 0xFFFFFFFF;

/// Appends a document's row: `targets`, of its positives, ascending, and what is masked, the other
/// positives and its own item. `column_of` ascends with the label; kAbsent: it is no column.
template <typename ColumnOf>
void AppendRelations(const TrainingTask& task, std::uint32_t document,
                     std::span<const std::uint32_t> targets, const ColumnOf& column_of,
                     SparseRows* positives, SparseRows* masked) {
  for (const std::uint32_t target : targets) {
    positives->columns.push_back(column_of(target));
  }
  positives->offsets.push_back(positives->columns.size());
  const auto known = RowColumns(task.relevance, document);
  const std::uint64_t first = masked->columns.size();
  for (const std::uint32_t label : known) {
    if (column_of(label) != kAbsent && !std::binary_search(targets.begin(), targets.end(), label)) {
      masked->columns.push_back(column_of(label));
    }
  }
  const std::uint32_t own = task.own_label[document];
  if (own != TrainingTask::kNoLabel && column_of(own) != kAbsent &&
      !std::binary_search(known.begin(), known.end(), own)) {
    masked->columns.push_back(column_of(own));
    std::sort(masked->columns.own() + first, masked->columns.own() + masked->columns.size());
  }
  masked->offsets.push_back(masked->columns.size());
}

}  // namespace

NgameBatches::NgameBatches(const TrainingTask& task)
    : task_(task),
      num_documents_(static_cast<std::uint32_t>(task.relevance.num_rows())),
      num_labels_(static_cast<std::uint32_t>(task.label_tokens.num_rows())),
      column_of_label_(num_labels_, kAbsent) {}

void NgameBatches::WillNeedDocuments(std::span<const std::uint32_t> items) {
  documents_.clear();
  std::copy_if(items.begin(), items.end(), std::back_inserter(documents_),
               [this](std::uint32_t item) { return item < num_documents_; });
  WillNeedRows(task_.document_tokens, documents_);
}

void NgameBatches::NumberColumns() {
  std::sort(labels_.begin(), labels_.end());
  labels_.erase(std::unique(labels_.begin(), labels_.end()), labels_.end());
  for (std::size_t column = 0; column < labels_.size(); ++column) {
    column_of_label_[labels_[column]] = static_cast<std::uint32_t>(column);
  }
}

void NgameBatches::ReleaseColumns() {
  for (const std::uint32_t label : labels_) {
    column_of_label_[label] = kAbsent;
  }
}

void NgameBatches::AppendDocument(std::uint32_t document, std::span<const std::uint32_t> targets,
                                  SparseRows* positives, SparseRows* masked) const {
  AppendRelations(
      task_, document, targets, [this](std::uint32_t label) { return column_of_label_[label]; },
      positives, masked);
}

std::uint32_t NgameBatches::DrawPositive(std::uint32_t document, Random& random) const {
  const auto positives = RowColumns(task_.relevance, document);
  if (task_.label_weights.empty()) {
    return positives[random.Uniform(positives.size())];
  }
  double sum = 0;
  for (const std::uint32_t label : positives) {
    sum += task_.label_weights[label];
  }
  double left = random.UniformReal() * sum;
  for (const std::uint32_t label : positives) {
    left -= task_.label_weights[label];
    if (left < 0) {
      return label;
    }
  }
  return positives.back();
}

std::span<const std::uint32_t> NgameBatches::KeptPositives(std::uint32_t document, Random& random) {
  const auto positives = RowColumns(task_.relevance, document);
  if (task_.label_weights.empty() || positives.size() < 2) {
    return positives;
  }
  double heaviest = 0;
  for (const std::uint32_t label : positives) {
    heaviest = std::max<double>(heaviest, task_.label_weights[label]);
  }
  kept_.clear();
  for (const std::uint32_t label : positives) {
    if (random.UniformReal() * heaviest < task_.label_weights[label]) {
      kept_.push_back(label);
    }
  }
  return kept_;
}

float NgameBatches::RowWeight(std::uint32_t document) const {
  const auto positives = RowColumns(task_.relevance, document);
  double sum = 0;
  for (const std::uint32_t label : positives) {
    sum += task_.label_weights[label];
  }
  return static_cast<float>(sum / static_cast<double>(std::max<std::size_t>(positives.size(), 1)));
}

EncoderBatch NgameBatches::ForEncoder(std::span<const std::uint32_t> items, const LossOptions& loss,
                                      Random& random) {
  EncoderBatch batch;
  std::vector<std::uint32_t> targets;
  labels_.clear();
  for (const std::uint32_t item : items) {
    if (item >= num_documents_) {
      targets.push_back(item - num_documents_);
    } else {
      targets.push_back(DrawPositive(item, random));
    }
  }
  labels_ = targets;
  NumberColumns();
  WillNeedRows(task_.label_tokens, labels_);
  WillNeedDocuments(items);

  batch.terms.resize(1);
  ContrastiveTerm& term = batch.terms.front();
  term.loss = loss;
  for (const std::uint32_t label : labels_) {
    AppendRow(task_.label_tokens, label, &batch.texts);
  }
  term.columns.resize(labels_.size());
  std::iota(term.columns.begin(), term.columns.end(), 0U);
  const bool weighs = !task_.label_weights.empty();
  for (std::size_t i = 0; i < items.size(); ++i) {
    if (weighs) {
      term.row_weights.push_back(items[i] >= num_documents_ ? 1.0F : RowWeight(items[i]));
    }
    if (items[i] >= num_documents_) {
      term.rows.push_back(column_of_label_[targets[i]]);
      term.positives.columns.push_back(column_of_label_[targets[i]]);
      term.positives.offsets.push_back(term.positives.columns.size());
      term.masked.offsets.push_back(term.masked.columns.size());
    } else {
      term.rows.push_back(static_cast<std::uint32_t>(batch.texts.num_rows()));
      AppendRow(task_.document_tokens, items[i], &batch.texts);
      AppendDocument(items[i], {&targets[i], 1}, &term.positives, &term.masked);
    }
  }
  ReleaseColumns();
  return batch;
}

void NgameBatches::AddRandomLabels(std::uint32_t count, Random& random) {
  if (count >= num_labels_ - labels_.size()) {
    labels_.resize(num_labels_);
    std::iota(labels_.begin(), labels_.end(), 0U);
    return;
  }
  std::size_t wanted = labels_.size() + count;
  while (labels_.size() < wanted) {
    const auto label = static_cast<std::uint32_t>(random.Uniform(num_labels_));
    if (column_of_label_[label] == kAbsent) {
      column_of_label_[label] = 0;
      labels_.push_back(label);
    }
  }
}

ClassifierBatch NgameBatches::ForClassifier(std::span<const std::uint32_t> documents,
                                            const LossOptions& loss, std::uint32_t random_labels,
                                            Random& random) {
  ClassifierBatch batch;
  if (loss.kind == LossKind::kBinary) {
    batch = ForAllLabels(documents, random);
    batch.loss = loss;
    return batch;
  }
  batch.loss = loss;
  labels_.clear();
  for (const std::uint32_t document : documents) {
    const auto positives = RowColumns(task_.relevance, document);
    labels_.insert(labels_.end(), positives.begin(), positives.end());
  }
  NumberColumns();
  AddRandomLabels(random_labels, random);
  NumberColumns();
  WillNeedDocuments(documents);
  for (const std::uint32_t document : documents) {
    AppendRow(task_.document_tokens, document, &batch.texts);
    AppendDocument(document, KeptPositives(document, random), &batch.positives, &batch.masked);
    if (!task_.label_weights.empty()) {
      batch.row_weights.push_back(RowWeight(document));
    }
  }
  ReleaseColumns();
  batch.columns = labels_;
  return batch;
}

ClassifierBatch NgameBatches::ForAllLabels(std::span<const std::uint32_t> documents,
                                           Random& random) {
  ClassifierBatch batch;
  WillNeedDocuments(documents);
  for (const std::uint32_t document : documents) {
    AppendRow(task_.document_tokens, document, &batch.texts);
    AppendRelations(
        task_, document, KeptPositives(document, random), [](std::uint32_t label) { return label; },
        &batch.positives, &batch.masked);
    if (!task_.label_weights.empty()) {
      batch.row_weights.push_back(RowWeight(document));
    }
  }
  return batch;
}

}  // namespace dashi::trainer
