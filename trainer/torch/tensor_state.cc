#include "trainer/torch/tensor_state.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <vector>

#include <ATen/ops/empty.h>
#include <fmt/format.h>

#include "base/status.h"

namespace dashi::trainer {

Status SaveTensor(StateWriter& to, const std::string& name, const at::Tensor& tensor) {
  if (!tensor.defined()) {
    return to.Put(name, {});
  }
  const at::Tensor host = tensor.to(at::kCPU).contiguous();
  const auto* data = host.const_data_ptr<float>();
  if (!std::all_of(data, data + host.numel(), [](float x) { return std::isfinite(x); })) {
    return Status::Internal(fmt::format("training diverged: {} is not finite", name))
        .WithHint("lower the learning rate");
  }
  return to.Put(name, {reinterpret_cast<const char*>(data), host.nbytes()});
}

Status LoadTensor(const StateReader& from, const std::string& name, const at::Tensor& like,
                  at::Tensor* tensor) {
  DASHI_ASSIGN_OR_RETURN(const std::string bytes, from.Get(name));
  if (bytes.empty() && like.numel() > 0) {
    tensor->reset();
    return Status();
  }
  if (bytes.size() != like.nbytes()) {
    return Status::Corruption(fmt::format("the part {} of a checkpoint has {} bytes, want {}", name,
                                          bytes.size(), like.nbytes()));
  }
  at::Tensor host = at::empty(like.sizes(), at::kFloat);
  std::memcpy(host.mutable_data_ptr<float>(), bytes.data(), bytes.size());
  *tensor = host.to(like.device());
  return Status();
}

Status SaveCounter(StateWriter& to, const std::string& name, std::int64_t value) {
  return PutVector(to, name, std::vector<std::int64_t>{value});
}

Status LoadCounter(const StateReader& from, const std::string& name, std::int64_t* value) {
  std::vector<std::int64_t> values;
  DASHI_RETURN_IF_ERROR(GetVector(from, name, &values));
  if (values.size() != 1 || values.front() < 0) {
    return Status::Corruption(fmt::format("the part {} of a checkpoint is no count", name));
  }
  *value = values.front();
  return Status();
}

}  // namespace dashi::trainer
