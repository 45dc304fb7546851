#include "tests/server/wire_client.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/byte_codec.h"

namespace dashi {

namespace {

constexpr int kTimeoutMs = 60'000;

std::string Framed(std::string_view body) {
  std::string bytes;
  AppendBigEndian32(&bytes, static_cast<std::uint32_t>(body.size() + 4));
  return bytes + std::string(body);
}

std::string Int16(std::size_t value) {
  std::string bytes;
  AppendBigEndian16(&bytes, static_cast<std::uint16_t>(value));
  return bytes;
}

std::string CString(std::string_view text) { return std::string(text) + '\0'; }

std::string FormatBytes(const std::vector<std::uint16_t>& formats) {
  std::string bytes = Int16(formats.size());
  for (const std::uint16_t format : formats) {
    bytes += Int16(format);
  }
  return bytes;
}

std::string Coded(std::uint32_t code) {
  std::string bytes;
  AppendBigEndian32(&bytes, code);
  return bytes;
}

}  // namespace

std::string StartupBytes(const StartupPairs& parameters, std::uint32_t version) {
  std::string body = Coded(version);
  for (const auto& [name, value] : parameters) {
    body += name + '\0' + value + '\0';
  }
  return Framed(body + '\0');
}

std::string SslRequestBytes() { return Framed(Coded(80877103)); }

std::string GssEncRequestBytes() { return Framed(Coded(80877104)); }

std::string CancelRequestBytes(std::uint32_t process_id, std::uint32_t secret) {
  return Framed(Coded(80877102) + Coded(process_id) + Coded(secret));
}

std::string MessageBytes(char type, std::string_view body) { return type + Framed(body); }

std::string QueryBytes(std::string_view sql) { return MessageBytes('Q', std::string(sql) + '\0'); }

std::string ParseBytes(std::string_view name, std::string_view sql,
                       const std::vector<std::uint32_t>& oids) {
  std::string body = CString(name) + CString(sql) + Int16(oids.size());
  for (const std::uint32_t oid : oids) {
    body += Coded(oid);
  }
  return MessageBytes('P', body);
}

std::string BindBytes(std::string_view portal, std::string_view statement, const BindParts& parts) {
  std::string body = CString(portal) + CString(statement) + FormatBytes(parts.parameter_formats) +
                     Int16(parts.parameters.size());
  for (const std::optional<std::string>& parameter : parts.parameters) {
    body += parameter ? Coded(static_cast<std::uint32_t>(parameter->size())) + *parameter
                      : Coded(0xFFFFFFFFU);
  }
  return MessageBytes('B', body + FormatBytes(parts.result_formats));
}

std::string DescribeBytes(char kind, std::string_view name) {
  return MessageBytes('D', kind + CString(name));
}

std::string CloseBytes(char kind, std::string_view name) {
  return MessageBytes('C', kind + CString(name));
}

std::string ExecuteBytes(std::string_view portal, std::uint32_t num_rows_max) {
  return MessageBytes('E', CString(portal) + Coded(num_rows_max));
}

std::string FlushBytes() { return MessageBytes('H', ""); }

std::string SyncBytes() { return MessageBytes('S', ""); }

std::vector<ServerMessage> MessagesOf(std::string_view bytes) {
  std::vector<ServerMessage> messages;
  while (bytes.size() >= 5) {
    ByteReader reader(bytes.substr(1));
    std::uint32_t length = 0;
    if (!reader.ReadBigEndian32(&length) || length < 4 || bytes.size() < 1 + length) {
      break;
    }
    messages.push_back({bytes.front(), std::string(bytes.substr(5, length - 4))});
    bytes.remove_prefix(1 + length);
  }
  if (!bytes.empty()) {
    messages.push_back({'!', std::string(bytes)});  // not a whole message
  }
  return messages;
}

std::string TypesOf(const std::vector<ServerMessage>& messages) {
  std::string types;
  for (const ServerMessage& message : messages) {
    types += message.type == '\0' ? '.' : message.type;
  }
  return types;
}

std::string TranscriptOf(const std::vector<ServerMessage>& messages) {
  std::string transcript;
  for (const ServerMessage& message : messages) {
    transcript += transcript.empty() ? "" : " ";
    transcript += message.type == '\0' ? '.' : message.type;
    if (message.type == 'E') {
      transcript += FieldOf(message, 'S') == "FATAL" ? "!:" : ":";
      transcript += FieldOf(message, 'C');
    } else if (message.type == 'C') {
      transcript += ":" + message.body.substr(0, message.body.find('\0'));
    } else if (message.type == 'Z') {
      transcript += ":" + message.body;
    }
  }
  return transcript;
}

std::string FieldOf(const ServerMessage& message, char code) {
  std::string_view rest = message.body;
  while (!rest.empty() && rest.front() != '\0') {
    const std::size_t end = rest.find('\0');
    if (rest.front() == code) {
      return std::string(rest.substr(1, end - 1));
    }
    rest.remove_prefix(end + 1);
  }
  return std::string();
}

std::vector<std::string> ValuesOf(const ServerMessage& message) {
  std::vector<std::string> values;
  ByteReader reader(message.body);
  std::uint16_t num_values = 0;
  reader.ReadBigEndian16(&num_values);
  for (int i = 0; i < num_values; ++i) {
    std::uint32_t length = 0;
    std::string_view bytes;
    reader.ReadBigEndian32(&length);
    if (length == 0xFFFFFFFFU) {
      values.emplace_back("<null>");
    } else if (reader.ReadBytes(length, &bytes)) {
      values.emplace_back(bytes);
    }
  }
  if (reader.failed() || !reader.empty()) {
    values.emplace_back("<broken row>");
  }
  return values;
}

std::vector<std::pair<std::string, std::uint32_t>> ColumnsOf(const ServerMessage& message) {
  std::vector<std::pair<std::string, std::uint32_t>> columns;
  ByteReader count(message.body);
  std::uint16_t num_columns = 0;
  count.ReadBigEndian16(&num_columns);
  std::string_view rest = count.rest();
  for (int i = 0; i < num_columns && rest.find('\0') != std::string_view::npos; ++i) {
    const std::string name(rest.substr(0, rest.find('\0')));
    rest.remove_prefix(name.size() + 1);
    ByteReader reader(rest);
    std::uint32_t skipped32 = 0;
    std::uint16_t skipped16 = 0;
    std::uint32_t type = 0;
    reader.ReadBigEndian32(&skipped32);
    reader.ReadBigEndian16(&skipped16);
    reader.ReadBigEndian32(&type);
    reader.ReadBigEndian16(&skipped16);
    reader.ReadBigEndian32(&skipped32);
    reader.ReadBigEndian16(&skipped16);
    rest = reader.rest();
    columns.emplace_back(name, type);
  }
  if (!rest.empty()) {
    columns.emplace_back("<broken description>", 0);
  }
  return columns;
}

WireClient::WireClient(std::uint16_t port) {
  socket_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address = {};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (::connect(socket_, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0) {
    Close();
  }
}

WireClient::WireClient(const std::string& path) {
  socket_ = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_un address = {};
  address.sun_family = AF_UNIX;
  path.copy(address.sun_path, sizeof(address.sun_path) - 1);
  if (::connect(socket_, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0) {
    Close();
  }
}

WireClient::~WireClient() { Close(); }

void WireClient::Close() {
  if (socket_ >= 0) {
    ::close(socket_);
  }
  socket_ = -1;
}

void WireClient::Send(std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t sent = ::send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent <= 0) {
      return;
    }
    bytes.remove_prefix(static_cast<std::size_t>(sent));
  }
}

bool WireClient::ReadMore() {
  pollfd fd = {socket_, POLLIN, 0};
  if (::poll(&fd, 1, kTimeoutMs) <= 0) {
    timed_out_ = true;
    return false;
  }
  char bytes[16384];
  const ssize_t num_bytes = ::recv(socket_, bytes, sizeof(bytes), 0);
  if (num_bytes <= 0) {
    return false;
  }
  buffer_.append(bytes, static_cast<std::size_t>(num_bytes));
  return true;
}

std::string WireClient::ReadBytes(std::size_t size) {
  while (buffer_.size() < size && ReadMore()) {
  }
  std::string bytes = buffer_.substr(0, size);
  buffer_.erase(0, bytes.size());
  return bytes;
}

ServerMessage WireClient::Read() {
  ServerMessage message;
  const std::string head = ReadBytes(5);
  ByteReader reader(std::string_view(head).substr(head.empty() ? 0 : 1));
  std::uint32_t length = 0;
  if (head.size() < 5 || !reader.ReadBigEndian32(&length)) {
    message.type = timed_out_ ? '?' : '\0';
    return message;
  }
  message.type = head.front();
  message.body = ReadBytes(length - 4);
  return message;
}

std::vector<ServerMessage> WireClient::ReadUntilReady() {
  std::vector<ServerMessage> messages;
  do {
    messages.push_back(Read());
  } while (std::string_view("Z?").find(messages.back().type) == std::string_view::npos &&
           messages.back().type != '\0');
  return messages;
}

bool WireClient::AtEnd() { return buffer_.empty() && !ReadMore() && !timed_out_; }

std::vector<ServerMessage> WireClient::LogIn(const StartupPairs& parameters) {
  Send(StartupBytes(parameters));
  std::vector<ServerMessage> messages = ReadUntilReady();
  for (const ServerMessage& message : messages) {
    if (message.type == 'K') {
      ByteReader reader(message.body);
      reader.ReadBigEndian32(&process_id_);
      reader.ReadBigEndian32(&secret_);
    }
  }
  return messages;
}

std::vector<ServerMessage> WireClient::Query(std::string_view sql) {
  Send(QueryBytes(sql));
  return ReadUntilReady();
}

}  // namespace dashi
