#include "server/auth/access_rules.h"

#include <algorithm>
#include <charconv>
#include <optional>
#include <utility>

#include <fmt/format.h>

#include "base/status.h"

namespace dashi {

namespace {

constexpr std::string_view kBlanks = " \t\r";

// Cuts a line into words. A word in double quotes, in which "" is a quote, keeps a mark in front,
// so that "all" is a name.
constexpr char kQuoted = '"';

Result<std::vector<std::string>> WordsOf(std::string_view line) {
  std::vector<std::string> words;
  while (true) {
    line.remove_prefix(std::min(line.find_first_not_of(kBlanks), line.size()));
    if (line.empty() || line.front() == '#') {
      return words;
    }
    std::string word;
    bool in_quotes = false;
    while (!line.empty()) {
      const char byte = line.front();
      if (!in_quotes && (kBlanks.find(byte) != std::string_view::npos || byte == '#')) {
        break;
      }
      in_quotes = byte == kQuoted ? !in_quotes : in_quotes;
      word += byte;
      line.remove_prefix(1);
    }
    if (in_quotes) {
      return Status::InvalidArgument("a quoted name does not end in its line");
    }
    words.push_back(std::move(word));
  }
}

// a,"b c",d -> names; empty for all
Result<std::vector<std::string>> NamesOf(const std::string& word) {
  std::vector<std::string> names;
  std::string name;
  bool quoted = false;
  bool in_quotes = false;
  bool all = false;
  const auto end_name = [&]() -> Status {
    if (name.empty() && !quoted) {
      return Status::InvalidArgument(fmt::format("a name is missing: {}", word));
    }
    if (!quoted && (name.front() == '+' || name.front() == '@' || name.front() == '/')) {
      return Status::InvalidArgument(fmt::format("not supported: {}", name))
          .WithHint("Names of roles and databases are listed one by one, or all.");
    }
    all = all || (!quoted && name == "all");
    names.push_back(std::exchange(name, std::string()));
    quoted = false;
    return Status();
  };
  for (const char byte : word) {
    if (byte == kQuoted) {
      in_quotes = !in_quotes;
      quoted = true;
    } else if (byte == ',' && !in_quotes) {
      DASHI_RETURN_IF_ERROR(end_name());
    } else {
      name += byte;
    }
  }
  DASHI_RETURN_IF_ERROR(end_name());
  return all ? std::vector<std::string>() : names;
}

std::optional<AccessMethod> MethodNamed(const std::string& name) {
  if (name == "trust") {
    return AccessMethod::kTrust;
  }
  if (name == "scram-sha-256") {
    return AccessMethod::kScram;
  }
  return name == "reject" ? std::optional(AccessMethod::kReject) : std::nullopt;
}

bool Lists(const std::vector<std::string>& names, const std::string& name) {
  return names.empty() || std::find(names.begin(), names.end(), name) != names.end();
}

}  // namespace

AccessRules AccessRules::Default() {
  AccessRules rules;
  const auto add = [&rules](Transport transport, const char* network, AccessMethod method) {
    Rule rule;
    rule.transport = transport;
    ReadAddress(network, &rule).IgnoreError("it is written below");
    rule.method = method;
    rule.where = "default";
    rules.rules_.push_back(std::move(rule));
  };
  add(Transport::kLocal, "all", AccessMethod::kTrustBeforeRoles);
  add(Transport::kAny, "127.0.0.0/8", AccessMethod::kTrustBeforeRoles);
  add(Transport::kAny, "::1", AccessMethod::kTrustBeforeRoles);
  add(Transport::kEncrypted, "all", AccessMethod::kScram);
  return rules;
}

Result<AccessRules> AccessRules::Parse(std::string_view text, const std::string& path) {
  AccessRules rules;
  int number = 0;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    Result<std::vector<std::string>> words = WordsOf(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
    ++number;
    if (words.ok() && words->empty()) {
      continue;
    }
    Result<Rule> rule = words.ok() ? ParseRule(*std::move(words)) : words.status();
    const std::string where = fmt::format("{}:{}", path, number);
    if (!rule.ok()) {
      return Status(rule.status()).WithSqlState("22023").WithContext(where);
    }
    rule->where = where;
    rules.rules_.push_back(*std::move(rule));
  }
  return rules;
}

Result<AccessRules::Rule> AccessRules::ParseRule(std::vector<std::string> words) {
  static constexpr std::pair<std::string_view, Transport> kTransports[] = {
      {"local", Transport::kLocal},
      {"host", Transport::kAny},
      {"hostssl", Transport::kEncrypted},
      {"hostnossl", Transport::kPlain}};
  Rule rule;
  const auto* transport = std::find_if(std::begin(kTransports), std::end(kTransports),
                                       [&](const auto& each) { return each.first == words[0]; });
  if (transport == std::end(kTransports)) {
    return Status::InvalidArgument(
        fmt::format("want local, host, hostssl or hostnossl: got {}", words[0]));
  }
  rule.transport = transport->second;
  const bool has_address = rule.transport != Transport::kLocal;
  const std::size_t num_wanted = has_address ? 5 : 4;
  if (words.size() != num_wanted) {
    return Status::InvalidArgument(fmt::format("want {} database role {}method: got {} words",
                                               words[0], has_address ? "address " : "",
                                               words.size()));
  }
  DASHI_ASSIGN_OR_RETURN(rule.databases, NamesOf(words[1]));
  DASHI_ASSIGN_OR_RETURN(rule.users, NamesOf(words[2]));
  DASHI_RETURN_IF_ERROR(ReadAddress(has_address ? words[3] : "all", &rule));
  const std::optional<AccessMethod> method = MethodNamed(words.back());
  if (!method) {
    return Status::InvalidArgument(
        fmt::format("want trust, scram-sha-256 or reject: got {}", words.back()));
  }
  rule.method = *method;
  const int own_bits = rule.network.family == PeerAddress::Family::kV4 ? 8 : 128;
  const bool own_machine = !has_address || (!rule.any_address && rule.network.is_loopback() &&
                                            rule.num_bits >= own_bits);
  if (rule.method == AccessMethod::kTrust && !own_machine) {
    return Status::InvalidArgument("trust is for the addresses of this machine alone")
        .WithHint("Others log in by scram-sha-256.");
  }
  return rule;
}

Status AccessRules::ReadAddress(const std::string& text, Rule* rule) {
  if (text == "all") {
    rule->any_address = true;
    return Status();
  }
  const std::size_t slash = text.find('/');
  DASHI_ASSIGN_OR_RETURN(rule->network, ParseAddress(text.substr(0, slash)));
  rule->num_bits = rule->network.num_bits();
  if (slash == std::string::npos) {
    return Status();
  }
  const char* begin = text.data() + slash + 1;
  const char* end = text.data() + text.size();
  const auto [parsed, error] = std::from_chars(begin, end, rule->num_bits);
  if (error != std::errc() || parsed != end || rule->num_bits < 0 ||
      rule->num_bits > rule->network.num_bits()) {
    return Status::InvalidArgument(fmt::format("not the length of a network: {}", text));
  }
  return Status();
}

bool AccessRules::Fits(const Rule& rule, const AccessRequest& request) {
  const bool is_local = request.address.family == PeerAddress::Family::kLocal;
  if (is_local != (rule.transport == Transport::kLocal) ||
      (rule.transport == Transport::kEncrypted && !request.encrypted) ||
      (rule.transport == Transport::kPlain && request.encrypted)) {
    return false;
  }
  return Lists(rule.databases, request.database) && Lists(rule.users, request.user) &&
         (rule.any_address || SameNetwork(rule.network, request.address, rule.num_bits));
}

AccessDecision AccessRules::Decide(const AccessRequest& request) const {
  for (const Rule& rule : rules_) {
    if (Fits(rule, request)) {
      return {rule.method, rule.where};
    }
  }
  return {};
}

}  // namespace dashi
