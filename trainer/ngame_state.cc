#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/byte_codec.h"
#include "base/status.h"
#include "trainer/ngame_training.h"

namespace dashi::trainer {
namespace {

constexpr std::uint32_t kStateVersion = 8;

// Tensors as parts "prefix/<name>", and their names, each after its length.
Status SaveTensors(StateWriter& to, const std::string& prefix,
                   const std::vector<NamedTensor>& tensors) {
  std::string names;
  for (const NamedTensor& tensor : tensors) {
    AppendLengthPrefixed(&names, tensor.name);
    DASHI_RETURN_IF_ERROR(PutVector(to, prefix + "/" + tensor.name, tensor.values));
  }
  return to.Put(prefix, names);
}

Status LoadTensors(const StateReader& from, const std::string& prefix,
                   std::vector<NamedTensor>* tensors) {
  tensors->clear();
  DASHI_ASSIGN_OR_RETURN(const std::string names, from.Get(prefix));
  ByteReader reader(names);
  while (!reader.empty()) {
    std::string_view name;
    if (!reader.ReadLengthPrefixed(&name)) {
      return Status::Corruption("the part " + prefix + " of a checkpoint cannot be decoded");
    }
    NamedTensor& tensor = tensors->emplace_back();
    tensor.name = name;
    DASHI_RETURN_IF_ERROR(GetVector(from, prefix + "/" + tensor.name, &tensor.values));
  }
  return Status();
}

Status SaveRanker(StateWriter& to, const SparseRankerWeights& ranker) {
  DASHI_RETURN_IF_ERROR(PutVector(to, "ranker/offsets", ranker.offsets));
  DASHI_RETURN_IF_ERROR(PutVector(to, "ranker/features", ranker.features));
  DASHI_RETURN_IF_ERROR(PutVector(to, "ranker/weights", ranker.weights));
  return PutVector(to, "ranker/biases", ranker.biases);
}

Status LoadRanker(const StateReader& from, SparseRankerWeights* ranker) {
  DASHI_RETURN_IF_ERROR(GetVector(from, "ranker/offsets", &ranker->offsets));
  DASHI_RETURN_IF_ERROR(GetVector(from, "ranker/features", &ranker->features));
  DASHI_RETURN_IF_ERROR(GetVector(from, "ranker/weights", &ranker->weights));
  return GetVector(from, "ranker/biases", &ranker->biases);
}

GraphReport ReadGraphReport(ByteReader* reader) {
  std::string_view graph;
  std::string_view side;
  GraphReport report;
  reader->ReadLengthPrefixed(&graph);
  reader->ReadLengthPrefixed(&side);
  reader->ReadDouble(&report.weight);
  reader->ReadLittleEndian64(&report.num_edges);
  reader->ReadLittleEndian64(&report.num_edges_kept);
  std::uint32_t has_evidence = 0;
  reader->ReadLittleEndian32(&has_evidence);
  if (has_evidence != 0) {
    GraphEvidence& evidence = report.evidence.emplace();
    reader->ReadDouble(&evidence.agreement);
    reader->ReadDouble(&evidence.chance);
    reader->ReadDouble(&evidence.error);
  }
  report.graph = graph;
  report.side = side;
  return report;
}

}  // namespace

Status NgameTraining::SaveIfDue() {
  if (control_.checkpoints == nullptr || !control_.checkpoints->IsDue()) {
    return Status();
  }
  return control_.checkpoints->Save([this](StateWriter& to) { return Save(to); });
}

Status NgameTraining::Resume() {
  if (control_.checkpoints == nullptr || control_.checkpoints->Latest() == nullptr) {
    return Status();
  }
  DASHI_RETURN_IF_ERROR(Load(*control_.checkpoints->Latest()));
  resumes_ = true;
  trial_is_over_ = true;
  return Status();
}

Status NgameTraining::Save(StateWriter& to) const {
  DASHI_RETURN_IF_ERROR(module_->Save(to));
  if (sampler_ != nullptr) {
    DASHI_RETURN_IF_ERROR(sampler_->Save(to));
  }
  if (graphs_ != nullptr) {
    DASHI_RETURN_IF_ERROR(graphs_->Save(to));
  }
  DASHI_RETURN_IF_ERROR(SaveTensors(to, "first_stage", first_stage_));
  DASHI_RETURN_IF_ERROR(SaveTensors(to, "best_encoder", best_encoder_));
  DASHI_RETURN_IF_ERROR(PutVector(to, "best_classifier", best_classifier_));
  DASHI_RETURN_IF_ERROR(SaveRanker(to, model_.ranker));
  return to.Put("numbers", EncodeNumbers());
}

Status NgameTraining::Load(const StateReader& from) {
  DASHI_ASSIGN_OR_RETURN(const std::string numbers, from.Get("numbers"));
  if (!DecodeNumbers(numbers)) {
    return Status::Corruption("the part numbers of a checkpoint cannot be decoded");
  }
  DASHI_RETURN_IF_ERROR(module_->Load(from));
  DASHI_RETURN_IF_ERROR(LoadTensors(from, "first_stage", &first_stage_));
  DASHI_RETURN_IF_ERROR(LoadTensors(from, "best_encoder", &best_encoder_));
  DASHI_RETURN_IF_ERROR(GetVector(from, "best_classifier", &best_classifier_));
  return LoadRanker(from, &model_.ranker);
}

std::string NgameTraining::EncodeNumbers() const {
  std::string out;
  AppendLittleEndian32(&out, kStateVersion);
  AppendLittleEndian32(&out, static_cast<std::uint32_t>(position_.stage));
  AppendLittleEndian32(&out, position_.epoch);
  AppendLittleEndian32(&out, position_.batch);
  AppendLittleEndian32(&out, position_.has_begun ? 1 : 0);
  AppendDouble(&out, position_.loss.sum);
  AppendDouble(&out, position_.loss.num_texts);
  for (const std::uint64_t word : random_.state()) {
    AppendLittleEndian64(&out, word);
  }
  AppendDouble(&out, Seconds());
  AppendDouble(&out, best_objective_);
  AppendLittleEndian32(&out, best_epoch_);
  AppendLittleEndian32(&out, epochs_run_);
  AppendDouble(&out, model_.fusion_encoder);
  AppendDouble(&out, model_.fusion_classifier);
  AppendDouble(&out, model_.fusion_ranker);
  AppendDouble(&out, model_.fusion_votes);
  AppendDouble(&out, model_.ranker_label_text);
  AppendDouble(&out, model_.ranker_c);
  AppendLittleEndian32(&out, model_.ranker_word_candidates);
  AppendDouble(&out, model_.encoder_seconds);
  AppendDouble(&out, model_.ranker_seconds);
  AppendLittleEndian64(&out, model_.num_validation_documents);
  AppendLittleEndian32(&out, static_cast<std::uint32_t>(model_.validation_metrics.size()));
  for (const auto& [name, value] : model_.validation_metrics) {
    AppendLengthPrefixed(&out, name);
    AppendDouble(&out, value);
  }
  AppendLittleEndian32(&out, static_cast<std::uint32_t>(model_.graphs.size()));
  for (const GraphReport& graph : model_.graphs) {
    AppendLengthPrefixed(&out, graph.graph);
    AppendLengthPrefixed(&out, graph.side);
    AppendDouble(&out, graph.weight);
    AppendLittleEndian64(&out, graph.num_edges);
    AppendLittleEndian64(&out, graph.num_edges_kept);
    AppendLittleEndian32(&out, graph.evidence ? 1 : 0);
    if (graph.evidence) {
      AppendDouble(&out, graph.evidence->agreement);
      AppendDouble(&out, graph.evidence->chance);
      AppendDouble(&out, graph.evidence->error);
    }
  }
  return out;
}

bool NgameTraining::DecodeNumbers(std::string_view bytes) {
  ByteReader reader(bytes);
  std::uint32_t version = 0;
  std::uint32_t stage = 0;
  std::uint32_t num_metrics = 0;
  if (!reader.ReadLittleEndian32(&version) || version != kStateVersion ||
      !reader.ReadLittleEndian32(&stage) || stage > static_cast<std::uint32_t>(NgameStage::kDone)) {
    return false;
  }
  position_.stage = static_cast<NgameStage>(stage);
  reader.ReadLittleEndian32(&position_.epoch);
  reader.ReadLittleEndian32(&position_.batch);
  std::uint32_t has_begun = 0;
  reader.ReadLittleEndian32(&has_begun);
  position_.has_begun = has_begun != 0;
  reader.ReadDouble(&position_.loss.sum);
  reader.ReadDouble(&position_.loss.num_texts);
  Random::State random{};
  for (std::uint64_t& word : random) {
    reader.ReadLittleEndian64(&word);
  }
  random_ = Random::FromState(random);
  reader.ReadDouble(&seconds_before_);
  reader.ReadDouble(&best_objective_);
  reader.ReadLittleEndian32(&best_epoch_);
  reader.ReadLittleEndian32(&epochs_run_);
  reader.ReadDouble(&model_.fusion_encoder);
  reader.ReadDouble(&model_.fusion_classifier);
  reader.ReadDouble(&model_.fusion_ranker);
  reader.ReadDouble(&model_.fusion_votes);
  reader.ReadDouble(&model_.ranker_label_text);
  reader.ReadDouble(&model_.ranker_c);
  reader.ReadLittleEndian32(&model_.ranker_word_candidates);
  reader.ReadDouble(&model_.encoder_seconds);
  reader.ReadDouble(&model_.ranker_seconds);
  reader.ReadLittleEndian64(&model_.num_validation_documents);
  reader.ReadLittleEndian32(&num_metrics);
  for (std::uint32_t i = 0; i < num_metrics && !reader.failed(); ++i) {
    std::string_view name;
    double value = 0;
    reader.ReadLengthPrefixed(&name);
    reader.ReadDouble(&value);
    model_.validation_metrics[std::string(name)] = value;
  }
  std::uint32_t num_graphs = 0;
  reader.ReadLittleEndian32(&num_graphs);
  model_.graphs.clear();
  for (std::uint32_t i = 0; i < num_graphs && !reader.failed(); ++i) {
    model_.graphs.push_back(ReadGraphReport(&reader));
  }
  return !reader.failed() && reader.empty();
}

}  // namespace dashi::trainer
