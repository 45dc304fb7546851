#include "dashi/version.h"

namespace dashi {

std::string_view Version() { return DASHI_VERSION; }

}  // namespace dashi
