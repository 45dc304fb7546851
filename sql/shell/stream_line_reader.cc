#include <cerrno>
#include <memory>
#include <string>
#include <string_view>
#include <unistd.h>

#include "sql/shell/line_reader.h"

namespace dashi {

namespace {

constexpr std::size_t kReadBytes = std::size_t{64} << 10;
constexpr std::size_t kLineBytesMax = std::size_t{64} << 20;

class StreamLineReader final : public LineReader {
 public:
  explicit StreamLineReader(int file_descriptor) : file_descriptor_(file_descriptor) {}

  Outcome ReadLine(const std::string& /*prompt*/, std::string* line) override {
    line->clear();
    while (true) {
      const std::size_t newline = buffer_.find('\n', begin_);
      line->append(buffer_, begin_, newline - begin_);
      if (newline != std::string::npos) {
        begin_ = newline + 1;
        return Outcome::kLine;
      }
      begin_ = 0;
      if (line->size() > kLineBytesMax) {
        buffer_.clear();
        return Outcome::kTooLong;
      }
      if (!Refill()) {
        return line->empty() ? Outcome::kEnd : Outcome::kLine;
      }
    }
  }

  void AddHistory(const std::string& /*statement*/) override {}
  void Interrupt() override {}
  bool interactive() const override { return false; }

 private:
  bool Refill() {
    buffer_.resize(kReadBytes);
    ssize_t num_bytes = 0;
    do {
      num_bytes = ::read(file_descriptor_, buffer_.data(), buffer_.size());
    } while (num_bytes < 0 && errno == EINTR);
    buffer_.resize(num_bytes > 0 ? static_cast<std::size_t>(num_bytes) : 0);
    return num_bytes > 0;
  }

  const int file_descriptor_;
  std::string buffer_;
  std::size_t begin_ = 0;
};

}  // namespace

std::unique_ptr<LineReader> MakeStreamLineReader(int file_descriptor) {
  return std::make_unique<StreamLineReader>(file_descriptor);
}

}  // namespace dashi
