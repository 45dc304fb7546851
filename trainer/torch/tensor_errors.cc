#include "trainer/torch/tensor_errors.h"

#include <algorithm>
#include <array>
#include <new>

#include <c10/util/Exception.h>

namespace dashi::trainer {

namespace {

bool IsOutOfMemory(const std::exception& error) {
  if (dynamic_cast<const c10::OutOfMemoryError*>(&error) != nullptr ||
      dynamic_cast<const std::bad_alloc*>(&error) != nullptr) {
    return true;
  }
  static constexpr std::array<std::string_view, 2> kWords{"can't allocate memory", "out of memory"};
  const std::string_view text = error.what();
  return std::any_of(kWords.begin(), kWords.end(), [&](std::string_view words) {
    return text.find(words) != std::string_view::npos;
  });
}

}  // namespace

Status TensorError(std::string_view what, const std::exception& error) {
  if (!IsOutOfMemory(error)) {
    return Status::Internal(std::string(what) + ": " + error.what());
  }
  const std::string_view text = error.what();
  // Behind the first line LibTorch writes where in its sources it stood.
  return Status::ResourceExhausted("out of memory in " + std::string(what) + ": " +
                                   std::string(text.substr(0, text.find('\n'))))
      .WithSqlState("53200")
      .WithHint(
          "EXPLAIN TRAIN MODEL tells what a training needs; a smaller batch_size or dim needs "
          "less");
}

}  // namespace dashi::trainer
