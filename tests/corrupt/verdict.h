#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "tests/corrupt/database_picture.h"

namespace dashi::corrupt {

/// What became of a damage.
enum class Outcome : std::uint8_t {
  kDetected,
  kHarmless,
  kLastSecond,
  kFewerRows,
  kWrongRows,
  kUnclearError,
  kCrash,
  kHung
};
inline constexpr std::array<std::string_view, 8> kOutcomeNames = {
    "detected", "harmless", "last second", "fewer rows", "wrong rows", "unclear", "crash", "hung"};

/// Whether nothing went unnoticed.
inline bool IsRight(Outcome outcome) { return outcome <= Outcome::kLastSecond; }

/// What a child printed, and how it ended.
struct ChildEnd {
  std::string output;
  int status = 0;
  bool hung = false;
};

std::string EncodePicture(const std::vector<Answer>& answers);
std::vector<Answer> DecodePicture(std::string_view bytes);

struct Verdict {
  Outcome outcome{};
  std::string reason;
};
/// Judges what a child answered to the questions of `truth`.
Verdict Compare(const std::vector<Answer>& truth, const ChildEnd& end);

}  // namespace dashi::corrupt
