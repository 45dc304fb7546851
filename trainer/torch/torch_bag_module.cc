#include "trainer/torch/torch_bag_module.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <iterator>
#include <optional>
#include <string_view>
#include <utility>

#include <ATen/CPUGeneratorImpl.h>
#include <ATen/Parallel.h>
#include <ATen/TensorOperators.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/from_blob.h>
#include <ATen/ops/zeros_like.h>
#include <fmt/format.h>

#include "base/random.h"
#include "base/status.h"
#include "base/thread_pool.h"
#include "trainer/torch/batch_checks.h"
#include "trainer/torch/batch_tokens.h"
#include "trainer/torch/binary_pass.h"
#include "trainer/torch/contrastive_loss.h"
#include "trainer/torch/device_choice.h"
#ifdef DASHI_CUDA
#include "trainer/torch/cuda_device.h"
#include "trainer/torch/device_level_splitter.h"
#include "trainer/torch/device_row_table.h"
#endif
#include "trainer/torch/residual_block.h"
#include "trainer/torch/row_table.h"
#include "trainer/torch/tensor_errors.h"
#include "trainer/torch/tensor_state.h"

namespace dashi::trainer {
namespace {

// Texts that Encode handles at once: bounds its work space to a few megabytes.
constexpr std::size_t kEncodeChunk = 4096;

// A keep-or-drop mask of zeros and ones from a seed alone.  Shape: [num_rows, dim].
at::Tensor DropoutMask(std::int64_t num_rows, std::int64_t dim, float dropout, std::uint64_t seed) {
  at::Tensor mask = at::empty({num_rows, dim}, at::kFloat);  // [num_rows, dim]
  auto* out = mask.mutable_data_ptr<float>();
  const auto threshold = static_cast<std::uint64_t>(static_cast<double>(dropout) * 65536.0);
  Random random(seed);
  const std::int64_t size = num_rows * dim;
  for (std::int64_t i = 0; i < size; i += 4) {
    std::uint64_t bits = random.Next();
    for (std::int64_t j = i; j < std::min(size, i + 4); ++j, bits >>= 16) {
      out[j] = (bits & 0xFFFFU) >= threshold ? 1.0F : 0.0F;
    }
  }
  return mask;
}

// A small tensor on the host. Waits for the device.
at::Tensor ToHost(const at::Tensor& tensor) {
  if (tensor.is_cpu()) {
    return tensor.contiguous();
  }
  at::Tensor host =
      at::empty(tensor.sizes(), at::TensorOptions(tensor.scalar_type()).pinned_memory(true));
  return host.copy_(tensor);
}

class TorchBagModule final : public BagModule {
 public:
  TorchBagModule(const BagModuleOptions& options, at::Device device, bool bfloat16)
      : options_(options),
        device_(device),
        bfloat16_(bfloat16),
        pool_(options.num_threads),
        block_(options.dim, options.hidden, options.seed + 1, device),
        tokenizer_(options.vocabulary_size) {
    const at::Generator generator = at::detail::createCPUGenerator(options.seed);
    at::Tensor embeddings = at::empty({options.vocabulary_size, options.dim}, at::kFloat);
    embeddings.normal_(0.0, 1.0 / std::sqrt(static_cast<double>(options.dim)), generator);
    embeddings_ = RowTable::Make(embeddings.to(device), options.portable_kernels, pool_);
    classifier_ = RowTable::Make(at::empty({0, options.dim}, embeddings_->values().options()),
                                 options.portable_kernels, pool_);
  }

  Result<StepResult> EncoderStep(const EncoderBatch& batch, const StepRates& rates) override;
  Result<EncoderGradients> ComputeGradients(const EncoderBatch& batch) override;
  Status SetClassifier(std::span<const float> vectors, std::uint32_t num_labels) override;
  Result<StepResult> ClassifierStep(const ClassifierBatch& batch, const StepRates& rates) override;
  Status Encode(const SparseRows& texts, float* out) override;
  BagWeights ExportEncoder() const override;
  Status ImportEncoder(const BagWeights& weights) override;
  std::vector<NamedTensor> ExportParameters() const override;
  Status ImportParameters(std::span<const NamedTensor> parameters) override;
  std::vector<float> ExportClassifier() const override;
  Status Save(StateWriter& to) const override;
  Status Load(const StateReader& from) override;
  Result<std::unique_ptr<LevelSplitter>> NewLevelSplitter(const std::uint16_t* vectors,
                                                          std::size_t num_rows,
                                                          std::size_t dim) override;
  std::string device() const override;

 private:
  struct TermSummary {
    float weight;
    at::Tensor summary;  // [2], as in VectorGradient
  };
  // Work of one encoder step up to the gradient of the bag sums; a device may still be at it.
  struct EncoderPass {
    std::vector<TermSummary> terms;
    at::Tensor row_embeddings;  // [terms[0].num_rows, dim]
    ResidualBlock::Gradients gradients;
  };
  // A batch's texts as the classifier sees them.
  struct ClassifierRows {
    std::optional<ResidualBlock::Activations> activations;  // when the encoder trains
    at::Tensor embeddings;                                  // [num_rows, dim], before dropout
    at::Tensor mask;  // [num_rows, dim], when there is dropout
    UnitRows unit;    // [num_rows, dim], after dropout
  };

  // Parallel work runs on our own pool: OpenMP's threads spin at barriers, so on a machine that
  // does other work too a second one made a step ten times slower. Its number of threads belongs to
  // the calling thread, so every entry sets it.
  static void EnterThread() { at::set_num_threads(1); }
  PassOptions PassSettings(std::span<const float> row_weights) const {
    return {bfloat16_, options_.portable_kernels, row_weights};
  }
  // to[positions[i]] += scale * rows[i].
  void AddRows(std::span<const std::uint32_t> positions, const at::Tensor& rows, float scale,
               at::Tensor* to) const;
  Status CheckEncoderBatch(const EncoderBatch& batch) const;
  Status CheckClassifierBatch(const ClassifierBatch& batch, bool trains_encoder) const;
  Status CheckFinite(float loss, const char* stage, std::int64_t step) const;
  Result<EncoderPass> RunEncoder(const EncoderBatch& batch);
  // Waits for the device.
  StepResult Collect(std::span<const TermSummary> terms, const at::Tensor& row_embeddings) const;
  ClassifierRows EmbedRows(const ClassifierBatch& batch, bool trains_encoder) const;
  std::vector<float> CopyRows(const at::Tensor& rows) const;

  const BagModuleOptions options_;
  const at::Device device_;
  const bool bfloat16_;
  ThreadPool pool_;
  std::unique_ptr<RowTable> embeddings_;  // [vocabulary_size, dim]
  std::unique_ptr<RowTable> classifier_;  // [num_labels, dim], not normalised
  ResidualBlock block_;
  BatchTokenizer tokenizer_;
  std::int64_t encoder_steps_ = 0;
  std::int64_t classifier_steps_ = 0;
};

std::vector<float> TorchBagModule::CopyRows(const at::Tensor& rows) const {
  const at::Tensor host = rows.to(at::kCPU).contiguous();
  const auto* data = host.const_data_ptr<float>();
  return std::vector<float>(data, data + host.numel());
}

StepResult TorchBagModule::Collect(std::span<const TermSummary> terms,
                                   const at::Tensor& row_embeddings) const {
  StepResult result;
  for (const TermSummary& term : terms) {
    const at::Tensor host = ToHost(term.summary);  // [2]
    const auto* summary = host.const_data_ptr<float>();
    result.loss += term.weight * summary[0];
    if (&term == &terms.front()) {
      result.top1 = summary[1];
    }
  }
  if (row_embeddings.defined()) {
    const at::Tensor host = ToHost(row_embeddings);  // [num_rows, dim]
    const auto* data = host.const_data_ptr<float>();
    result.row_embeddings.assign(data, data + host.numel());
  }
  return result;
}

Status TorchBagModule::CheckEncoderBatch(const EncoderBatch& batch) const {
  DASHI_RETURN_IF_ERROR(CheckBelow("token column", batch.texts.columns, options_.vocabulary_size));
  return CheckTerms(batch);
}

Status TorchBagModule::CheckFinite(float loss, const char* stage, std::int64_t step) const {
  if (std::isfinite(loss)) {
    return Status();
  }
  return Status::Internal(
             fmt::format("training diverged: the {} loss is {} at step {}", stage, loss, step))
      .WithHint("lower the learning rate");
}

Result<TorchBagModule::EncoderPass> TorchBagModule::RunEncoder(const EncoderBatch& batch) {
  EncoderPass pass;
  const ResidualBlock::Activations activations =
      block_.Forward(embeddings_->SumBags(batch.texts), bfloat16_);
  const at::Tensor& unit = activations.output.rows;  // [num_texts, dim]
  at::Tensor gradient = at::zeros_like(unit);        // [num_texts, dim]
  for (const ContrastiveTerm& term : batch.terms) {
    const at::Tensor rows = IndexTensor(term.rows, device_);
    const at::Tensor columns = IndexTensor(term.columns, device_);
    const at::Tensor row_embeddings = unit.index_select(0, rows);  // [num_rows, dim]
    DASHI_ASSIGN_OR_RETURN(
        const VectorGradient loss,
        ContrastivePass(term.loss, row_embeddings, unit.index_select(0, columns), term.positives,
                        term.masked, PassSettings(term.row_weights), pool_));
    AddRows(term.rows, loss.rows, term.weight, &gradient);
    AddRows(term.columns, loss.columns, term.weight, &gradient);
    if (pass.terms.empty()) {
      pass.row_embeddings = row_embeddings;
    }
    pass.terms.push_back({term.weight, loss.summary});
  }
  pass.gradients = block_.Backward(activations, gradient, bfloat16_);
  return pass;
}

Result<StepResult> TorchBagModule::EncoderStep(const EncoderBatch& batch, const StepRates& rates) {
  DASHI_RETURN_IF_ERROR(CheckEncoderBatch(batch));
  return CatchTensorErrors("encoder step", [&]() -> Result<StepResult> {
    EnterThread();
    DASHI_ASSIGN_OR_RETURN(const EncoderPass pass, RunEncoder(batch));
    const BatchTokens& tokens = tokenizer_.Transpose(batch.texts);  // while a device computes
    StepResult result = Collect(pass.terms, pass.row_embeddings);
    ++encoder_steps_;
    DASHI_RETURN_IF_ERROR(CheckFinite(result.loss, "encoder", encoder_steps_));
    embeddings_->StepBags(tokens, pass.gradients.input, rates.embeddings);
    block_.Step(pass.gradients, rates.dense);
    return result;
  });
}

Result<EncoderGradients> TorchBagModule::ComputeGradients(const EncoderBatch& batch) {
  DASHI_RETURN_IF_ERROR(CheckEncoderBatch(batch));
  return CatchTensorErrors("encoder gradients", [&]() -> Result<EncoderGradients> {
    EnterThread();
    DASHI_ASSIGN_OR_RETURN(const EncoderPass pass, RunEncoder(batch));
    const BatchTokens& tokens = tokenizer_.Transpose(batch.texts);
    at::Tensor dense = at::zeros_like(embeddings_->values());  // [vocabulary_size, dim]
    dense.index_copy_(0, IndexTensor(tokens.tokens, device_),
                      embeddings_->BagGradient(tokens, pass.gradients.input));
    EncoderGradients result;
    result.loss = Collect(pass.terms, at::Tensor()).loss;
    result.embeddings = CopyRows(dense);
    if (options_.hidden > 0) {
      result.w1 = CopyRows(pass.gradients.w1);
      result.b = CopyRows(pass.gradients.b);
      result.w2 = CopyRows(pass.gradients.w2);
    }
    return result;
  });
}

Status TorchBagModule::SetClassifier(std::span<const float> vectors, std::uint32_t num_labels) {
  if (vectors.size() != static_cast<std::size_t>(num_labels) * options_.dim) {
    return Status::InvalidArgument(
        fmt::format("label vectors shape mismatch: got {} numbers, want {} x {}", vectors.size(),
                    num_labels, options_.dim));
  }
  return CatchTensorErrors("set classifier", [&] {
    at::Tensor values = at::empty({num_labels, options_.dim}, at::kFloat);  // [num_labels, dim]
    std::copy(vectors.begin(), vectors.end(), values.mutable_data_ptr<float>());
    classifier_->Reset(values.to(device_));
    embeddings_->ResetOptimizer();
    block_.ResetOptimizer();
    classifier_steps_ = 0;
  });
}

Status TorchBagModule::CheckClassifierBatch(const ClassifierBatch& batch,
                                            bool trains_encoder) const {
  DASHI_RETURN_IF_ERROR(CheckRows(batch, options_.dim,
                                  static_cast<std::size_t>(classifier_->values().size(0)),
                                  trains_encoder));
  return CheckBelow("token column", batch.texts.columns, options_.vocabulary_size);
}

TorchBagModule::ClassifierRows TorchBagModule::EmbedRows(const ClassifierBatch& batch,
                                                         bool trains_encoder) const {
  ClassifierRows rows;
  const auto num_rows = static_cast<std::int64_t>(batch.positives.num_rows());
  if (trains_encoder) {
    rows.activations = block_.Forward(embeddings_->SumBags(batch.texts), bfloat16_);
    rows.embeddings = rows.activations->output.rows;
  } else {
    rows.embeddings =
        at::from_blob(const_cast<float*>(batch.embeddings.data()), {num_rows, options_.dim},
                      at::kFloat)
            .to(device_);  // [num_rows, dim]
  }
  if (batch.dropout > 0) {
    rows.mask = DropoutMask(num_rows, options_.dim, batch.dropout, batch.dropout_seed).to(device_);
    rows.unit = Normalize(rows.embeddings * rows.mask);
  } else {
    rows.unit = Normalize(rows.embeddings);
  }
  return rows;
}

Result<StepResult> TorchBagModule::ClassifierStep(const ClassifierBatch& batch,
                                                  const StepRates& rates) {
  const bool trains_encoder = rates.embeddings > 0 || rates.dense > 0;
  DASHI_RETURN_IF_ERROR(CheckClassifierBatch(batch, trains_encoder));
  return CatchTensorErrors("classifier step", [&]() -> Result<StepResult> {
    EnterThread();
    const ClassifierRows rows = EmbedRows(batch, trains_encoder);
    UnitRows labels;  // [num_columns, dim], where they are a sample
    VectorGradient loss;
    if (batch.loss.kind == LossKind::kBinary) {
      DASHI_ASSIGN_OR_RETURN(
          loss, BinaryPass(batch.loss, rows.unit.rows, classifier_->values(), batch.positives,
                           batch.masked, rates.classifier, PassSettings(batch.row_weights), pool_));
    } else {
      labels = Normalize(classifier_->Gather(batch.columns));
      DASHI_ASSIGN_OR_RETURN(
          loss, ContrastivePass(batch.loss, rows.unit.rows, labels.rows, batch.positives,
                                batch.masked, PassSettings(batch.row_weights), pool_));
    }
    ResidualBlock::Gradients gradients;
    const BatchTokens* tokens = nullptr;
    if (trains_encoder) {
      at::Tensor gradient = NormalizeGradient(rows.unit, loss.rows);  // [num_rows, dim]
      if (rows.mask.defined()) {
        gradient.mul_(rows.mask);
      }
      gradients = block_.Backward(*rows.activations, gradient, bfloat16_);
      tokens = &tokenizer_.Transpose(batch.texts);  // while a device computes
    }
    const TermSummary summary{1.0F, loss.summary};
    StepResult result = Collect({&summary, 1}, rows.embeddings);
    ++classifier_steps_;
    DASHI_RETURN_IF_ERROR(CheckFinite(result.loss, "classifier", classifier_steps_));
    if (trains_encoder) {
      embeddings_->StepBags(*tokens, gradients.input, rates.embeddings);
      block_.Step(gradients, rates.dense);
    }
    if (labels.rows.defined()) {
      classifier_->StepRows(batch.columns, NormalizeGradient(labels, loss.columns),
                            rates.classifier);
    }
    return result;
  });
}

Status TorchBagModule::Encode(const SparseRows& texts, float* out) {
  DASHI_RETURN_IF_ERROR(CheckBelow("token column", texts.columns, options_.vocabulary_size));
  return CatchTensorErrors("encode", [&] {
    EnterThread();
    SparseRows chunk;
    for (std::size_t begin = 0; begin < texts.num_rows(); begin += kEncodeChunk) {
      const std::size_t end = std::min(texts.num_rows(), begin + kEncodeChunk);
      const std::uint64_t first = texts.offsets[begin];
      const std::uint64_t last = texts.offsets[end];
      chunk.offsets.assign(1, 0);
      for (std::size_t text = begin; text < end; ++text) {
        chunk.offsets.push_back(texts.offsets[text + 1] - first);
      }
      chunk.columns.assign(texts.columns.begin() + static_cast<std::ptrdiff_t>(first),
                           texts.columns.begin() + static_cast<std::ptrdiff_t>(last));
      if (!texts.values.empty()) {
        chunk.values.assign(texts.values.begin() + static_cast<std::ptrdiff_t>(first),
                            texts.values.begin() + static_cast<std::ptrdiff_t>(last));
      }
      const at::Tensor rows = ToHost(block_.Forward(embeddings_->SumBags(chunk), /*bfloat16=*/false)
                                         .output.rows);  // [end - begin, dim]
      std::memcpy(out + begin * options_.dim, rows.const_data_ptr<float>(), rows.nbytes());
    }
  });
}

BagWeights TorchBagModule::ExportEncoder() const {
  EnterThread();
  BagWeights weights;
  weights.vocabulary_size = options_.vocabulary_size;
  weights.dim = options_.dim;
  const at::Tensor half =
      embeddings_->values().to(at::kHalf).to(at::kCPU).contiguous();  // [vocabulary_size, dim]
  weights.embeddings.resize(half.numel());
  std::memcpy(weights.embeddings.data(), half.const_data_ptr(), half.nbytes());
  block_.Export(&weights);
  return weights;
}

Status TorchBagModule::ImportEncoder(const BagWeights& weights) {
  const std::size_t dim = options_.dim;
  const std::size_t hidden = options_.hidden;
  if (weights.vocabulary_size != options_.vocabulary_size || weights.dim != dim ||
      weights.hidden != hidden || weights.embeddings.size() != dim * weights.vocabulary_size ||
      weights.w1.size() != hidden * dim || weights.b.size() != hidden ||
      weights.w2.size() != hidden * dim) {
    return Status::InvalidArgument(fmt::format(
        "encoder weights shape mismatch: got {} x {} with {} hidden, want {} x {} with {} hidden",
        weights.vocabulary_size, weights.dim, weights.hidden, options_.vocabulary_size, dim,
        hidden));
  }
  return CatchTensorErrors("import encoder", [&] {
    EnterThread();
    const at::Tensor half = at::from_blob(const_cast<std::uint16_t*>(weights.embeddings.data()),
                                          {options_.vocabulary_size, options_.dim},
                                          at::kHalf);  // [vocabulary_size, dim]
    embeddings_->Reset(half.to(at::kFloat).to(device_));
    block_.Import(weights);
    block_.ResetOptimizer();
  });
}

std::vector<NamedTensor> TorchBagModule::ExportParameters() const {
  EnterThread();
  BagWeights block;
  block_.Export(&block);
  std::vector<NamedTensor> parameters(4);
  parameters[0] = {"embeddings", CopyRows(embeddings_->values())};
  parameters[1] = {"w1", std::move(block.w1)};
  parameters[2] = {"b", std::move(block.b)};
  parameters[3] = {"w2", std::move(block.w2)};
  return parameters;
}

Status TorchBagModule::ImportParameters(std::span<const NamedTensor> parameters) {
  const std::size_t dim = options_.dim;
  const std::size_t hidden = options_.hidden;
  const std::pair<std::string_view, std::size_t> wanted[] = {
      {"embeddings", dim * options_.vocabulary_size},
      {"w1", hidden * dim},
      {"b", hidden},
      {"w2", hidden * dim}};
  for (std::size_t i = 0; i < std::size(wanted); ++i) {
    if (parameters.size() != std::size(wanted) || parameters[i].name != wanted[i].first ||
        parameters[i].values.size() != wanted[i].second) {
      return Status::InvalidArgument(
          fmt::format("encoder parameters shape mismatch at {}", wanted[i].first));
    }
  }
  return CatchTensorErrors("import encoder", [&] {
    EnterThread();
    at::Tensor values = at::empty({options_.vocabulary_size, options_.dim}, at::kFloat);
    std::copy(parameters[0].values.begin(), parameters[0].values.end(),
              values.mutable_data_ptr<float>());
    embeddings_->Reset(values.to(device_));
    BagWeights block;
    block.dim = options_.dim;
    block.hidden = options_.hidden;
    block.w1 = parameters[1].values;
    block.b = parameters[2].values;
    block.w2 = parameters[3].values;
    block_.Import(block);
    block_.ResetOptimizer();
  });
}

std::vector<float> TorchBagModule::ExportClassifier() const {
  EnterThread();
  return CopyRows(classifier_->values());
}

Status TorchBagModule::Save(StateWriter& to) const {
  EnterThread();
  DASHI_RETURN_IF_ERROR(embeddings_->Save(to, "module/embeddings"));
  DASHI_RETURN_IF_ERROR(block_.Save(to, "module/block"));
  DASHI_RETURN_IF_ERROR(SaveCounter(to, "module/num_labels", classifier_->values().size(0)));
  DASHI_RETURN_IF_ERROR(classifier_->Save(to, "module/classifier"));
  DASHI_RETURN_IF_ERROR(SaveCounter(to, "module/encoder_steps", encoder_steps_));
  return SaveCounter(to, "module/classifier_steps", classifier_steps_);
}

Status TorchBagModule::Load(const StateReader& from) {
  return CatchTensorErrors("load a checkpoint", [&]() -> Status {
    EnterThread();
    DASHI_RETURN_IF_ERROR(embeddings_->Load(from, "module/embeddings"));
    DASHI_RETURN_IF_ERROR(block_.Load(from, "module/block"));
    std::int64_t num_labels = 0;
    DASHI_RETURN_IF_ERROR(LoadCounter(from, "module/num_labels", &num_labels));
    classifier_->Reset(at::empty({num_labels, options_.dim}, embeddings_->values().options()));
    DASHI_RETURN_IF_ERROR(classifier_->Load(from, "module/classifier"));
    DASHI_RETURN_IF_ERROR(LoadCounter(from, "module/encoder_steps", &encoder_steps_));
    return LoadCounter(from, "module/classifier_steps", &classifier_steps_);
  });
}

void TorchBagModule::AddRows(std::span<const std::uint32_t> positions, const at::Tensor& rows,
                             float scale, at::Tensor* to) const {
#ifdef DASHI_CUDA
  if (device_.is_cuda() && !options_.portable_kernels) {
    AddRowsAt(positions, rows, scale, to);
    return;
  }
#endif
  to->index_add_(0, IndexTensor(positions, device_), rows, scale);
}

Result<std::unique_ptr<LevelSplitter>> TorchBagModule::NewLevelSplitter(
    [[maybe_unused]] const std::uint16_t* vectors, [[maybe_unused]] std::size_t num_rows,
    [[maybe_unused]] std::size_t dim) {
#ifdef DASHI_CUDA
  if (device_.is_cuda() && !options_.portable_kernels) {
    return MakeDeviceLevelSplitter(vectors, num_rows, dim, device_);
  }
#endif
  return std::unique_ptr<LevelSplitter>();
}

std::string TorchBagModule::device() const {
#ifdef DASHI_CUDA
  if (device_.is_cuda()) {
    return fmt::format("cuda:{} {}", device_.index(), DeviceName(device_));
  }
#endif
  return device_.str();
}

}  // namespace

Result<std::unique_ptr<BagModule>> MakeTorchBagModule(const BagModuleOptions& options) {
  if (options.vocabulary_size == 0 || options.dim == 0) {
    return Status::InvalidArgument(fmt::format("empty bag encoder: {} tokens of dim {}",
                                               options.vocabulary_size, options.dim));
  }
  DASHI_ASSIGN_OR_RETURN(const at::Device device, ChooseDevice(options.device));
  DASHI_ASSIGN_OR_RETURN(const bool bfloat16, ChooseBfloat16(options.precision, device));
  return CatchTensorErrors("make bag encoder", [&]() -> Result<std::unique_ptr<BagModule>> {
    return std::unique_ptr<BagModule>(std::make_unique<TorchBagModule>(options, device, bfloat16));
  });
}

}  // namespace dashi::trainer
