#pragma once

#include <cstring>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include <fmt/format.h>

#include "base/status.h"

namespace dashi::trainer {

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
