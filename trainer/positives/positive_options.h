#pragma once

#include <string_view>
#include <vector>

#include "dashi/status.h"
#include "storage/catalog_records.h"
#include "trainer/model_option_spec.h"
#include "trainer/positives/positive_source.h"

namespace dashi::trainer {

/// The value of the option relevance_from that is no graph's name.
inline constexpr std::string_view kRelevanceTable = "relevance";

/// The options that say which labels are positives of a document, and what they count. The first
/// one, relevance_from, says whether those of OptionScope::kClicks apply.
std::vector<OptionSpec> PositiveOptionSpecs();

/// What a release's record says of its positives.
///
/// Errors: kInvalidArgument for a value that this version cannot read.
Result<PositiveReading> PositivesOf(const storage::OptionMap& release_options);

}  // namespace dashi::trainer
