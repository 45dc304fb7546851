#pragma once

#include <cstddef>
#include <string>

#include "dashi/progress.h"
#include "sql/shell/byte_sink.h"

namespace dashi {

/// Returns one line of at most `width` columns:
///
///     TRAIN MODEL m: encoder [##########..........]  51%  ETA 0:42  loss 0.1834  1.2k steps/s
///
/// What does not fit is left out, from the right.
std::string FormatProgress(const Progress& progress, std::size_t width);

/// Returns seconds as "0:07", "12:34" or "1:02:03".
std::string FormatDuration(double seconds);

/// Draws the progress of the running statement in the last line of a terminal. A phase that took
/// more than a second leaves its line behind when the next one begins.
///
/// Threads: one thread at a time.
class ProgressBar {
 public:
  /// `sink` is a terminal and must outlive the bar.
  explicit ProgressBar(ByteSink& sink) : sink_(sink) {}

  void Draw(const Progress& progress, std::size_t width);
  /// Takes the line away.
  void Clear();

 private:
  void Put(const std::string& text);

  ByteSink& sink_;
  std::string phase_;
  double phase_began_seconds_ = 0;
  double last_seconds_ = 0;
  bool drawn_ = false;
};

}  // namespace dashi
