#include "server/auth/scram_server.h"

#include <algorithm>
#include <optional>
#include <utility>

#include <fmt/format.h>

#include "base/base64.h"
#include "base/secret_bytes.h"
#include "base/sha256.h"
#include "base/status.h"

namespace dashi {

namespace {

constexpr std::string_view kPlain = "SCRAM-SHA-256";
constexpr std::string_view kPlus = "SCRAM-SHA-256-PLUS";
constexpr std::string_view kBinding = "p=tls-server-end-point";
constexpr std::size_t kMessageBytesMax = 2048;
constexpr std::size_t kNonceBytesMax = 512;

Status Malformed(std::string_view what) {
  return Status::InvalidArgument(fmt::format("malformed SCRAM message: {}", what))
      .WithSqlState("08P01");
}

// Cuts off `name=value` up to the next comma. The value of what has another name is nullopt.
std::optional<std::string_view> Attribute(char name, std::string_view* rest) {
  if (rest->size() < 2 || rest->front() != name || (*rest)[1] != '=') {
    return std::nullopt;
  }
  const std::size_t end = std::min(rest->find(','), rest->size());
  const std::string_view value = rest->substr(2, end - 2);
  rest->remove_prefix(std::min(end + 1, rest->size()));
  return value;
}

bool IsNonce(std::string_view text) {
  return !text.empty() && text.size() <= kNonceBytesMax &&
         std::all_of(text.begin(), text.end(),
                     [](char byte) { return byte >= 0x21 && byte <= 0x7E && byte != ','; });
}

std::string Xor(std::string a, std::string_view b) {
  for (std::size_t i = 0; i < a.size(); ++i) {
    a[i] = static_cast<char>(a[i] ^ b[i]);
  }
  return a;
}

}  // namespace

ScramServer::ScramServer(ScramSecrets secrets) : secrets_(std::move(secrets)) {}

std::vector<std::string> ScramServer::mechanisms() const {
  if (secrets_.end_point_hash.empty()) {
    return {std::string(kPlain)};
  }
  return {std::string(kPlus), std::string(kPlain)};
}

// The header that says whether the client binds to the channel: "n,,", "y,," or
// "p=tls-server-end-point,,". Returns it.
Result<std::string> ScramServer::CheckChannel(bool plus, std::string_view* rest) {
  std::string_view flag = rest->substr(0, std::min(rest->find(','), rest->size()));
  if (flag.starts_with("p=") && flag != kBinding) {
    return Status::InvalidArgument("unsupported SCRAM channel-binding type").WithSqlState("08P01");
  }
  const bool binds = flag == kBinding;
  if (!binds && flag != "n" && flag != "y") {
    return Malformed("no channel binding flag");
  }
  if (binds != plus) {
    return Malformed("the mechanism and the channel binding flag contradict each other");
  }
  if (flag == "y" && !secrets_.end_point_hash.empty()) {
    return Status::InvalidArgument("SCRAM channel binding negotiation error")
        .WithSqlState("28000")
        .WithHint(
            "The client supports channel binding and thinks that the server does not; it does.");
  }
  const std::string header = std::string(flag) + ",,";
  if (!rest->starts_with(header)) {
    return Malformed("an authorization identity is not supported");
  }
  rest->remove_prefix(header.size());
  return header;
}

Result<std::string> ScramServer::Start(std::string_view mechanism, std::string_view client_first) {
  const bool plus = mechanism == kPlus;
  if ((!plus && mechanism != kPlain) || (plus && secrets_.end_point_hash.empty())) {
    return Status::InvalidArgument("client selected an invalid SASL authentication mechanism")
        .WithSqlState("08P01");
  }
  if (client_first.size() > kMessageBytesMax) {
    return Malformed("too long");
  }
  std::string_view rest = client_first;
  DASHI_ASSIGN_OR_RETURN(const std::string header, CheckChannel(plus, &rest));
  expected_channel_ = header + (plus ? secrets_.end_point_hash : std::string());
  client_first_bare_ = rest;
  // The name that counts is that of the startup message.
  if (!Attribute('n', &rest)) {
    return Malformed("no user name");
  }
  const std::optional<std::string_view> nonce = Attribute('r', &rest);
  if (!nonce || !IsNonce(*nonce)) {
    return Malformed("no nonce");
  }
  nonce_ = std::string(*nonce) + secrets_.nonce;
  server_first_ = fmt::format("r={},s={},i={}", nonce_, Base64Of(secrets_.verifier.salt),
                              secrets_.verifier.num_iterations);
  return server_first_;
}

Result<std::string> ScramServer::Finish(std::string_view client_last) {
  if (client_last.size() > kMessageBytesMax) {
    return Malformed("too long");
  }
  std::string_view rest = client_last;
  const std::optional<std::string_view> channel = Attribute('c', &rest);
  const std::optional<std::string_view> nonce = channel ? Attribute('r', &rest) : std::nullopt;
  if (!nonce || *nonce != nonce_) {
    return Malformed(channel ? "the nonce is another" : "no channel binding");
  }
  if (FromBase64(*channel) != expected_channel_) {
    return Status::InvalidArgument("SCRAM channel binding check failed").WithSqlState("28000");
  }
  const std::size_t proof_begin = rest.starts_with("p=") ? 0 : rest.rfind(",p=");
  if (proof_begin == std::string_view::npos) {
    return Malformed("no proof");
  }
  const std::size_t signed_bytes =
      client_last.size() - rest.size() + proof_begin - (proof_begin == 0 ? 1 : 0);
  std::string_view last = rest.substr(proof_begin == 0 ? 0 : proof_begin + 1);
  const std::optional<std::string> proof = FromBase64(Attribute('p', &last).value_or(""));
  if (!proof || proof->size() != secrets_.verifier.stored_key.size() || !last.empty()) {
    return Malformed("no proof of 32 bytes at the end");
  }
  const std::string message = client_first_bare_ + "," + server_first_ + "," +
                              std::string(client_last.substr(0, signed_bytes));
  const std::string& stored_key = secrets_.verifier.stored_key;
  const std::string client_key = Xor(HmacSha256(stored_key).Of(message), *proof);
  const bool proven = SameSecret(Sha256Of(client_key), stored_key);
  if (!proven || !secrets_.may_log_in) {
    return Status::FailedPrecondition("password authentication failed").WithSqlState("28P01");
  }
  return "v=" + Base64Of(HmacSha256(secrets_.verifier.server_key).Of(message));
}

ScramVerifier MockScramVerifier(std::string_view user, std::string_view server_secret) {
  const HmacSha256 hmac(server_secret);
  ScramVerifier verifier;
  verifier.num_iterations = kScramIterations;
  verifier.salt = hmac.Of("salt " + std::string(user)).substr(0, kScramSaltBytes);
  verifier.stored_key = hmac.Of("key " + std::string(user));
  verifier.server_key = verifier.stored_key;
  return verifier;
}

}  // namespace dashi
