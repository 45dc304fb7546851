#include "tests/crash/crash_event.h"

#include <cstdlib>
#include <unistd.h>

#include "base/byte_codec.h"
#include "base/status.h"

namespace dashi::crash {

namespace {

constexpr std::size_t kHeaderBytes = 4;

std::string Encode(const CrashEvent& event) {
  std::string body(1, static_cast<char>(event.kind));
  AppendLittleEndian32(&body, static_cast<std::uint32_t>(event.owner));
  AppendLengthPrefixed(&body, event.text);
  for (const auto& [key, value] : event.changes) {
    AppendLengthPrefixed(&body, key);
    AppendLengthPrefixed(&body, value ? "=" + *value : "");
  }
  std::string frame;
  AppendLittleEndian32(&frame, static_cast<std::uint32_t>(body.size()));
  return frame + body;
}

CrashEvent Decode(std::string_view body) {
  CrashEvent event;
  ByteReader reader(body);
  std::uint8_t kind = 0;
  std::uint32_t owner = 0;
  std::string_view text;
  DASHI_CHECK(reader.ReadByte(&kind) && reader.ReadLittleEndian32(&owner) &&
              reader.ReadLengthPrefixed(&text));
  event.kind = static_cast<CrashEventKind>(kind);
  event.owner = static_cast<int>(owner);
  event.text = text;
  while (!reader.empty()) {
    std::string_view key;
    std::string_view value;
    DASHI_CHECK(reader.ReadLengthPrefixed(&key) && reader.ReadLengthPrefixed(&value));
    event.changes[std::string(key)] =
        value.empty() ? std::nullopt : std::optional<std::string>(value.substr(1));
  }
  return event;
}

}  // namespace

void CrashEventWriter::Send(const CrashEvent& event) {
  const std::string frame = Encode(event);
  MutexLock lock(mutex_);
  std::string_view rest = frame;
  while (!rest.empty()) {
    const ssize_t written = ::write(descriptor_, rest.data(), rest.size());
    if (written <= 0) {
      std::abort();  // The parent is gone.
    }
    rest.remove_prefix(static_cast<std::size_t>(written));
  }
}

void CrashEventWriter::SendProblem(std::string_view text) {
  Send({CrashEventKind::kProblem, 0, std::string(text), {}});
}

void CrashEventWriter::SendRow(const std::string& key, const std::string& value) {
  Send({CrashEventKind::kRow, 0, "", {{key, value}}});
}

std::optional<CrashEvent> CrashEventParser::Next() {
  std::uint32_t size = 0;
  const std::string_view rest = std::string_view(buffer_).substr(begin_);
  ByteReader reader(rest);
  if (!reader.ReadLittleEndian32(&size) || rest.size() < kHeaderBytes + size) {
    buffer_.erase(0, begin_);
    begin_ = 0;
    return std::nullopt;
  }
  begin_ += kHeaderBytes + size;
  return Decode(rest.substr(kHeaderBytes, size));
}

}  // namespace dashi::crash
