#pragma once

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include <fmt/format.h>

#include "base/status.h"

namespace dashi::trainer {

/// The most bytes of a part of PutNumbers.
inline constexpr std::size_t kStatePartBytes = std::size_t{32} << 20U;

/// Where what a training needs to go on is written to, in named parts.
///
/// Threads: one thread at a time.
class StateWriter {
 public:
  virtual ~StateWriter() = default;
  /// `name`: "sampler/bank", each once.
  virtual Status Put(const std::string& name, std::string_view bytes) = 0;
};

/// Reads them back.
///
/// Errors:  kNotFound for a part that was not written, kCorruption for a damaged one.
/// Threads: one thread at a time.
class StateReader {
 public:
  virtual ~StateReader() = default;
  virtual Result<std::string> Get(const std::string& name) const = 0;
};

/// A vector of numbers as a part, in the byte order of the machine (little-endian ones only).
template <typename T>
Status PutVector(StateWriter& to, const std::string& name, const std::vector<T>& values) {
  static_assert(std::is_trivially_copyable_v<T>);
  return to.Put(name,
                {reinterpret_cast<const char*>(values.data()), values.size() * sizeof(values[0])});
}

/// Numbers of any count, as parts of at most kStatePartBytes: `name`, and from the second on
/// "name/1", "name/2", ... So both sides need no more memory than for one.
template <typename T>
Status PutNumbers(StateWriter& to, const std::string& name, std::span<const T> values) {
  static_assert(std::is_trivially_copyable_v<T>);
  constexpr std::size_t kNumbers = kStatePartBytes / sizeof(T);
  for (std::size_t begin = 0; begin == 0 || begin < values.size(); begin += kNumbers) {
    const auto part = values.subspan(begin, std::min(kNumbers, values.size() - begin));
    DASHI_RETURN_IF_ERROR(to.Put(begin == 0 ? name : fmt::format("{}/{}", name, begin / kNumbers),
                                 {reinterpret_cast<const char*>(part.data()), part.size_bytes()}));
  }
  return Status();
}

/// Errors: kCorruption when the part is no whole number of elements.
template <typename T>
Status GetVector(const StateReader& from, const std::string& name, std::vector<T>* values) {
  static_assert(std::is_trivially_copyable_v<T>);
  DASHI_ASSIGN_OR_RETURN(const std::string bytes, from.Get(name));
  if (bytes.size() % sizeof(T) != 0) {
    return Status::Corruption(
        fmt::format("the part {} of a checkpoint has {} bytes", name, bytes.size()));
  }
  values->resize(bytes.size() / sizeof(T));
  if (!values->empty()) {
    std::memcpy(values->data(), bytes.data(), bytes.size());
  }
  return Status();
}

/// Reads what PutNumbers wrote and calls `take(std::span<const T>)`, which returns a Status, for
/// each part.
///
/// Errors: kCorruption when a part is no whole number of elements; those of `take`.
template <typename T, typename Take>
Status GetNumbers(const StateReader& from, const std::string& name, const Take& take) {
  std::vector<T> values;
  for (std::size_t part = 0;; ++part) {
    const Status read =
        GetVector(from, part == 0 ? name : fmt::format("{}/{}", name, part), &values);
    if (part > 0 && read.code() == StatusCode::kNotFound) {
      return Status();
    }
    DASHI_RETURN_IF_ERROR(read);
    DASHI_RETURN_IF_ERROR(take(std::span<const T>(values)));
    if (values.size() < kStatePartBytes / sizeof(T)) {
      return Status();  // Only whole parts are followed by others.
    }
  }
}

/// Keeps the state of one training, so that it can go on after its process ended.
///
/// Threads: one thread at a time.
class TrainingCheckpoints {
 public:
  virtual ~TrainingCheckpoints() = default;
  /// Whether a state should be saved now. Asked between steps.
  virtual bool IsDue() const = 0;
  /// Replaces the last state as a whole with what `write` puts, or leaves it.
  ///
  /// Errors: those of `write` itself; those of the storage are logged, the last state stands, and
  ///         the training goes on.
  virtual Status Save(const std::function<Status(StateWriter&)>& write) = 0;
  /// The last state; null when there is none.
  virtual const StateReader* Latest() const = 0;
};

}  // namespace dashi::trainer
