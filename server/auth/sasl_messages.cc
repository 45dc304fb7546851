#include "server/auth/sasl_messages.h"

#include <optional>

#include <fmt/format.h>

#include "base/byte_codec.h"
#include "base/status.h"

namespace dashi {

namespace {

constexpr std::size_t kLengthBytes = 4;
constexpr std::uint32_t kSasl = 10;
constexpr std::uint32_t kSaslContinue = 11;
constexpr std::uint32_t kSaslFinal = 12;

Status Malformed(std::string message) {
  return Status::InvalidArgument(std::move(message)).WithSqlState("08P01");
}

void AppendAuthentication(std::string* out, std::uint32_t kind, std::string_view data) {
  *out += 'R';
  AppendBigEndian32(out, static_cast<std::uint32_t>(2 * kLengthBytes + data.size()));
  AppendBigEndian32(out, kind);
  *out += data;
}

}  // namespace

LoginDecoding DecodeLoginMessage(std::string_view bytes) {
  LoginDecoding decoding;
  if (bytes.empty()) {
    return decoding;
  }
  if (bytes.front() != 'p') {
    decoding.outcome = DecodeOutcome::kMalformed;
    decoding.status = Malformed(fmt::format("expected SASL response, got message type {}",
                                            static_cast<unsigned char>(bytes.front())));
    return decoding;
  }
  ByteReader reader(bytes.substr(1));
  std::uint32_t length = 0;
  if (!reader.ReadBigEndian32(&length)) {
    return decoding;
  }
  if (length < kLengthBytes || length - kLengthBytes > kLoginBytesMax) {
    decoding.outcome = DecodeOutcome::kMalformed;
    return decoding;
  }
  if (bytes.size() - 1 < length) {
    return decoding;
  }
  decoding.outcome = DecodeOutcome::kMessage;
  decoding.num_bytes = 1 + std::size_t{length};
  decoding.body = bytes.substr(1 + kLengthBytes, length - kLengthBytes);
  return decoding;
}

Result<SaslInitialResponse> DecodeSaslInitialResponse(std::string_view body) {
  SaslInitialResponse initial;
  const std::size_t end = body.find('\0');
  if (end == std::string_view::npos) {
    return Malformed("invalid string in message");
  }
  initial.mechanism = body.substr(0, end);
  ByteReader reader(body.substr(end + 1));
  std::uint32_t size = 0;
  std::string_view response;
  if (!reader.ReadBigEndian32(&size) || !reader.ReadBytes(size, &response) || !reader.empty()) {
    return Malformed("invalid message format");
  }
  initial.response = response;
  return initial;
}

void AppendAuthenticationSasl(std::string* out, const std::vector<std::string>& mechanisms) {
  std::string list;
  for (const std::string& mechanism : mechanisms) {
    list += mechanism + '\0';
  }
  AppendAuthentication(out, kSasl, list + '\0');
}

void AppendAuthenticationSaslContinue(std::string* out, std::string_view data) {
  AppendAuthentication(out, kSaslContinue, data);
}

void AppendAuthenticationSaslFinal(std::string* out, std::string_view data) {
  AppendAuthentication(out, kSaslFinal, data);
}

}  // namespace dashi
