#include "trainer/torch/torch_transformer_module.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <optional>
#include <utility>

#include <ATen/CPUGeneratorImpl.h>
#include <ATen/Context.h>
#include <ATen/Parallel.h>
#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/ones.h>
#include <ATen/ops/zeros.h>
#include <ATen/ops/zeros_like.h>
#include <fmt/format.h>

#include "base/mutex.h"
#include "base/status.h"
#include "base/thread_annotations.h"
#include "base/thread_pool.h"
#include "trainer/torch/adam_w.h"
#include "trainer/torch/binary_pass.h"
#include "trainer/torch/chunked_encoder.h"
#include "trainer/torch/contrastive_loss.h"
#ifdef DASHI_CUDA
#include "trainer/torch/cuda_device.h"
#include "trainer/torch/device_level_splitter.h"
#endif
#include "trainer/torch/device_choice.h"
#include "trainer/torch/dropout_source.h"
#include "trainer/torch/residual_block.h"
#include "trainer/torch/row_table.h"
#include "trainer/torch/tensor_errors.h"
#include "trainer/torch/tensor_state.h"
#include "trainer/torch/transformer_checks.h"
#include "trainer/torch/transformer_network.h"

namespace dashi::trainer {
namespace {

constexpr std::uint64_t kProcessorActivationBytes = std::uint64_t{1} << 30U;
// Of what a device has free beside the parameters, their gradients and moments.
constexpr double kDeviceActivationShare = 0.5;
// Tokens that Encode handles at once.
constexpr double kProcessorEncodeTokens = 2048;
constexpr double kDeviceEncodeTokens = 131'072;
constexpr double kInitialDeviation = 0.02;

class TorchTransformerModule final : public TransformerModule {
 public:
  TorchTransformerModule(const TransformerModuleOptions& options, at::Device device, bool bfloat16,
                         bool encode_bfloat16, std::vector<at::Tensor> parameters)
      : options_(options),
        device_(device),
        bfloat16_(bfloat16),
        encode_bfloat16_(encode_bfloat16),
        pool_(device.is_cpu() ? options.num_threads : 1),
        network_(options.config, options.pooling, std::move(parameters)),
        adam_(options.weight_decay),
        classifier_(RowTable::Make(
            at::zeros({0, options.config.dim}, at::TensorOptions(at::kFloat).device(device)),
            /*portable=*/false, pool_)),
        activation_bytes_max_(options.activation_bytes_max > 0 ? options.activation_bytes_max
                                                               : DefaultActivationBytes()) {}

  Result<StepResult> EncoderStep(const EncoderBatch& batch, const StepRates& rates) override;
  Result<TransformerGradients> ComputeGradients(const EncoderBatch& batch) override;
  Status SetClassifier(std::span<const float> vectors, std::uint32_t num_labels) override;
  Result<StepResult> ClassifierStep(const ClassifierBatch& batch, const StepRates& rates) override;
  Status Encode(const SparseRows& texts, float* out) override;
  TransformerWeights ExportEncoder() const override;
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
  std::uint64_t DefaultActivationBytes() const;
  ChunkOptions TrainingChunks(std::uint64_t step, bool with_dropout) const;
  /// The loss of all terms, and its derivative by the unit rows, [num_texts, dim].
  Result<StepResult> Contrast(const std::vector<ContrastiveTerm>& terms, const at::Tensor& unit,
                              at::Tensor* gradient);
  Result<VectorGradient> Loss(const LossOptions& loss, const at::Tensor& rows,
                              const at::Tensor& columns, const SparseRows& positives,
                              const SparseRows& masked, std::span<const float> row_weights) {
    return ContrastivePass(loss, rows, columns, positives, masked, {bfloat16_, false, row_weights},
                           pool_);
  }
  Status CheckFinite(float loss, const char* stage, std::uint64_t step) const;
  std::vector<at::Tensor> ZeroGradients() const;
  void StepEncoder(const std::vector<at::Tensor>& gradients, float rate);
  TransformerNetwork EncodingNetwork() DASHI_EXCLUDES(rounded_mutex_);
  std::vector<float> CopyRows(const at::Tensor& rows) const;

  const TransformerModuleOptions options_;
  const at::Device device_;
  const bool bfloat16_;
  const bool encode_bfloat16_;
  ThreadPool pool_;
  TransformerNetwork network_;
  AdamW adam_;
  std::unique_ptr<RowTable> classifier_;  // [num_labels, dim], not normalised
  const std::uint64_t activation_bytes_max_;
  std::uint64_t encoder_steps_ = 0;
  std::uint64_t classifier_steps_ = 0;
  Mutex rounded_mutex_;
  std::optional<TransformerNetwork> rounded_ DASHI_GUARDED_BY(rounded_mutex_);
};

std::uint64_t TorchTransformerModule::DefaultActivationBytes() const {
#ifdef DASHI_CUDA
  if (device_.is_cuda()) {
    std::uint64_t state_bytes = 0;
    for (const at::Tensor& parameter : network_.parameters()) {
      state_bytes += 3 * parameter.nbytes();
    }
    const std::uint64_t free_bytes = FreeBytes(device_);
    const std::uint64_t left = free_bytes > state_bytes ? free_bytes - state_bytes : 0;
    return std::max(kProcessorActivationBytes,
                    static_cast<std::uint64_t>(static_cast<double>(left) * kDeviceActivationShare));
  }
#endif
  return kProcessorActivationBytes;
}

Result<std::unique_ptr<LevelSplitter>> TorchTransformerModule::NewLevelSplitter(
    [[maybe_unused]] const std::uint16_t* vectors, [[maybe_unused]] std::size_t num_rows,
    [[maybe_unused]] std::size_t dim) {
#ifdef DASHI_CUDA
  if (device_.is_cuda()) {
    return MakeDeviceLevelSplitter(vectors, num_rows, dim, device_);
  }
#endif
  return std::unique_ptr<LevelSplitter>();
}

std::string TorchTransformerModule::device() const {
#ifdef DASHI_CUDA
  if (device_.is_cuda()) {
    return fmt::format("cuda:{} {}", device_.index(), DeviceName(device_));
  }
#endif
  return device_.str();
}

std::vector<float> TorchTransformerModule::CopyRows(const at::Tensor& rows) const {
  const at::Tensor host = rows.detach().to(at::kCPU).contiguous();
  const auto* data = host.const_data_ptr<float>();
  return std::vector<float>(data, data + host.numel());
}

ChunkOptions TorchTransformerModule::TrainingChunks(std::uint64_t step, bool with_dropout) const {
  ChunkOptions chunks;
  chunks.device = device_;
  chunks.bfloat16 = bfloat16_;
  if (with_dropout) {
    chunks.dropout = options_.config.dropout;
    chunks.attention_dropout = options_.config.attention_dropout;
  }
  chunks.dropout_seed = options_.seed + (step << 20U);
  chunks.activation_bytes_max = activation_bytes_max_;
  return chunks;
}

Status TorchTransformerModule::CheckFinite(float loss, const char* stage,
                                           std::uint64_t step) const {
  if (std::isfinite(loss)) {
    return Status();
  }
  return Status::Internal(
             fmt::format("training diverged: the {} loss is {} at step {}", stage, loss, step))
      .WithHint("lower the learning rate");
}

std::vector<at::Tensor> TorchTransformerModule::ZeroGradients() const {
  std::vector<at::Tensor> gradients;
  for (const at::Tensor& parameter : network_.parameters()) {
    gradients.push_back(at::zeros_like(parameter.detach()));
  }
  return gradients;
}

void TorchTransformerModule::StepEncoder(const std::vector<at::Tensor>& gradients, float rate) {
  adam_.Step(network_.parameters(), gradients, rate, pool_);
  const MutexLock lock(rounded_mutex_);
  rounded_.reset();
}

Result<StepResult> TorchTransformerModule::Contrast(const std::vector<ContrastiveTerm>& terms,
                                                    const at::Tensor& unit, at::Tensor* gradient) {
  StepResult result;
  *gradient = at::zeros_like(unit);  // [num_texts, dim]
  for (const ContrastiveTerm& term : terms) {
    const at::Tensor rows = IndexTensor(term.rows, device_);
    const at::Tensor columns = IndexTensor(term.columns, device_);
    const at::Tensor row_embeddings = unit.index_select(0, rows);  // [num_rows, dim]
    DASHI_ASSIGN_OR_RETURN(const VectorGradient loss,
                           Loss(term.loss, row_embeddings, unit.index_select(0, columns),
                                term.positives, term.masked, term.row_weights));
    const at::Tensor summary = loss.summary.to(at::kCPU);  // [2]
    result.loss += term.weight * summary[0].item<float>();
    gradient->index_add_(0, rows, loss.rows, term.weight);
    gradient->index_add_(0, columns, loss.columns, term.weight);
    if (&term == &terms.front()) {
      result.top1 = summary[1].item<float>();
      result.row_embeddings = CopyRows(row_embeddings);
    }
  }
  return result;
}

Result<StepResult> TorchTransformerModule::EncoderStep(const EncoderBatch& batch,
                                                       const StepRates& rates) {
  DASHI_RETURN_IF_ERROR(CheckTransformerBatch(batch, options_.config));
  return CatchTensorErrors("encoder step", [&]() -> Result<StepResult> {
    at::set_num_threads(1);
    ++encoder_steps_;
    ChunkedEncoder encoder(network_, options_.config, batch.texts,
                           TrainingChunks(encoder_steps_, /*with_dropout=*/true), pool_);
    DASHI_ASSIGN_OR_RETURN(const at::Tensor unit, encoder.Forward());  // [num_texts, dim]
    at::Tensor gradient;                                               // [num_texts, dim]
    DASHI_ASSIGN_OR_RETURN(StepResult result, Contrast(batch.terms, unit, &gradient));
    DASHI_RETURN_IF_ERROR(CheckFinite(result.loss, "encoder", encoder_steps_));
    std::vector<at::Tensor> gradients = ZeroGradients();
    DASHI_RETURN_IF_ERROR(encoder.Backward(gradient, &gradients));
    StepEncoder(gradients, rates.dense);
    return result;
  });
}

Result<TransformerGradients> TorchTransformerModule::ComputeGradients(const EncoderBatch& batch) {
  DASHI_RETURN_IF_ERROR(CheckTransformerBatch(batch, options_.config));
  return CatchTensorErrors("encoder gradients", [&]() -> Result<TransformerGradients> {
    at::set_num_threads(1);
    ChunkedEncoder encoder(network_, options_.config, batch.texts,
                           TrainingChunks(0, /*with_dropout=*/false), pool_);
    DASHI_ASSIGN_OR_RETURN(const at::Tensor unit, encoder.Forward());  // [num_texts, dim]
    at::Tensor gradient;                                               // [num_texts, dim]
    DASHI_ASSIGN_OR_RETURN(const StepResult result, Contrast(batch.terms, unit, &gradient));
    std::vector<at::Tensor> sums = ZeroGradients();
    DASHI_RETURN_IF_ERROR(encoder.Backward(gradient, &sums));
    TransformerGradients gradients;
    gradients.loss = result.loss;
    for (const at::Tensor& sum : sums) {
      gradients.parameters.push_back(CopyRows(sum));
    }
    return gradients;
  });
}

Status TorchTransformerModule::SetClassifier(std::span<const float> vectors,
                                             std::uint32_t num_labels) {
  const std::int64_t dim = options_.config.dim;
  if (vectors.size() != static_cast<std::size_t>(num_labels) * options_.config.dim) {
    return Status::InvalidArgument(
        fmt::format("label vectors shape mismatch: got {} numbers, want {} x {}", vectors.size(),
                    num_labels, dim));
  }
  return CatchTensorErrors("set classifier", [&] {
    at::Tensor values = at::empty({num_labels, dim}, at::kFloat);  // [num_labels, dim]
    std::copy(vectors.begin(), vectors.end(), values.mutable_data_ptr<float>());
    classifier_->Reset(values.to(device_));
    adam_.Reset();
    classifier_steps_ = 0;
  });
}

Result<StepResult> TorchTransformerModule::ClassifierStep(const ClassifierBatch& batch,
                                                          const StepRates& rates) {
  const bool trains_encoder = rates.dense > 0;
  DASHI_RETURN_IF_ERROR(CheckTransformerBatch(
      batch, options_.config, static_cast<std::size_t>(classifier_->values().size(0)),
      trains_encoder));
  return CatchTensorErrors("classifier step", [&]() -> Result<StepResult> {
    at::set_num_threads(1);
    ++classifier_steps_;
    std::optional<ChunkedEncoder> encoder;
    at::Tensor embeddings;  // [num_rows, dim]
    if (trains_encoder) {
      // The steps of the first stage are below 2^32.
      const std::uint64_t step = (std::uint64_t{1} << 32U) + classifier_steps_;
      encoder.emplace(network_, options_.config, batch.texts,
                      TrainingChunks(step, /*with_dropout=*/true), pool_);
      DASHI_ASSIGN_OR_RETURN(embeddings, encoder->Forward());
    } else {
      embeddings = at::empty(
          {static_cast<std::int64_t>(batch.positives.num_rows()), options_.config.dim}, at::kFloat);
      std::copy(batch.embeddings.begin(), batch.embeddings.end(),
                embeddings.mutable_data_ptr<float>());
      embeddings = embeddings.to(device_);
    }
    at::Tensor mask;  // [num_rows, dim]
    if (batch.dropout > 0) {
      mask = DropoutSource(batch.dropout_seed, device_).Mask(embeddings, batch.dropout);
    }
    const UnitRows rows = Normalize(mask.defined() ? embeddings * mask : embeddings);
    UnitRows labels;  // [num_columns, dim], where they are a sample
    VectorGradient loss;
    if (batch.loss.kind == LossKind::kBinary) {
      DASHI_ASSIGN_OR_RETURN(loss, BinaryPass(batch.loss, rows.rows, classifier_->values(),
                                              batch.positives, batch.masked, rates.classifier,
                                              {bfloat16_, false, batch.row_weights}, pool_));
    } else {
      labels = Normalize(classifier_->Gather(batch.columns));
      DASHI_ASSIGN_OR_RETURN(loss, Loss(batch.loss, rows.rows, labels.rows, batch.positives,
                                        batch.masked, batch.row_weights));
    }
    StepResult result;
    const at::Tensor summary = loss.summary.to(at::kCPU);  // [2]
    result.loss = summary[0].item<float>();
    result.top1 = summary[1].item<float>();
    result.row_embeddings = CopyRows(embeddings);
    DASHI_RETURN_IF_ERROR(CheckFinite(result.loss, "classifier", classifier_steps_));
    if (trains_encoder) {
      at::Tensor gradient = NormalizeGradient(rows, loss.rows);  // [num_rows, dim]
      if (mask.defined()) {
        gradient.mul_(mask);
      }
      std::vector<at::Tensor> gradients = ZeroGradients();
      DASHI_RETURN_IF_ERROR(encoder->Backward(gradient, &gradients));
      StepEncoder(gradients, rates.dense);
    }
    if (labels.rows.defined()) {
      classifier_->StepRows(batch.columns, NormalizeGradient(labels, loss.columns),
                            rates.classifier);
    }
    return result;
  });
}

TransformerNetwork TorchTransformerModule::EncodingNetwork() {
  if (!encode_bfloat16_) {
    return network_;
  }
  const MutexLock lock(rounded_mutex_);
  if (!rounded_.has_value()) {
    const at::NoGradGuard no_gradient;
    rounded_ = network_.Rounded();
  }
  return *rounded_;
}

Status TorchTransformerModule::Encode(const SparseRows& texts, float* out) {
  DASHI_RETURN_IF_ERROR(CheckTokenRows(texts, options_.config));
  const double tokens_max = device_.is_cpu() ? kProcessorEncodeTokens : kDeviceEncodeTokens;
  const std::vector<TokenChunk> chunks = ChunkByLength(texts, 1, 0, tokens_max);
  std::vector<Status> statuses(chunks.size());
  ForwardOptions forward;
  forward.bfloat16 = encode_bfloat16_;
  const std::size_t dim = options_.config.dim;
  const Status prepared = CatchTensorErrors("encode", [&] {
    const TransformerNetwork network = EncodingNetwork();
    pool_.ParallelFor(chunks.size(), 1, [&](std::size_t begin, std::size_t end) {
      at::set_num_threads(1);
      const at::NoGradGuard no_gradient;
      for (std::size_t i = begin; i < end; ++i) {
        statuses[i] = CatchTensorErrors("encode", [&] {
          const TokenMatrix tokens =
              MakeTokenMatrix(texts, chunks[i], options_.config.padding_id, device_);
          at::Tensor rows = network.Forward(tokens, network.WordVectors(tokens), forward);
          rows = options_.pooling.normalize ? UnitLength(rows) : rows;  // [texts of chunk, dim]
          rows = rows.to(at::kCPU).contiguous();
          const auto* data = rows.const_data_ptr<float>();
          for (std::size_t row = 0; row < chunks[i].texts.size(); ++row) {
            std::copy_n(data + row * dim, dim, out + chunks[i].texts[row] * dim);
          }
        });
      }
    });
  });
  DASHI_RETURN_IF_ERROR(prepared);
  for (Status& status : statuses) {
    DASHI_RETURN_IF_ERROR(std::move(status));
  }
  return Status();
}

TransformerWeights TorchTransformerModule::ExportEncoder() const {
  at::set_num_threads(1);
  const std::vector<TransformerParameter> names = TransformerParameters(options_.config);
  auto bytes = std::make_shared<std::string>();
  std::vector<std::size_t> ends;
  for (const at::Tensor& parameter : network_.parameters()) {
    const at::Tensor host = parameter.detach().to(at::kCPU).contiguous();
    bytes->append(static_cast<const char*>(host.const_data_ptr()), host.nbytes());
    ends.push_back(bytes->size());
  }
  TransformerWeights weights;
  std::size_t begin = 0;
  for (std::size_t i = 0; i < names.size(); ++i) {
    weights.tensors.push_back(
        {"F32", names[i].shape, std::string_view(*bytes).substr(begin, ends[i] - begin)});
    begin = ends[i];
  }
  weights.bytes = std::move(bytes);
  return weights;
}

std::vector<NamedTensor> TorchTransformerModule::ExportParameters() const {
  at::set_num_threads(1);
  const std::vector<TransformerParameter> names = TransformerParameters(options_.config);
  std::vector<NamedTensor> parameters;
  for (std::size_t i = 0; i < names.size(); ++i) {
    parameters.push_back({names[i].name, CopyRows(network_.parameters()[i])});
  }
  return parameters;
}

Status TorchTransformerModule::ImportParameters(std::span<const NamedTensor> parameters) {
  const std::vector<TransformerParameter> names = TransformerParameters(options_.config);
  const std::vector<at::Tensor>& own = network_.parameters();
  for (std::size_t i = 0; i < names.size(); ++i) {
    if (parameters.size() != names.size() || parameters[i].name != names[i].name ||
        parameters[i].values.size() != static_cast<std::size_t>(own[i].numel())) {
      return Status::InvalidArgument("transformer parameters shape mismatch at " + names[i].name);
    }
  }
  return CatchTensorErrors("import encoder", [&] {
    at::set_num_threads(1);
    const at::NoGradGuard no_gradient;
    for (std::size_t i = 0; i < own.size(); ++i) {
      at::Tensor host = at::empty(own[i].sizes(), at::kFloat);
      std::copy(parameters[i].values.begin(), parameters[i].values.end(),
                host.mutable_data_ptr<float>());
      at::Tensor parameter = own[i];
      parameter.copy_(host);
    }
    adam_.Reset();
    const MutexLock lock(rounded_mutex_);
    rounded_.reset();
  });
}

std::vector<float> TorchTransformerModule::ExportClassifier() const {
  at::set_num_threads(1);
  return CopyRows(classifier_->values());
}

Status TorchTransformerModule::Save(StateWriter& to) const {
  at::set_num_threads(1);
  const std::vector<TransformerParameter> names = TransformerParameters(options_.config);
  for (std::size_t i = 0; i < names.size(); ++i) {
    DASHI_RETURN_IF_ERROR(
        SaveTensor(to, "module/" + names[i].name, network_.parameters()[i].detach()));
  }
  DASHI_RETURN_IF_ERROR(adam_.Save(to, "module/adam"));
  DASHI_RETURN_IF_ERROR(SaveCounter(to, "module/num_labels", classifier_->values().size(0)));
  DASHI_RETURN_IF_ERROR(classifier_->Save(to, "module/classifier"));
  DASHI_RETURN_IF_ERROR(
      SaveCounter(to, "module/encoder_steps", static_cast<std::int64_t>(encoder_steps_)));
  return SaveCounter(to, "module/classifier_steps", static_cast<std::int64_t>(classifier_steps_));
}

Status TorchTransformerModule::Load(const StateReader& from) {
  return CatchTensorErrors("load a checkpoint", [&]() -> Status {
    at::set_num_threads(1);
    const at::NoGradGuard no_gradient;
    const std::vector<TransformerParameter> names = TransformerParameters(options_.config);
    for (std::size_t i = 0; i < names.size(); ++i) {
      at::Tensor parameter = network_.parameters()[i];
      at::Tensor value;
      DASHI_RETURN_IF_ERROR(
          LoadTensor(from, "module/" + names[i].name, parameter.detach(), &value));
      if (!value.defined()) {
        return Status::Corruption("a checkpoint has no module/" + names[i].name);
      }
      parameter.copy_(value);
    }
    DASHI_RETURN_IF_ERROR(adam_.Load(from, "module/adam", network_.parameters()));
    std::int64_t num_labels = 0;
    DASHI_RETURN_IF_ERROR(LoadCounter(from, "module/num_labels", &num_labels));
    classifier_->Reset(at::empty({num_labels, options_.config.dim}, at::kFloat).to(device_));
    DASHI_RETURN_IF_ERROR(classifier_->Load(from, "module/classifier"));
    std::int64_t encoder_steps = 0;
    std::int64_t classifier_steps = 0;
    DASHI_RETURN_IF_ERROR(LoadCounter(from, "module/encoder_steps", &encoder_steps));
    DASHI_RETURN_IF_ERROR(LoadCounter(from, "module/classifier_steps", &classifier_steps));
    encoder_steps_ = static_cast<std::uint64_t>(encoder_steps);
    classifier_steps_ = static_cast<std::uint64_t>(classifier_steps);
    const MutexLock lock(rounded_mutex_);
    rounded_.reset();
    return Status();
  });
}

Result<at::ScalarType> TypeOf(const std::string& dtype) {
  if (dtype == "F32") {
    return at::kFloat;
  }
  if (dtype == "F16") {
    return at::kHalf;
  }
  if (dtype == "BF16") {
    return at::kBFloat16;
  }
  return Status::InvalidArgument("transformer weights have another dtype: " + dtype);
}

/// Copies of the weights, or random ones.
Result<std::vector<at::Tensor>> MakeParameters(const TransformerModuleOptions& options,
                                               const TransformerWeights& weights,
                                               at::Device device) {
  const std::vector<TransformerParameter> wanted = TransformerParameters(options.config);
  if (!weights.tensors.empty() && weights.tensors.size() != wanted.size()) {
    return Status::InvalidArgument(
        fmt::format("transformer weights shape mismatch: got {} "
                    "tensors, want {}",
                    weights.tensors.size(), wanted.size()));
  }
  const at::Generator generator = at::detail::createCPUGenerator(options.seed);
  std::vector<at::Tensor> parameters;
  for (std::size_t i = 0; i < wanted.size(); ++i) {
    const std::vector<std::int64_t> shape(wanted[i].shape.begin(), wanted[i].shape.end());
    at::Tensor value;
    if (!weights.tensors.empty()) {
      const TensorView& tensor = weights.tensors[i];
      DASHI_ASSIGN_OR_RETURN(const at::ScalarType type, TypeOf(tensor.dtype));
      value = at::empty(shape, type);
      if (tensor.shape != wanted[i].shape || tensor.bytes.size() != value.nbytes()) {
        return Status::InvalidArgument("transformer weights shape mismatch: " + wanted[i].name);
      }
      std::memcpy(value.mutable_data_ptr(), tensor.bytes.data(), tensor.bytes.size());
    } else if (shape.size() == 2) {
      value = at::empty(shape, at::kFloat).normal_(0.0, kInitialDeviation, generator);
    } else {
      const std::string& name = wanted[i].name;
      value =
          name.ends_with(".weight") ? at::ones(shape, at::kFloat) : at::zeros(shape, at::kFloat);
    }
    parameters.push_back(value.to(at::kFloat).to(device).requires_grad_(true));
  }
  return parameters;
}

}  // namespace

Result<std::unique_ptr<TransformerModule>> MakeTorchTransformerModule(
    const TransformerModuleOptions& options, const TransformerWeights& weights) {
  DASHI_RETURN_IF_ERROR(CheckTransformerConfig(options.config));
  DASHI_ASSIGN_OR_RETURN(const at::Device device, ChooseDevice(options.device));
  DASHI_ASSIGN_OR_RETURN(const bool bfloat16, ChooseBfloat16(options.precision, device));
  DASHI_ASSIGN_OR_RETURN(const bool encode_bfloat16,
                         ChooseBfloat16(options.encode_precision, device));
  return CatchTensorErrors("make transformer", [&]() -> Result<std::unique_ptr<TransformerModule>> {
    at::set_num_threads(1);
    DASHI_ASSIGN_OR_RETURN(std::vector<at::Tensor> parameters,
                           MakeParameters(options, weights, device));
    return std::unique_ptr<TransformerModule>(std::make_unique<TorchTransformerModule>(
        options, device, bfloat16, encode_bfloat16, std::move(parameters)));
  });
}

}  // namespace dashi::trainer
