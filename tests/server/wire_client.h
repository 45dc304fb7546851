#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace dashi {

// The client's side of the PostgreSQL protocol, for tests.

using StartupPairs = std::vector<std::pair<std::string, std::string>>;

std::string StartupBytes(const StartupPairs& parameters, std::uint32_t version = 3U << 16);
std::string SslRequestBytes();
std::string GssEncRequestBytes();
std::string CancelRequestBytes(std::uint32_t process_id, std::uint32_t secret);
std::string MessageBytes(char type, std::string_view body);
std::string QueryBytes(std::string_view sql);
/// `oids` are those of the first parameters.
std::string ParseBytes(std::string_view name, std::string_view sql,
                       const std::vector<std::uint32_t>& oids = {});
/// What a Bind message has besides its names. A parameter without a value is NULL.
struct BindParts {
  std::vector<std::uint16_t> parameter_formats = {};
  std::vector<std::optional<std::string>> parameters = {};
  std::vector<std::uint16_t> result_formats = {};
};
std::string BindBytes(std::string_view portal, std::string_view statement,
                      const BindParts& parts = {});
/// `kind` is 'S' or 'P'.
std::string DescribeBytes(char kind, std::string_view name);
std::string CloseBytes(char kind, std::string_view name);
std::string ExecuteBytes(std::string_view portal, std::uint32_t num_rows_max = 0);
std::string FlushBytes();
std::string SyncBytes();

/// A message of the server. Type '\0' stands for the end of the connection, '?' for a time-out.
struct ServerMessage {
  char type = '\0';
  std::string body;
};

/// Cuts whole messages out of bytes.
std::vector<ServerMessage> MessagesOf(std::string_view bytes);
/// Returns the types in order: "TDDCZ".
std::string TypesOf(const std::vector<ServerMessage>& messages);
/// Returns the types with what a client acts on: "1 2 T D C:SELECT 1 E:26000 Z:I"; "E!" is fatal.
std::string TranscriptOf(const std::vector<ServerMessage>& messages);
/// Returns a field of an ErrorResponse or NoticeResponse, "" when it has none.
std::string FieldOf(const ServerMessage& message, char code);
/// Returns the values of a DataRow; NULL as "<null>".
std::vector<std::string> ValuesOf(const ServerMessage& message);
/// Returns name and type number of the columns of a RowDescription.
std::vector<std::pair<std::string, std::uint32_t>> ColumnsOf(const ServerMessage& message);

/// A TCP connection to a server on 127.0.0.1. Every wait ends after 20 s.
class WireClient {
 public:
  explicit WireClient(std::uint16_t port);
  /// Connects to a Unix socket.
  explicit WireClient(const std::string& path);
  ~WireClient();
  WireClient(const WireClient&) = delete;
  WireClient& operator=(const WireClient&) = delete;

  bool connected() const { return socket_ >= 0; }
  void Send(std::string_view bytes);
  void Close();
  /// Reads `size` bytes without a message's form; fewer at the end.
  std::string ReadBytes(std::size_t size);
  ServerMessage Read();
  /// Reads up to and including ReadyForQuery, the end or a time-out.
  std::vector<ServerMessage> ReadUntilReady();
  /// Whether the server has closed the connection, once everything before is read.
  bool AtEnd();

  /// Starts up; keeps the key for cancelling.
  std::vector<ServerMessage> LogIn(const StartupPairs& parameters = {{"user", "ann"}});
  std::vector<ServerMessage> Query(std::string_view sql);
  std::uint32_t process_id() const { return process_id_; }
  std::uint32_t secret() const { return secret_; }

 private:
  bool ReadMore();

  int socket_ = -1;
  std::string buffer_;
  bool timed_out_ = false;
  std::uint32_t process_id_ = 0;
  std::uint32_t secret_ = 0;
};

}  // namespace dashi
