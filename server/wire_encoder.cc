#include "server/wire_encoder.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "base/byte_codec.h"
#include "base/status.h"
#include "server/value_encoder.h"

namespace dashi {

namespace {

constexpr std::size_t kValueBytesMax = std::size_t{1} << 30;
constexpr std::uint32_t kNullLength = 0xFFFFFFFFU;
constexpr std::uint16_t kVariableSize = 0xFFFFU;

// Writes a length over the four bytes that were left for it.
void SetLength(std::string* out, std::size_t at, std::size_t length) {
  std::string bytes;
  AppendBigEndian32(&bytes, static_cast<std::uint32_t>(length));
  out->replace(at, bytes.size(), bytes);
}

// Appends one message; its length is set when the object goes.
class MessageBuilder {
 public:
  MessageBuilder(std::string* out, char type) : out_(out) {
    out_->push_back(type);
    begin_ = out_->size();
    AppendBigEndian32(out_, 0);
  }
  ~MessageBuilder() { SetLength(out_, begin_, out_->size() - begin_); }
  MessageBuilder(const MessageBuilder&) = delete;
  MessageBuilder& operator=(const MessageBuilder&) = delete;

  void Byte(char byte) { out_->push_back(byte); }
  void Int16(std::uint16_t value) { AppendBigEndian16(out_, value); }
  void Int32(std::uint32_t value) { AppendBigEndian32(out_, value); }
  void Bytes(std::string_view bytes) { *out_ += bytes; }
  // A zero inside would end it early, so it ends there.
  void CString(std::string_view text) {
    *out_ += text.substr(0, text.find('\0'));
    out_->push_back('\0');
  }
  void Field(char code, std::string_view text) {
    if (!text.empty()) {
      Byte(code);
      CString(text);
    }
  }

 private:
  std::string* out_;
  std::size_t begin_ = 0;
};

void AppendCopyResponse(std::string* out, char type, WireFormat format, std::size_t num_columns) {
  MessageBuilder message(out, type);
  message.Byte(static_cast<char>(format));
  message.Int16(static_cast<std::uint16_t>(num_columns));
  for (std::size_t i = 0; i < num_columns; ++i) {
    message.Int16(static_cast<std::uint16_t>(format));
  }
}

std::uint16_t SizeOf(TypeOid type) {
  switch (type) {
    case TypeOid::kBool:
    case TypeOid::kChar:
      return 1;
    case TypeOid::kInt2:
      return 2;
    case TypeOid::kDate:
    case TypeOid::kInt4:
    case TypeOid::kFloat4:
    case TypeOid::kOid:
    case TypeOid::kXid:
    case TypeOid::kRegclass:
    case TypeOid::kRegtype:
    case TypeOid::kRegproc:
    case TypeOid::kRegnamespace:
    case TypeOid::kRegrole:
      return 4;
    case TypeOid::kName:
      return 64;
    case TypeOid::kInt8:
    case TypeOid::kFloat8:
    case TypeOid::kTime:
    case TypeOid::kTimestamptz:
      return 8;
    case TypeOid::kInterval:
      return 16;
    default:
      return kVariableSize;
  }
}

}  // namespace

void AppendAuthenticationOk(std::string* out) { MessageBuilder(out, 'R').Int32(0); }

void AppendParameterStatus(std::string* out, std::string_view name, std::string_view value) {
  MessageBuilder message(out, 'S');
  message.CString(name);
  message.CString(value);
}

void AppendBackendKeyData(std::string* out, std::uint32_t process_id, std::uint32_t secret) {
  MessageBuilder message(out, 'K');
  message.Int32(process_id);
  message.Int32(secret);
}

void AppendNegotiateProtocolVersion(std::string* out, std::uint32_t newest_minor,
                                    const std::vector<std::string>& unknown_options) {
  MessageBuilder message(out, 'v');
  message.Int32((3U << 16) | newest_minor);
  message.Int32(static_cast<std::uint32_t>(unknown_options.size()));
  for (const std::string& option : unknown_options) {
    message.CString(option);
  }
}

void AppendReadyForQuery(std::string* out, TransactionStatus status) {
  MessageBuilder(out, 'Z').Byte(static_cast<char>(status));
}

void AppendRowDescription(std::string* out, std::span<const WireColumn> columns) {
  MessageBuilder message(out, 'T');
  message.Int16(static_cast<std::uint16_t>(columns.size()));
  for (const WireColumn& column : columns) {
    message.CString(column.name);
    message.Int32(0);  // table
    message.Int16(0);  // number of the column in it
    message.Int32(static_cast<std::uint32_t>(column.type));
    message.Int16(SizeOf(column.type));
    message.Int32(kNullLength);  // type modifier: none
    message.Int16(static_cast<std::uint16_t>(column.format));
  }
}

Status AppendValues(std::string* out, const Row& row, std::span<const WireColumn> columns) {
  const auto is_too_long = [](const Value& value) {
    return value.text().size() >= kValueBytesMax || value.bytes().size() >= kValueBytesMax / 2;
  };
  if (std::any_of(row.begin(), row.end(), is_too_long)) {
    return Status::ResourceExhausted("a value is too long to be sent").WithSqlState("54000");
  }
  for (std::size_t i = 0; i < row.size(); ++i) {
    if (row[i].is_null()) {
      AppendBigEndian32(out, kNullLength);
      continue;
    }
    AppendBigEndian32(out, 0);
    const std::size_t begin = out->size();
    DASHI_RETURN_IF_ERROR(columns[i].format == WireFormat::kText
                              ? AppendText(out, row[i], columns[i])
                              : AppendBinary(out, row[i], columns[i]));
    SetLength(out, begin - 4, out->size() - begin);
  }
  return Status();
}

Status AppendDataRow(std::string* out, const Row& row, std::span<const WireColumn> columns) {
  const std::size_t begin = out->size();
  Status status;
  {
    MessageBuilder message(out, 'D');
    message.Int16(static_cast<std::uint16_t>(row.size()));
    status = AppendValues(out, row, columns);
  }
  if (!status.ok()) {
    out->resize(begin);
  }
  return status;
}

void AppendParseComplete(std::string* out) { const MessageBuilder message(out, '1'); }

void AppendBindComplete(std::string* out) { const MessageBuilder message(out, '2'); }

void AppendCloseComplete(std::string* out) { const MessageBuilder message(out, '3'); }

void AppendNoData(std::string* out) { const MessageBuilder message(out, 'n'); }

void AppendPortalSuspended(std::string* out) { const MessageBuilder message(out, 's'); }

void AppendParameterDescription(std::string* out, std::span<const TypeOid> types) {
  MessageBuilder message(out, 't');
  message.Int16(static_cast<std::uint16_t>(types.size()));
  for (const TypeOid type : types) {
    message.Int32(static_cast<std::uint32_t>(type));
  }
}

void AppendCommandComplete(std::string* out, std::string_view tag) {
  MessageBuilder(out, 'C').CString(tag);
}

void AppendEmptyQueryResponse(std::string* out) { const MessageBuilder message(out, 'I'); }

void AppendCopyInResponse(std::string* out, WireFormat format, std::size_t num_columns) {
  AppendCopyResponse(out, 'G', format, num_columns);
}

void AppendCopyOutResponse(std::string* out, WireFormat format, std::size_t num_columns) {
  AppendCopyResponse(out, 'H', format, num_columns);
}

void AppendCopyData(std::string* out, std::string_view bytes) {
  MessageBuilder(out, 'd').Bytes(bytes);
}

void AppendCopyDone(std::string* out) { const MessageBuilder message(out, 'c'); }

void AppendNotice(std::string* out, std::string_view text) {
  // Clients tell these by their codes, or show them as warnings.
  static constexpr std::pair<std::string_view, std::string_view> kWarnings[] = {
      {"there is already a transaction in progress", "25001"},
      {"there is no transaction in progress", "25P01"}};
  const auto* warning = std::find_if(std::begin(kWarnings), std::end(kWarnings),
                                     [&](const auto& one) { return one.first == text; });
  const bool warns = warning != std::end(kWarnings);
  MessageBuilder message(out, 'N');
  message.Field('S', warns ? "WARNING" : "NOTICE");
  message.Field('V', warns ? "WARNING" : "NOTICE");
  message.Field('C', warns ? warning->second : "00000");
  message.Field('M', text.empty() ? " " : text);
  message.Byte('\0');
}

void AppendError(std::string* out, Severity severity, const Status& status, std::size_t position) {
  const std::string_view name = severity == Severity::kFatal ? "FATAL" : "ERROR";
  MessageBuilder message(out, 'E');
  message.Field('S', name);
  message.Field('V', name);
  message.Field('C', status.sqlstate());
  message.Field('M', status.message().empty() ? StatusCodeName(status.code()) : status.message());
  message.Field('H', status.hint());
  if (position > 0) {
    message.Field('P', std::to_string(position));
  }
  if (status.message() == kChangedColumns) {
    message.Field('R', "RevalidateCachedQuery");
  }
  message.Byte('\0');
}

}  // namespace dashi
