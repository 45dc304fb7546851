#pragma once

#include <exception>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

#include "base/status.h"

namespace dashi::trainer {

/// What an exception of LibTorch or CUDA stands for: kResourceExhausted (53200) when memory did not
/// suffice, else kInternal. The device's allocator says so by a type of its own, the processor's
/// and CUDA itself (page-locked memory, kernels) in words alone.
Status TensorError(std::string_view what, const std::exception& error);

/// CatchAsStatus for work on tensors.
///
/// Errors: kResourceExhausted (53200) when the memory of the machine or of its GPU does not
///         suffice; else as CatchAsStatus.
template <typename Body>
auto CatchTensorErrors(std::string_view what, Body&& body) {
  using Returned = std::invoke_result_t<Body>;
  using Outcome = std::conditional_t<std::is_void_v<Returned>, Status, Returned>;
  return CatchAsStatus(what, [&]() -> Outcome {
    try {
      if constexpr (std::is_void_v<Returned>) {
        std::forward<Body>(body)();
        return Status();
      } else {
        return std::forward<Body>(body)();
      }
    } catch (const std::exception& error) {
      return Outcome(TensorError(what, error));
    }
  });
}

}  // namespace dashi::trainer
