#include "trainer/strict_json.h"

#include <string>
#include <unordered_set>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "base/status.h"

namespace dashi::trainer {

Result<nlohmann::json> ParseStrictJsonObject(std::string_view what, std::string_view text) {
  using Json = nlohmann::json;
  std::vector<std::unordered_set<std::string>> open_objects;
  std::string repeated;
  const auto watch = [&](int /*depth*/, Json::parse_event_t event, Json& value) {
    if (event == Json::parse_event_t::object_start) {
      open_objects.emplace_back();
    } else if (event == Json::parse_event_t::object_end) {
      open_objects.pop_back();
    } else if (event == Json::parse_event_t::key) {
      const auto& key = value.get_ref<const std::string&>();
      if (!open_objects.back().insert(key).second && repeated.empty()) {
        repeated = key;
      }
    }
    return true;
  };
  Json parsed;
  Status status = CatchAsStatus(what, [&] { parsed = Json::parse(text, watch); });
  if (status.code() == StatusCode::kInternal) {
    return Status::Corruption(std::string(status.message()));  // with line and column
  }
  DASHI_RETURN_IF_ERROR(std::move(status));
  if (!parsed.is_object()) {
    return Status::Corruption(fmt::format("{} is no JSON object", what));
  }
  if (!repeated.empty()) {
    return Status::Corruption(fmt::format("{} names a key twice: {}", what, repeated));
  }
  return parsed;
}

}  // namespace dashi::trainer
