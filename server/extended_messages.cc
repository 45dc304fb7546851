#include "server/extended_messages.h"

#include <utility>

#include <fmt/format.h>

#include "base/byte_codec.h"
#include "base/status.h"

namespace dashi {

namespace {

constexpr std::size_t kOidBytes = 4;
constexpr std::size_t kFormatBytes = 2;
constexpr std::size_t kValueLengthBytes = 4;
constexpr std::uint32_t kNullLength = 0xFFFFFFFFU;

Status TooShort() {
  return Status::InvalidArgument("insufficient data left in message").WithSqlState("08P01");
}

// Reads the fields of a message from its front.
class FieldReader {
 public:
  explicit FieldReader(std::string_view body) : rest_(body) {}

  Result<std::string> CString() {
    const std::size_t end = rest_.find('\0');
    if (end == std::string_view::npos) {
      return Status::InvalidArgument("invalid string in message").WithSqlState("08P01");
    }
    const std::string_view text = rest_.substr(0, end);
    DASHI_RETURN_IF_ERROR(CheckUtf8(text));
    rest_.remove_prefix(end + 1);
    return std::string(text);
  }
  Result<char> Byte() {
    DASHI_ASSIGN_OR_RETURN(const std::string_view byte, Bytes(1));
    return byte.front();
  }
  Result<std::uint16_t> Int16() {
    DASHI_ASSIGN_OR_RETURN(const std::string_view bytes, Bytes(2));
    std::uint16_t value = 0;
    static_cast<void>(ByteReader(bytes).ReadBigEndian16(&value));
    return value;
  }
  Result<std::uint32_t> Int32() {
    DASHI_ASSIGN_OR_RETURN(const std::string_view bytes, Bytes(4));
    std::uint32_t value = 0;
    static_cast<void>(ByteReader(bytes).ReadBigEndian32(&value));
    return value;
  }
  Result<std::string_view> Bytes(std::size_t num_bytes) {
    if (rest_.size() < num_bytes) {
      return TooShort();
    }
    const std::string_view bytes = rest_.substr(0, num_bytes);
    rest_.remove_prefix(num_bytes);
    return bytes;
  }
  // Reads how many items of at least `item_bytes` follow.
  Result<std::size_t> Count(std::size_t item_bytes) {
    DASHI_ASSIGN_OR_RETURN(const std::size_t count, Int16());
    if (rest_.size() < count * item_bytes) {
      return TooShort();
    }
    return count;
  }
  Status End() const { return CheckEmptyBody(rest_); }

 private:
  std::string_view rest_;
};

Result<std::vector<WireFormat>> ReadFormats(FieldReader& reader) {
  DASHI_ASSIGN_OR_RETURN(const std::size_t count, reader.Count(kFormatBytes));
  std::vector<WireFormat> formats(count);
  for (WireFormat& format : formats) {
    DASHI_ASSIGN_OR_RETURN(const std::uint16_t code, reader.Int16());
    format = static_cast<WireFormat>(code);
  }
  return formats;
}

Result<ExtendedMessage> DecodeParse(FieldReader& reader) {
  ParseMessage message;
  DASHI_ASSIGN_OR_RETURN(message.name, reader.CString());
  DASHI_ASSIGN_OR_RETURN(message.query, reader.CString());
  DASHI_ASSIGN_OR_RETURN(const std::size_t count, reader.Count(kOidBytes));
  message.parameter_types.resize(count);
  for (TypeOid& type : message.parameter_types) {
    DASHI_ASSIGN_OR_RETURN(const std::uint32_t oid, reader.Int32());
    type = static_cast<TypeOid>(oid);
  }
  DASHI_RETURN_IF_ERROR(reader.End());
  return ExtendedMessage(std::move(message));
}

Result<ExtendedMessage> DecodeBind(FieldReader& reader) {
  BindMessage message;
  DASHI_ASSIGN_OR_RETURN(message.portal, reader.CString());
  DASHI_ASSIGN_OR_RETURN(message.statement, reader.CString());
  DASHI_ASSIGN_OR_RETURN(message.parameter_formats, ReadFormats(reader));
  DASHI_ASSIGN_OR_RETURN(const std::size_t count, reader.Count(kValueLengthBytes));
  message.parameters.resize(count);
  for (std::optional<std::string>& parameter : message.parameters) {
    DASHI_ASSIGN_OR_RETURN(const std::uint32_t length, reader.Int32());
    if (length != kNullLength) {
      DASHI_ASSIGN_OR_RETURN(const std::string_view bytes, reader.Bytes(length));
      parameter = std::string(bytes);
    }
  }
  DASHI_ASSIGN_OR_RETURN(message.result_formats, ReadFormats(reader));
  DASHI_RETURN_IF_ERROR(reader.End());
  return ExtendedMessage(std::move(message));
}

// Reads what Describe and Close have in them.
template <typename Message>
Result<ExtendedMessage> DecodeNamed(FieldReader& reader, std::string_view what) {
  Message message;
  DASHI_ASSIGN_OR_RETURN(const char kind, reader.Byte());
  DASHI_ASSIGN_OR_RETURN(message.name, reader.CString());
  DASHI_RETURN_IF_ERROR(reader.End());
  message.kind = static_cast<NamedKind>(kind);
  if (message.kind != NamedKind::kStatement && message.kind != NamedKind::kPortal) {
    return Status::InvalidArgument(
               fmt::format("invalid {} message subtype {}", what, static_cast<unsigned char>(kind)))
        .WithSqlState("08P01");
  }
  return ExtendedMessage(std::move(message));
}

Result<ExtendedMessage> DecodeExecute(FieldReader& reader) {
  ExecuteMessage message;
  DASHI_ASSIGN_OR_RETURN(message.portal, reader.CString());
  DASHI_ASSIGN_OR_RETURN(const std::uint32_t num_rows_max, reader.Int32());
  DASHI_RETURN_IF_ERROR(reader.End());
  // A negative number is none.
  message.num_rows_max = static_cast<std::int32_t>(num_rows_max) < 0 ? 0 : num_rows_max;
  return ExtendedMessage(std::move(message));
}

Result<ExtendedMessage> Decode(const FrontendMessage& message) {
  FieldReader reader(message.body);
  switch (message.type) {
    case FrontendType::kParse:
      return DecodeParse(reader);
    case FrontendType::kBind:
      return DecodeBind(reader);
    case FrontendType::kDescribe:
      return DecodeNamed<DescribeMessage>(reader, "DESCRIBE");
    case FrontendType::kClose:
      return DecodeNamed<CloseMessage>(reader, "CLOSE");
    case FrontendType::kExecute:
      return DecodeExecute(reader);
    case FrontendType::kFlush:
      DASHI_RETURN_IF_ERROR(reader.End());
      return ExtendedMessage(FlushMessage());
    default:
      DASHI_RETURN_IF_ERROR(reader.End());
      return ExtendedMessage(SyncMessage());
  }
}

}  // namespace

bool IsExtended(FrontendType type) {
  switch (type) {
    case FrontendType::kParse:
    case FrontendType::kBind:
    case FrontendType::kDescribe:
    case FrontendType::kExecute:
    case FrontendType::kClose:
    case FrontendType::kFlush:
    case FrontendType::kSync:
      return true;
    case FrontendType::kQuery:
    case FrontendType::kFunctionCall:
    case FrontendType::kCopyData:
    case FrontendType::kCopyDone:
    case FrontendType::kCopyFail:
    case FrontendType::kTerminate:
      break;
  }
  return false;
}

ExtendedMessage DecodeExtended(const FrontendMessage& message) {
  Result<ExtendedMessage> decoded = Decode(message);
  if (decoded.ok()) {
    return std::move(decoded).value();
  }
  return MalformedMessage{std::move(decoded).status(), message.type == FrontendType::kSync};
}

Status UnexpectedInCopy(char type) {
  return Status::InvalidArgument(
             fmt::format("unexpected message type 0x{:02X} during COPY from stdin",
                         static_cast<unsigned char>(type)))
      .WithSqlState("08P01");
}

Result<std::string> DecodeCopyFail(std::string_view body) { return DecodeQuery(body); }

}  // namespace dashi
