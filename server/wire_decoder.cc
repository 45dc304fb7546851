#include "server/wire_decoder.h"

#include <algorithm>
#include <optional>

#include <fmt/format.h>
#include <utf8proc.h>

#include "base/byte_codec.h"
#include "base/status.h"

namespace dashi {

namespace {

constexpr std::size_t kLengthBytes = 4;
constexpr std::uint32_t kCancelRequestCode = (1234U << 16) | 5678U;
constexpr std::uint32_t kSslRequestCode = (1234U << 16) | 5679U;
constexpr std::uint32_t kGssEncRequestCode = (1234U << 16) | 5680U;
constexpr std::uint32_t kMajorVersion = 3;

Status ProtocolViolation(std::string message) {
  return Status::InvalidArgument(std::move(message)).WithSqlState("08P01");
}

std::optional<std::string> ReadCString(std::string_view* rest) {
  const std::size_t end = rest->find('\0');
  if (end == std::string_view::npos) {
    return std::nullopt;
  }
  std::string text(rest->substr(0, end));
  rest->remove_prefix(end + 1);
  return text;
}

// name \0 value \0 ... \0
Status DecodeParameters(std::string_view rest, StartupMessage* message) {
  while (!rest.empty() && rest.front() != '\0') {
    std::optional<std::string> name = ReadCString(&rest);
    std::optional<std::string> value = name ? ReadCString(&rest) : std::nullopt;
    if (!value) {
      break;
    }
    message->parameters.emplace_back(std::move(*name), std::move(*value));
  }
  return rest.size() == 1 && rest.front() == '\0'
             ? Status()
             : ProtocolViolation("invalid startup packet layout: expected terminator as last byte");
}

std::size_t BodyBytesMax(FrontendType type) {
  switch (type) {
    case FrontendType::kQuery:
    case FrontendType::kParse:
    case FrontendType::kBind:
    case FrontendType::kFunctionCall:
    case FrontendType::kCopyData:
      return kLongMessageBytesMax;
    case FrontendType::kDescribe:
    case FrontendType::kExecute:
    case FrontendType::kClose:
    case FrontendType::kFlush:
    case FrontendType::kSync:
    case FrontendType::kCopyDone:
    case FrontendType::kCopyFail:
    case FrontendType::kTerminate:
      return kShortMessageBytesMax;
  }
  return 0;  // no type of ours
}

}  // namespace

StartupDecoding DecodeStartup(std::string_view bytes) {
  StartupDecoding decoding;
  ByteReader reader(bytes);
  std::uint32_t length = 0;
  if (!reader.ReadBigEndian32(&length)) {
    return decoding;
  }
  if (length < 2 * kLengthBytes || length > kStartupBytesMax) {
    decoding.outcome = DecodeOutcome::kMalformed;
    return decoding;
  }
  std::uint32_t code = 0;
  if (bytes.size() < length || !reader.ReadBigEndian32(&code)) {
    return decoding;
  }
  const std::string_view body = bytes.substr(2 * kLengthBytes, length - 2 * kLengthBytes);
  StartupMessage& message = decoding.message;
  decoding.outcome = DecodeOutcome::kMessage;
  decoding.num_bytes = length;
  if (code == kSslRequestCode && body.empty()) {
    message.kind = StartupMessage::Kind::kSslRequest;
  } else if (code == kGssEncRequestCode && body.empty()) {
    message.kind = StartupMessage::Kind::kGssEncRequest;
  } else if (code == kCancelRequestCode && body.size() == 2 * kLengthBytes) {
    message.kind = StartupMessage::Kind::kCancelRequest;
    ByteReader key(body);
    static_cast<void>(key.ReadBigEndian32(&message.process_id));
    static_cast<void>(key.ReadBigEndian32(&message.secret));
  } else if (code >> 16 == kMajorVersion) {
    message.minor_version = static_cast<std::uint16_t>(code & 0xFFFFU);
    decoding.status = DecodeParameters(body, &message);
  } else {
    decoding.outcome = DecodeOutcome::kMalformed;
  }
  return decoding;
}

MessageDecoding DecodeMessage(std::string_view bytes) {
  MessageDecoding decoding;
  if (bytes.empty()) {
    return decoding;
  }
  const auto type = static_cast<FrontendType>(bytes.front());
  const std::size_t body_bytes_max = BodyBytesMax(type);
  if (body_bytes_max == 0) {
    decoding.outcome = DecodeOutcome::kMalformed;
    decoding.status = ProtocolViolation(
        fmt::format("invalid frontend message type {}", static_cast<unsigned char>(bytes.front())));
    return decoding;
  }
  ByteReader reader(bytes.substr(1));
  std::uint32_t length = 0;
  if (!reader.ReadBigEndian32(&length)) {
    return decoding;
  }
  if (length < kLengthBytes || length - kLengthBytes > body_bytes_max) {
    decoding.outcome = DecodeOutcome::kMalformed;
    return decoding;
  }
  if (bytes.size() - 1 < length) {
    return decoding;
  }
  decoding.outcome = DecodeOutcome::kMessage;
  decoding.num_bytes = 1 + std::size_t{length};
  decoding.message.type = type;
  decoding.message.body = bytes.substr(1 + kLengthBytes, length - kLengthBytes);
  return decoding;
}

Result<std::string> DecodeQuery(std::string_view body) {
  if (body.empty() || body.find('\0') != body.size() - 1) {
    return ProtocolViolation("invalid string in message");
  }
  const std::string_view text = body.substr(0, body.size() - 1);
  DASHI_RETURN_IF_ERROR(CheckUtf8(text));
  return std::string(text);
}

Status CheckUtf8(std::string_view text) {
  while (!text.empty()) {
    if (text.front() > '\0') {  // ASCII
      text.remove_prefix(1);
      continue;
    }
    utf8proc_int32_t codepoint = 0;
    const utf8proc_ssize_t num_bytes = utf8proc_iterate(
        reinterpret_cast<const utf8proc_uint8_t*>(text.data()),
        static_cast<utf8proc_ssize_t>(std::min<std::size_t>(text.size(), 4)), &codepoint);
    if (num_bytes <= 0 || codepoint == 0) {
      return Status::InvalidArgument(
                 fmt::format("invalid byte sequence for encoding \"UTF8\": 0x{:02x}",
                             static_cast<unsigned char>(text.front())))
          .WithSqlState("22021");
    }
    text.remove_prefix(static_cast<std::size_t>(num_bytes));
  }
  return Status();
}

Status CheckEmptyBody(std::string_view body) {
  return body.empty() ? Status() : ProtocolViolation("invalid message format");
}

}  // namespace dashi
