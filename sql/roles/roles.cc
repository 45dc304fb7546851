#include "sql/roles/roles.h"

#include <algorithm>
#include <utility>

#include <nlohmann/json.hpp>

#include "base/base64.h"
#include "base/status.h"

namespace dashi::sql {

namespace {

constexpr std::string_view kSetting = "roles";

constexpr std::pair<std::string_view, bool Rights::*> kRights[] = {{"reader", &Rights::reader},
                                                                   {"writer", &Rights::writer},
                                                                   {"trainer", &Rights::trainer},
                                                                   {"admin", &Rights::admin}};

nlohmann::json JsonOf(const StoredRole& role) {
  nlohmann::json json = {
      {"name", role.name}, {"login", role.login}, {"rights", nlohmann::json::array()}};
  for (const auto& [name, member] : kRights) {
    if (role.rights.*member) {
      json["rights"].push_back(std::string(name));
    }
  }
  if (!role.verifier.empty()) {
    json["verifier"] = role.verifier;
  }
  if (role.num_connections_max >= 0) {
    json["connections"] = role.num_connections_max;
  }
  if (role.memory_bytes_max > 0) {
    json["memory"] = role.memory_bytes_max;
  }
  if (role.valid_until_micros) {
    json["valid_until"] = *role.valid_until_micros;
  }
  if (!role.settings.empty()) {
    json["settings"] = role.settings;
  }
  return json;
}

StoredRole RoleOf(const nlohmann::json& json) {
  StoredRole role;
  role.name = json.at("name").get<std::string>();
  role.login = json.at("login").get<bool>();
  for (const nlohmann::json& name : json.at("rights")) {
    bool* right = RightNamed(name.get<std::string>(), &role.rights);
    if (right != nullptr) {  // One of a later version gives nothing here.
      *right = true;
    }
  }
  role.verifier = json.value("verifier", std::string());
  role.num_connections_max = json.value("connections", -1);
  role.memory_bytes_max = json.value("memory", std::uint64_t{0});
  if (json.contains("valid_until")) {
    role.valid_until_micros = json.at("valid_until").get<std::int64_t>();
  }
  role.settings = json.value("settings", std::map<std::string, std::string>());
  return role;
}

}  // namespace

std::string Rights::ToString() const {
  std::string text;
  for (const auto& [name, member] : kRights) {
    if (this->*member) {
      text += (text.empty() ? "" : ", ") + std::string(name);
    }
  }
  return text;
}

bool* RightNamed(std::string_view name, Rights* rights) {
  for (const auto& [each, member] : kRights) {
    if (each == name) {
      return &(rights->*member);
    }
  }
  return nullptr;
}

const StoredRole* Roles::Find(std::string_view name) const {
  const auto found = std::find_if(all.begin(), all.end(),
                                  [name](const StoredRole& role) { return role.name == name; });
  return found == all.end() ? nullptr : &*found;
}

StoredRole* Roles::Find(std::string_view name) {
  return const_cast<StoredRole*>(std::as_const(*this).Find(name));
}

Result<Roles> ReadRoles(const storage::View& view) {
  DASHI_ASSIGN_OR_RETURN(const std::optional<std::string> text, view.GetSetting(kSetting));
  Roles roles;
  if (!text) {
    return roles;
  }
  const Status read = CatchAsStatus("roles", [&]() -> Status {
    const nlohmann::json json = nlohmann::json::parse(*text);
    for (const nlohmann::json& each : json.at("roles")) {
      roles.all.push_back(RoleOf(each));
    }
    roles.mock_secret = FromBase64(json.at("secret").get<std::string>()).value_or("");
    return Status();
  });
  // What json says of it may show a part of the text, with a verifier in it.
  return read.ok() ? Result<Roles>(std::move(roles))
                   : Status::Corruption("the list of roles cannot be read");
}

Status WriteRoles(const Roles& roles, storage::Transaction* transaction) {
  std::vector<StoredRole> sorted = roles.all;
  std::sort(sorted.begin(), sorted.end(),
            [](const StoredRole& a, const StoredRole& b) { return a.name < b.name; });
  nlohmann::json json = {{"roles", nlohmann::json::array()},
                         {"secret", Base64Of(roles.mock_secret)}};
  for (const StoredRole& role : sorted) {
    json["roles"].push_back(JsonOf(role));
  }
  return transaction->PutSetting(kSetting, json.dump());
}

}  // namespace dashi::sql
