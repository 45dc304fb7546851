#include "trainer/estimate/training_estimate.h"

#include <algorithm>
#include <string>
#include <utility>

#include <fmt/format.h>

#include "base/status.h"

namespace dashi::trainer {
namespace {

constexpr std::uint64_t kMiB = std::uint64_t{1} << 20U;

std::uint64_t ToMiB(std::uint64_t bytes) { return (bytes + kMiB - 1) / kMiB; }

std::uint64_t PeakHostBytes(const std::vector<MemoryPhase>& phases, bool on_device) {
  return PeakPhase(phases, on_device).HostBytes(on_device);
}

std::uint64_t PeakDeviceBytes(const std::vector<MemoryPhase>& phases) {
  std::uint64_t peak = 0;
  for (const MemoryPhase& phase : phases) {
    peak = std::max(peak, phase.DeviceBytes());
  }
  return peak;
}

/// An option with a smaller value, and the options that it makes.
struct SmallerOption {
  std::string text;
  NgameOptions options;
};

std::vector<SmallerOption> SmallerOptions(const NgameOptions& options) {
  std::vector<SmallerOption> smaller;
  const auto add = [&](const std::string& text, const auto& change) {
    NgameOptions changed = options;
    change(&changed);
    smaller.push_back({text, std::move(changed)});
  };
  if (options.transformer == nullptr && options.dim > 64) {
    add(fmt::format("dim = {}", options.dim / 2), [](NgameOptions* o) { o->dim /= 2; });
  }
  if (options.ranker) {
    add("ranker = off", [](NgameOptions* o) { o->ranker = false; });
  }
  if (options.batch_size > 128) {
    add(fmt::format("batch_size = {}", options.batch_size / 2),
        [](NgameOptions* o) { o->batch_size /= 2; });
  }
  constexpr std::uint32_t kRowsMemory = 64;
  if (options.rows_memory_mb > kRowsMemory) {
    add(fmt::format("rows_memory_mb = {}", kRowsMemory),
        [](NgameOptions* o) { o->rows_memory_mb = kRowsMemory; });
  }
  if (options.classifier_epochs > 0) {
    add("classifier_epochs = 0", [](NgameOptions* o) { o->classifier_epochs = 0; });
  }
  return smaller;
}

std::string DescribeSmaller(const TrainingEstimate& estimate, const NgameOptions& options,
                            bool of_device) {
  const bool on_device = estimate.device_bytes > 0;
  const auto bytes_of = [&](const std::vector<MemoryPhase>& phases) {
    return of_device ? PeakDeviceBytes(phases) : PeakHostBytes(phases, on_device);
  };
  std::vector<std::pair<std::uint64_t, std::string>> found;
  for (const SmallerOption& one : SmallerOptions(options)) {
    TrainingSizes sizes = estimate.sizes;
    if (!one.options.ranker) {
      sizes.features = sizes.num_features = 0;
    }
    const std::uint64_t bytes = bytes_of(EstimateMemory(sizes, one.options));
    if (bytes < bytes_of(estimate.memory)) {
      found.emplace_back(bytes, fmt::format("{} MiB with {}", ToMiB(bytes), one.text));
    }
  }
  std::sort(found.begin(), found.end());
  std::string text;
  for (const auto& [bytes, one] : found) {
    text += (text.empty() ? "It would need " : ", ") + one;
  }
  return text.empty() ? "Train on fewer documents or labels." : text + ".";
}

Status DoesNotFit(std::string_view what, std::uint64_t needed, std::uint64_t available,
                  const std::string& stage, const std::string& hint) {
  return Status::ResourceExhausted(fmt::format("not enough {} for the training: {} MiB needed, {} "
                                               "MiB available (most in the stage {})",
                                               what, ToMiB(needed), available / kMiB, stage))
      .WithSqlState("53200")
      .WithHint(hint);
}

}  // namespace

Result<TrainingEstimate> EstimateSpace(const TrainingSizes& sizes, const NgameOptions& options,
                                       TensorBackend& backend) {
  TrainingEstimate estimate;
  estimate.sizes = sizes;
  estimate.memory = EstimateMemory(sizes, options);
  estimate.disk = EstimateDisk(sizes, options);
  DASHI_ASSIGN_OR_RETURN(const std::optional<std::uint64_t> device,
                         backend.FreeDeviceBytes(options.device));
  estimate.memory_bytes = PeakHostBytes(estimate.memory, device.has_value());
  for (const MemoryPart& part : estimate.memory.front().parts) {
    estimate.held_bytes += part.is_read ? part.bytes : 0;
  }
  estimate.device_bytes = device ? PeakDeviceBytes(estimate.memory) : 0;
  return estimate;
}

Status CheckMemory(const TrainingEstimate& estimate, const NgameOptions& options,
                   const TrainingLimits& limits, TensorBackend& backend) {
  const bool on_device = estimate.device_bytes > 0;
  const std::uint64_t needed = estimate.memory_bytes;
  const std::string& stage = PeakPhase(estimate.memory, on_device).name;
  if (limits.memory_bytes_max > 0 && needed > limits.memory_bytes_max) {
    return DoesNotFit("memory within the option memory_limit_mb", needed, limits.memory_bytes_max,
                      stage, DescribeSmaller(estimate, options, /*of_device=*/false));
  }
  if (limits.available_bytes && needed > *limits.available_bytes + estimate.held_bytes) {
    return DoesNotFit("memory", needed, *limits.available_bytes + estimate.held_bytes, stage,
                      DescribeSmaller(estimate, options, /*of_device=*/false));
  }
  if (!on_device) {
    return Status();
  }
  DASHI_ASSIGN_OR_RETURN(const std::optional<std::uint64_t> device,
                         backend.FreeDeviceBytes(options.device));
  if (device && estimate.device_bytes > *device) {
    const auto most = std::max_element(estimate.memory.begin(), estimate.memory.end(),
                                       [](const MemoryPhase& a, const MemoryPhase& b) {
                                         return a.DeviceBytes() < b.DeviceBytes();
                                       });
    return DoesNotFit("GPU memory", estimate.device_bytes, *device, most->name,
                      DescribeSmaller(estimate, options, /*of_device=*/true));
  }
  return Status();
}

}  // namespace dashi::trainer
