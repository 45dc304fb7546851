#pragma once

#include <functional>
#include <memory>
#include <vector>

#include "dashi/status.h"

namespace dashi {

/// Calls a function for each signal that arrives, from a thread of its own: no restriction of
/// signal handlers applies to it. While it lives the signals do nothing else; afterwards they do
/// what they do by default. At most one may exist at a time.
///
/// The signals are caught by a handler and not blocked, because threads that libraries start before
/// main() would not have them blocked, and the process would end there.
class SignalWatcher {
 public:
  /// `on_signal` gets the number of the signal; it must be quick and must not throw.
  static Result<std::unique_ptr<SignalWatcher>> Start(const std::vector<int>& signals,
                                                      std::function<void(int signal)> on_signal);
  ~SignalWatcher();
  SignalWatcher(const SignalWatcher&) = delete;
  SignalWatcher& operator=(const SignalWatcher&) = delete;

 private:
  class Impl;
  explicit SignalWatcher(std::unique_ptr<Impl> impl);

  std::unique_ptr<Impl> impl_;
};

}  // namespace dashi
