#pragma once

#include <span>
#include <string_view>
#include <vector>

namespace dashi {

/// An option, or a setting, and the words that it may be.
struct OptionWords {
  std::string_view name;
  std::vector<std::string_view> values;  ///< empty: no enumeration
};

/// What has options: in a list in parentheses, or, settings, behind SET.
enum class OptionList {
  kCopyFrom,
  kCopyTo,
  kCreateModel,
  kTrainModel,
  kAlterModel,
  kEvaluateModel,
  kCompare,
  kCreateGraph,
  kResumeJob,
  kBackup,
  kSettings  // those that are enumerations
};

/// The options of a statement, in the order of the documentation.
std::vector<OptionWords> OptionsOf(OptionList list);

/// What may stand in a place of an option.
struct OptionPlace {
  std::vector<std::string_view> words;
  bool found = false;  ///< false: it is no such place
};

/// What may stand behind the words of a statement that was begun: the names of options, or the
/// values of one. `typed` are whole words and signs; quoted texts are words, with their quotes.
OptionPlace CompleteOption(std::span<const std::string_view> typed);

}  // namespace dashi
