#pragma once

#include <functional>
#include <string_view>

/// The definition that ForEachWord of bag_tokenizer.h must agree with: the whole text is
/// normalised, then cut.
namespace dashi::trainer::naive {

void ForEachWord(std::string_view text, const std::function<void(std::string_view)>& on_token);

}  // namespace dashi::trainer::naive
