#pragma once

#include <string_view>

namespace dashi {

/// Whether a text may hold a password, so that it belongs into no history and no log: the word
/// PASSWORD and, somewhere behind it, a quote.
bool MayHoldPassword(std::string_view sql);

}  // namespace dashi
